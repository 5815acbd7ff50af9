//! The ordered, durable log of everything that was accepted. State is a fold of it.

pub mod embedded;
mod inlet;

pub use embedded::{Config, Journal, JournalError, Reader, Recovery};
pub use inlet::{Delivery, Inlet, InletError, Parcel, Receipt, Refusals, inlet};
