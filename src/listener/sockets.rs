//! Sockets outlive a reload: a caller that comes while the daemon changes over waits a moment, and is not turned away.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};

use super::unbound;

/// Sockets that listen, by the listener's name and the address that was asked for.
#[derive(Debug, Default)]
pub struct Sockets(BTreeMap<(&'static str, SocketAddr), TcpListener>);

impl Sockets {
    /// Opens what `wanted` names and is not open yet. On an error nothing has changed.
    pub fn open(&mut self, wanted: &[(&'static str, SocketAddr)]) -> io::Result<()> {
        let mut fresh = Vec::new();
        for place in wanted {
            if !self.0.contains_key(place) {
                let open = |address| {
                    let socket = TcpListener::bind(address)?;
                    socket.set_nonblocking(true)?;
                    Ok(socket)
                };
                let socket = open(place.1).map_err(|error: io::Error| {
                    let text = format!("`http.{}.listen`: {}", place.0, unbound(place.1, &error));
                    io::Error::new(error.kind(), text)
                })?;
                fresh.push((*place, socket));
            }
        }
        self.0.extend(fresh);
        Ok(())
    }

    /// Closes all that `wanted` does not name.
    pub fn keep(&mut self, wanted: &[(&'static str, SocketAddr)]) {
        self.0.retain(|place, _| wanted.contains(place));
    }

    /// The open socket of a listener, for one run of the daemon.
    pub fn get(&self, name: &'static str, address: SocketAddr) -> io::Result<TcpListener> {
        let open = self.0.get(&(name, address));
        open.ok_or(io::ErrorKind::NotConnected)?.try_clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_socket_stays_and_a_taken_address_changes_nothing() {
        let any: SocketAddr = ([127, 0, 0, 1], 0).into();
        let mut sockets = Sockets::default();
        sockets.open(&[("admin", any), ("intake", any)]).unwrap();
        let address =
            |sockets: &Sockets, name| sockets.get(name, any).unwrap().local_addr().unwrap();
        let (admin, intake) = (address(&sockets, "admin"), address(&sockets, "intake"));
        assert_ne!(admin, intake);
        sockets.open(&[("admin", any), ("intake", any)]).unwrap();
        assert_eq!(address(&sockets, "admin"), admin);
        let error = sockets.open(&[("intake", ([127, 0, 0, 1], 0).into()), ("admin", intake)]);
        let text = error.unwrap_err().to_string();
        assert!(text.starts_with("`http.admin.listen`: cannot listen on 127.0.0.1:"), "{text}");
        assert!(text.ends_with("; stop it or choose another port"), "{text}");
        assert!(sockets.get("admin", intake).is_err());
        sockets.keep(&[("admin", any)]);
        assert!(sockets.get("intake", any).is_err());
        std::net::TcpListener::bind(intake).expect("what is not kept is closed");
    }
}
