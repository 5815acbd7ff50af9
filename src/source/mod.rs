//! Where events come from.

pub mod signature;
