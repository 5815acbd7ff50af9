//! The ordered, durable log of everything that was accepted. State is a fold of it.

mod inlet;

pub use inlet::{Delivery, Inlet, InletError, Parcel, Receipt, Refusals, inlet};
