//! The ordered, durable log of everything that was accepted. State is a fold of it.

mod disk;
pub mod embedded;
mod inlet;

use std::sync::Arc;

pub use disk::{Append, Disk, Lock};
pub use embedded::{Config, Journal, JournalError, Reader, Recovery};
pub use inlet::{Delivery, Inlet, InletError, Parcel, Receipt, Refusals, inlet};

/// The operating system's file system.
#[must_use]
pub fn operating_system() -> Arc<dyn Disk> {
    Arc::new(disk::OperatingSystem)
}
