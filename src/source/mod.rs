//! Where events come from.

pub mod intake;
pub mod signature;
