//! Access logs: pushed, followed, and sent by syslog.

pub(super) mod push;
