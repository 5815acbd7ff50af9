//! Where events come from.

pub mod edge;
pub mod file;
mod health;
pub mod intake;
pub mod nats;
pub mod room;
pub mod signature;
pub mod workos_api;
