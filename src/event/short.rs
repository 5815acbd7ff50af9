//! Short text without memory of its own.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::{Serialize, Serializer};

/// Bytes that need no memory of their own: `session_` and a ULID have 34.
const BYTES: usize = 38;

/// Text that is nearly always short. Each event has two ids of its own: to get memory for them, to fetch it into the cache
/// and to give it back took a tenth of the fold.
#[derive(Clone)]
pub(super) struct Short(Kept);

#[derive(Clone)]
enum Kept {
    /// All text of up to [`BYTES`] bytes.
    Here { length: u8, bytes: [u8; BYTES] },
    /// Only what is longer.
    There(Box<str>),
}

impl Short {
    pub(super) fn new(text: &str) -> Self {
        let mut bytes = [0; BYTES];
        match (bytes.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(text.as_bytes());
                Self(Kept::Here { length, bytes })
            }
            _ => Self(Kept::There(text.into())),
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Kept::Here { length, bytes } => &bytes[..usize::from(*length)],
            Kept::There(text) => text.as_bytes(),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        match &self.0 {
            Kept::Here { .. } => {
                std::str::from_utf8(self.as_bytes()).expect("it was made of a whole text")
            }
            Kept::There(text) => text,
        }
    }
}

impl PartialEq for Short {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Short {}

impl Ord for Short {
    /// As text: by bytes.
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl PartialOrd for Short {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Short {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Debug for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl Serialize for Short {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Short {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Short;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Short, E> {
        Ok(Short::new(text))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn property_test_it_is_as_the_text_that_it_was_made_of(
            one in "[a-zü]{0,42}", other in "[a-zü]{0,42}",
        ) {
            let (a, b) = (Short::new(&one), Short::new(&other));
            prop_assert_eq!((a.as_str(), a.as_bytes()), (&*one, one.as_bytes()));
            prop_assert_eq!(a.cmp(&b), one.cmp(&other));
            prop_assert_eq!(a == b, one == other);
            prop_assert_eq!(format!("{a:?}"), format!("{one:?}"));
            let bytes = postcard::to_stdvec(&a).unwrap();
            prop_assert_eq!(&bytes, &postcard::to_stdvec(&one).unwrap());
            prop_assert_eq!(postcard::from_bytes::<Short>(&bytes).unwrap(), a);
        }
    }

    #[test]
    fn an_event_does_not_grow_by_more_than_its_ids_save() {
        assert_eq!(size_of::<Short>(), 40);
    }
}
