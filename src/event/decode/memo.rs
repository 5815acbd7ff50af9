//! What the events of one body or file have in common, made once.

use std::sync::Arc;

use super::message;
use crate::event::{Personal, Privacy, fingerprint};

/// Names and ids that are remembered: 16 bytes each. A body has few thousand events.
const TEXTS: usize = 2048;

/// The same of a recording, which may have a hundred thousand connections and millions of events: 4 MB.
const TEXTS_OF_RECORDING: usize = 1 << 18;

/// Treated values that are remembered. User agents are few, and cost most to hash.
const VALUES: usize = 512;

/// Treated error codes that are remembered: a provider has about ten.
const CODES: usize = 64;

/// Longer values are not remembered: a user agent may have a megabyte.
const VALUE_BYTES_MAX: usize = 512;

/// Remembers texts in places that their fingerprints choose; the last one stays.
#[derive(Debug, Default)]
pub(super) struct Memo {
    texts: Vec<Option<Arc<str>>>,
    values: Vec<Option<(Box<str>, Option<Personal>)>>,
    codes: Vec<Option<(Box<str>, Arc<str>)>>,
}

impl Memo {
    /// For many events. The default remembers nothing: it is for one.
    pub(super) fn for_many() -> Self {
        Self { texts: vec![None; TEXTS], values: vec![None; VALUES], codes: vec![None; CODES] }
    }

    /// For a whole recording.
    pub(super) fn for_recording() -> Self {
        Self { texts: vec![None; TEXTS_OF_RECORDING], ..Self::for_many() }
    }

    /// `text`, shared with others that are equal.
    pub(super) fn share(&mut self, text: &str) -> Arc<str> {
        let Some(place) = place(&mut self.texts, text) else { return text.into() };
        match place {
            Some(known) if **known == *text => Arc::clone(known),
            _ => Arc::clone(place.insert(text.into())),
        }
    }

    /// `value` after its treatment.
    pub(super) fn treat(&mut self, value: &str, privacy: &Privacy) -> Option<Personal> {
        if value.len() > VALUE_BYTES_MAX {
            return privacy.treat(value);
        }
        let Some(place) = place(&mut self.values, value) else { return privacy.treat(value) };
        match place {
            Some((known, treated)) if **known == *value => treated.clone(),
            _ => place.insert((value.into(), privacy.treat(value))).1.clone(),
        }
    }

    /// An error code after its treatment.
    pub(super) fn code(&mut self, code: &str, privacy: &Privacy) -> Arc<str> {
        let treat = || message::treat_code(code, privacy).into();
        if code.len() > VALUE_BYTES_MAX {
            return treat();
        }
        let Some(place) = place(&mut self.codes, code) else { return treat() };
        match place {
            Some((known, treated)) if **known == *code => Arc::clone(treated),
            _ => Arc::clone(&place.insert((code.into(), treat())).1),
        }
    }
}

/// The place for `text`; `None` when nothing is remembered.
fn place<'a, T>(places: &'a mut [T], text: &str) -> Option<&'a mut T> {
    if places.is_empty() {
        return None;
    }
    // Scales the fingerprint to the places: a division took as long as the fingerprint.
    let index = (u128::from(fingerprint(text)) * places.len() as u128) >> 64;
    places.get_mut(usize::try_from(index).expect("below a length"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Treatment;

    #[test]
    fn equal_texts_are_one_and_others_are_never_mixed_up() {
        let privacy = Privacy::new(Treatment::Hash, b"key");
        let mut memo = Memo::for_many();
        let first = memo.share("conn_1");
        assert!(Arc::ptr_eq(&first, &memo.share("conn_1")));
        for round in 0..2 {
            // Twice as many as there are places.
            for n in 0..2 * TEXTS {
                let text = format!("text {n}");
                assert_eq!(*memo.share(&text), *text, "{round}");
                assert_eq!(memo.treat(&text, &privacy), privacy.treat(&text), "{round}");
                let code = format!("code_{n}@example.com");
                let treated = message::treat_code(&code, &privacy);
                assert_eq!(*memo.code(&code, &privacy), *treated, "{round}");
            }
        }
        assert_eq!(&*Memo::default().share("a"), "a");
    }
}
