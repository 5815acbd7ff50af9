//! Where events come from.

pub mod intake;
pub mod signature;
pub mod workos_api;
