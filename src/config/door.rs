//! Every address that is listened on: none may be taken twice, and `check --online` tries each.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};

use super::Config;
use crate::source::edge::syslog::Transport;

/// An address that is listened on.
pub struct Door {
    /// The key that names it.
    pub key: String,
    /// Where it is.
    pub address: SocketAddr,
    transport: Transport,
}

impl Door {
    fn new(key: &str, transport: Transport, address: SocketAddr) -> Self {
        Self { key: key.to_owned(), address, transport }
    }

    /// Opens and closes it.
    pub fn try_open(&self) -> io::Result<()> {
        match self.transport {
            Transport::Tcp => TcpListener::bind(self.address).map(drop),
            Transport::Udp => UdpSocket::bind(self.address).map(drop),
        }
    }

    /// Whether one of the two keeps the other from being opened. Port 0 is a port of its own every time.
    #[must_use]
    pub fn excludes(&self, other: &Self) -> bool {
        let (one, two) = (self.address, other.address);
        self.transport == other.transport
            && one.port() == two.port()
            && one.port() != 0
            && (one.ip() == two.ip() || covers(one.ip(), two.ip()) || covers(two.ip(), one.ip()))
    }
}

/// Whether `all` stands for every address of a kind that `one` is of; that of IPv6 stands for those of IPv4, too.
fn covers(all: IpAddr, one: IpAddr) -> bool {
    all.is_unspecified() && (all.is_ipv6() || one.is_ipv4())
}

impl Config {
    /// Both listeners and those of syslog.
    pub fn doors(&self) -> Result<Vec<Door>, String> {
        let mut doors = vec![
            Door::new("http.admin.listen", Transport::Tcp, self.http.admin.listen),
            Door::new("http.intake.listen", Transport::Tcp, self.http.intake.listen),
        ];
        let entries = self.sources.edge.iter().enumerate();
        let entries = entries.filter(|(_, entry)| entry.syslog.is_some());
        for ((index, _), (listen, _)) in entries.zip(self.access_logs()?.listeners) {
            let key = format!("sources.edge[{index}].syslog");
            doors.push(Door::new(&key, listen.transport, listen.address));
        }
        Ok(doors)
    }

    /// Refuses two of them at one address.
    pub(super) fn check_doors(&self) -> Result<(), String> {
        let doors = self.doors()?;
        for (index, door) in doors.iter().enumerate() {
            if let Some(first) = doors[..index].iter().find(|first| first.excludes(door)) {
                let (key, address) = (&door.key, door.address);
                return Err(format!(
                    "`{key}`: {address} is taken by `{}`; choose another port",
                    first.key
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_doors_exclude_each_other_exactly_when_one_address_would_serve_both() {
        let cases = [
            ("127.0.0.1:1", "127.0.0.1:1", true),
            ("127.0.0.1:1", "127.0.0.1:2", false),
            ("127.0.0.1:0", "127.0.0.1:0", false),
            ("127.0.0.1:1", "127.0.0.2:1", false),
            ("0.0.0.0:1", "127.0.0.1:1", true),
            ("127.0.0.1:1", "[::]:1", true),
            ("[::]:1", "[::1]:1", true),
            ("0.0.0.0:1", "[::]:1", true),
            ("0.0.0.0:1", "[::1]:1", false),
        ];
        for (one, two, want) in cases {
            let door =
                |address: &str, transport| Door::new("", transport, address.parse().unwrap());
            let (a, b) = (door(one, Transport::Tcp), door(two, Transport::Tcp));
            assert_eq!((a.excludes(&b), b.excludes(&a)), (want, want), "{one} {two}");
            assert!(!a.excludes(&door(two, Transport::Udp)), "{one} {two}");
        }
    }
}
