//! Who a client is, remembered from line to line.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::net::{IpAddr, Ipv4Addr};

use super::Table;
use crate::event::edge::address::{Internal, address, network};
use crate::event::{Personal, Privacy};

/// Longest text that is remembered; longer ones are attacks.
pub(super) const TEXT_BYTES_MAX: usize = 512;

/// Callers, and other values that limits count by, under their numbers.
#[derive(Debug, Default)]
pub(super) struct Callers {
    /// By their addresses, which is how most logs name them.
    addresses: Table<Ipv4Addr, Client>,
    /// By whatever else stands in the log.
    texts: Table<Box<str>, Client>,
    /// By what is kept of them: one caller may be written in several ways.
    named: Table<Personal, u32>,
    known: Vec<Known>,
}

/// What a line needs to know of its client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    pub(super) internal: bool,
    /// Its number; `None` when nothing of it is kept.
    pub(super) number: Option<u32>,
}

/// Whoever has a number.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) name: Personal,
    /// Tells it from others.
    pub(super) hash: u64,
    /// The name's first bytes, by which most are told apart without looking at the name itself.
    head: u64,
}

impl Callers {
    /// How many are remembered.
    pub(super) fn len(&self) -> usize {
        self.known.len().max(self.texts.len()).max(self.addresses.len())
    }

    /// All of them by number.
    pub(super) fn known(&self) -> &[Known] {
        &self.known
    }

    /// The client that a log calls `text`; `None` when that names nobody.
    pub(super) fn find(
        &mut self,
        text: &str,
        internal: &Internal,
        privacy: &Privacy,
    ) -> Option<Client> {
        // There is but one way to write such an address.
        let plain = text.parse::<Ipv4Addr>().ok();
        let found = match &plain {
            Some(address) => self.addresses.get(address),
            None => self.texts.get(text),
        };
        if let Some(client) = found {
            return Some(*client);
        }
        let client = self.meet(internal.client(text), internal, privacy)?;
        if let Some(address) = plain {
            self.addresses.insert(address, client);
        } else if text.len() <= TEXT_BYTES_MAX {
            self.texts.insert(text.into(), client);
        }
        Some(client)
    }

    /// Gives a number to a value that is kept as `name`.
    pub(super) fn learn(&mut self, name: Personal, hash: u64) -> u32 {
        self.known.push(Known::new(name, hash));
        u32::try_from(self.known.len() - 1).expect("bounded by REMEMBERED_MAX")
    }

    fn meet(&mut self, text: &str, internal: &Internal, privacy: &Privacy) -> Option<Client> {
        if text.is_empty() {
            return None;
        }
        let parsed = address(text);
        let internal = parsed.is_some_and(|address| internal.holds(address));
        // However an address is written, and whatever its port: one name.
        let written = parsed.map_or(Cow::Borrowed(text), |address| match address {
            IpAddr::V6(_) if !internal => Cow::Owned(network(address)),
            address => Cow::Owned(address.to_string()),
        });
        let number = privacy.caller(&written).map(|(name, hash)| {
            if let Some(number) = self.named.get(&name) {
                return *number;
            }
            let number = self.learn(name.clone(), hash);
            self.named.insert(name, number);
            number
        });
        Some(Client { internal, number })
    }
}

impl Known {
    fn new(name: Personal, hash: u64) -> Self {
        let mut head = [0; 8];
        let bytes = name.as_str().as_bytes();
        let length = bytes.len().min(head.len());
        head[..length].copy_from_slice(&bytes[..length]);
        Self { name, hash, head: u64::from_be_bytes(head) }
    }

    /// In the order of the names.
    pub(super) fn by_name(&self, other: &Self) -> Ordering {
        self.head.cmp(&other.head).then_with(|| self.name.cmp(&other.name))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn property_test_heads_keep_the_order_of_names(texts in prop::collection::vec("[a\\x00b]{1,10}|h:[0-9a-f]{8}", 2..12)) {
            let mut known: Vec<_> = texts
                .iter()
                .map(|text| Known::new(Personal::shown(text).unwrap(), 0))
                .collect();
            known.sort_by(Known::by_name);
            prop_assert!(known.is_sorted_by_key(|known| known.name.as_str()));
        }
    }
}
