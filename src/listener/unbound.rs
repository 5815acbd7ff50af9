//! Why an address cannot be listened on, and what to do: the same words at a start, at a reload and in a check.

use std::io;
use std::net::SocketAddr;

/// What to say of `address` after `error`.
#[must_use]
pub fn unbound(address: SocketAddr, error: &io::Error) -> String {
    let remedy = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another process listens there, perhaps ssowatch itself; stop it or choose another port"
        }
        io::ErrorKind::PermissionDenied => {
            "choose a port of 1024 or above, or grant CAP_NET_BIND_SERVICE"
        }
        _ => "choose an address of this machine",
    };
    format!("cannot listen on {address}: {error}; {remedy}")
}
