//! How far a stream has been read.

use std::fmt;

/// The message that comes next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Place {
    /// When the stream was made, in the server's words: tells it from another of the same name.
    pub(super) created: String,
    /// Its sequence.
    pub(super) next: u64,
}

impl Place {
    /// What `to_string` wrote.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (created, next) = text.rsplit_once(' ')?;
        let next = next.parse().ok().filter(|next| *next > 0)?;
        Some(Self { created: created.to_owned(), next })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.created, self.next)
    }
}

/// Where a message stands, as the address for its answer says:
/// `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream sequence>.<consumer sequence>.<time>.<pending>`, newer servers with domain
/// and account behind `ACK`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stand {
    pub(super) in_stream: u64,
    /// Grows by one with each message that the consumer sends.
    pub(super) in_consumer: u64,
    /// Messages that wait behind it.
    pub(super) pending: u64,
}

impl Stand {
    pub(super) fn read(reply: &str) -> Option<Self> {
        let words: Vec<_> = reply.strip_prefix("$JS.ACK.")?.split('.').collect();
        let begin = match words.len() {
            7 => 3,
            9.. => 5,
            _ => return None,
        };
        let number = |index: usize| words.get(begin + index)?.parse().ok();
        Some(Self { in_stream: number(0)?, in_consumer: number(1)?, pending: number(3)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written_and_rubbish_is_none() {
        let place = Place { created: "2026-01-15T12:00:00.123456789Z".into(), next: 42 };
        assert_eq!(Place::parse(&place.to_string()), Some(place));
        for rubbish in ["", "42", "2026 0", "2026 x", "2026 -1"] {
            assert_eq!(Place::parse(rubbish), None, "{rubbish}");
        }
    }

    #[test]
    fn both_forms_of_the_address_say_where_a_message_stands() {
        let stand = Stand { in_stream: 7, in_consumer: 3, pending: 9 };
        for reply in [
            "$JS.ACK.WORKOS.cons.1.7.3.1768478400000000000.9",
            "$JS.ACK.hub.ACC1.WORKOS.cons.1.7.3.1768478400000000000.9",
            "$JS.ACK.hub.ACC1.WORKOS.cons.1.7.3.1768478400000000000.9.rAnDoM",
        ] {
            assert_eq!(Stand::read(reply), Some(stand), "{reply}");
        }
        for rubbish in ["", "_INBOX.x", "$JS.ACK.a.b.1.x.3.4.9", "$JS.ACK.a.b.1.7.3.4", "$JS.ACK."]
        {
            assert_eq!(Stand::read(rubbish), None, "{rubbish}");
        }
    }
}
