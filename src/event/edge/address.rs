//! Addresses of clients, and who counts as internal.

use std::net::{IpAddr, Ipv6Addr};

/// Networks and headers of `internal` at most.
const INTERNAL_MAX: usize = 64;

/// Who is internal: the operator's own networks, and requests with certain headers.
#[derive(Clone, Debug, Default)]
pub struct Internal {
    networks: Vec<Network>,
    headers: Vec<Mark>,
}

/// A header that marks a request as internal.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    /// In lower case.
    pub(super) header: Box<str>,
    /// Its value; `None`: any.
    pub(super) value: Option<Box<str>>,
}

/// A network of addresses, IPv4 or IPv6.
#[derive(Clone, Copy, Debug)]
pub struct Network {
    base: u128,
    /// Bits of the base that count.
    length: u32,
}

impl Internal {
    /// Reads networks (`10.0.0.0/8`, `192.0.2.1`) and headers (`header:X-Caller`, `header:X-Caller=billing`).
    pub fn new<'a>(items: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let mut internal = Self::default();
        for item in items {
            if let Some(header) = item.strip_prefix("header:") {
                let (name, value) = match header.split_once('=') {
                    Some((name, value)) => (name, Some(value.into())),
                    None => (header, None),
                };
                let header = header_name(name)?;
                internal.headers.push(Mark { header, value });
            } else {
                internal.networks.push(Network::parse(item).ok_or_else(|| {
                    format!(
                        "`{item}` is neither a network nor a header; write e.g. 10.0.0.0/8, fd00::/8 or header:X-Caller"
                    )
                })?);
            }
        }
        if internal.networks.len() + internal.headers.len() > INTERNAL_MAX {
            return Err(format!("more than {INTERNAL_MAX} entries"));
        }
        Ok(internal)
    }

    pub(super) fn headers(&self) -> &[Mark] {
        &self.headers
    }

    /// Whether an address is internal.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.holds(address))
    }

    /// The client among the addresses that `text` lists, as `X-Forwarded-For` does: each proxy adds who called it, so the
    /// last one that is not of the operator's own network is as far as anyone can be believed; the first when all are.
    #[must_use]
    pub fn client<'a>(&self, text: &'a str) -> &'a str {
        if !text.contains(',') {
            return text.trim();
        }
        let mut addresses = text.split(',').map(str::trim).filter(|address| !address.is_empty());
        let outside = addresses
            .clone()
            .rev()
            .find(|text| address(text).is_none_or(|address| !self.holds(address)));
        outside.or_else(|| addresses.next()).unwrap_or_default()
    }
}

impl Network {
    /// Reads `10.0.0.0/8`, `192.0.2.1`, `fd00::/8`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (base, length) = match text.split_once('/') {
            Some((base, length)) => (base, Some(length)),
            None => (text, None),
        };
        let base: IpAddr = base.parse().ok()?;
        let (most, offset) = if base.is_ipv4() { (32, 96) } else { (128, 0) };
        let length = match length {
            Some(length) => length.parse().ok().filter(|length| *length <= most)?,
            None => most,
        };
        Some(Self { base: bits(base), length: offset + length })
    }

    /// Whether `address` belongs to it.
    #[must_use]
    pub fn holds(self, address: IpAddr) -> bool {
        let differs = self.base ^ bits(address);
        differs.leading_zeros() >= self.length
    }
}

/// The address in `192.0.2.1`, `192.0.2.1:443`, `2001:db8::1` or `[2001:db8::1]:443`.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    let bare = match text.strip_prefix('[') {
        Some(inside) => inside.split_once(']')?.0,
        None => text.split_once(':')?.0,
    };
    bare.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// The network of 64 bits around an address, as `2001:db8:77:1::/64`: a household or a machine has one, and takes another address in it
/// for each request if it likes.
pub(super) fn network(address: IpAddr) -> String {
    format!("{}/64", Ipv6Addr::from_bits(bits(address) & (u128::MAX << 64)))
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => Ipv6Addr::to_bits(address),
    }
}

/// A header's name in lower case.
pub(super) fn header_name(name: &str) -> Result<Box<str>, String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if name.is_empty() || name.len() > 64 || !name.bytes().all(fits) {
        return Err(format!("`{name}` is not the name of a header"));
    }
    Ok(name.to_ascii_lowercase().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn internal(items: &[&str]) -> Internal {
        Internal::new(items.iter().copied()).unwrap()
    }

    #[test]
    fn networks_hold_their_addresses_in_either_family() {
        let internal = internal(&["10.0.0.0/8", "192.0.2.7", "fd00::/8"]);
        let cases = [
            ("10.255.0.1", true),
            ("11.0.0.1", false),
            ("192.0.2.7:4711", true),
            ("192.0.2.8", false),
            ("::ffff:10.1.2.3", true),
            ("[fd12::1]:443", true),
            ("2001:db8::1", false),
            ("::a00:1", false),
        ];
        for (text, want) in cases {
            assert_eq!(internal.holds(address(text).unwrap()), want, "{text}");
        }
        assert!(super::address("unix:").is_none());
    }

    #[test]
    fn of_a_list_the_last_stranger_is_the_client() {
        let internal = internal(&["10.0.0.0/8"]);
        let cases = [
            ("203.0.113.9", "203.0.113.9"),
            // What the client itself claims stands first and proves nothing.
            ("198.51.100.1, 203.0.113.9,10.0.0.7", "203.0.113.9"),
            ("10.1.1.1, 10.0.0.7", "10.1.1.1"),
            (" , ", ""),
        ];
        for (text, want) in cases {
            assert_eq!(internal.client(text), want, "{text}");
        }
    }

    #[test]
    fn what_is_neither_network_nor_header_is_refused() {
        for item in ["10.0.0.0/33", "ten", "10.0.0/8", "header:", "header:X Caller"] {
            assert!(Internal::new([item].into_iter()).is_err(), "{item}");
        }
        let marks = internal(&["header:X-Caller=billing"]);
        assert_eq!(
            (&*marks.headers[0].header, marks.headers[0].value.as_deref()),
            ("x-caller", Some("billing"))
        );
    }
}
