//! Where events come from.

pub mod edge;
pub mod file;
pub mod intake;
pub mod room;
pub mod signature;
pub mod workos_api;
