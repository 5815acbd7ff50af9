//! Access logs: pushed, followed, and sent by syslog.

mod config;
mod files;
pub(super) mod push;
pub mod syslog;
mod talliers;

pub use self::config::{Config, Log, Settings, settings};
pub use self::files::AccessLogs;
pub use self::talliers::Talliers;
