//! What this version does not know of an event: its type, a field of it, a word in a field that holds one of a few.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{AuthEvent, Record, Timestamp};

/// Things that one batch tells apart; a sender that makes up names shall not fill the journal with them.
const TOLD_APART_MAX: usize = 64;

/// Under which the rest of them are counted.
const OTHER: &str = "other";

/// What is not known. The label `kind` of the metric.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Novel {
    /// The name of the event.
    Type,
    /// A field, by its path.
    Field,
    /// A word in a field, as `path=word`.
    Value,
}

impl Novel {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 3] = [Self::Type, Self::Field, Self::Value];

    /// The label value, and the word for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Field => "field",
            Self::Value => "value",
        }
    }
}

/// Something that is not known, as often as it came in a batch.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Novelty {
    /// What it is.
    pub kind: Novel,
    /// Its name: of a field, and of a word, with the path that leads to it. Nothing personal is in it.
    pub what: Box<str>,
    /// The type of an event that it came with.
    pub within: Arc<str>,
    /// `created_at` of the first of them.
    pub at: Timestamp,
    /// In how many events it was.
    pub count: u64,
}

impl AuthEvent {
    /// What is not known of this event.
    #[must_use]
    pub fn novelties(&self) -> Vec<Novelty> {
        let all = self.novel.iter().map(|(kind, what)| Novelty {
            kind: *kind,
            what: what.clone(),
            within: Arc::clone(&self.name),
            at: self.at,
            count: 1,
        });
        all.collect()
    }
}

/// What a batch of events brought.
#[derive(Debug, Default)]
pub struct Novelties(Vec<Novelty>);

impl Novelties {
    /// Takes what is not known out of an event.
    pub fn take(&mut self, event: &mut AuthEvent) {
        if event.novel.is_empty() {
            return;
        }
        for mut novelty in event.novelties() {
            let place = self.place(&novelty).or_else(|| {
                if self.0.len() >= TOLD_APART_MAX {
                    novelty.what = OTHER.into();
                }
                self.place(&novelty)
            });
            match place {
                Some(place) => {
                    let known = &mut self.0[place];
                    known.at = known.at.min(novelty.at);
                    known.count += 1;
                }
                None => self.0.push(novelty),
            }
        }
        event.novel.clear();
    }

    fn place(&self, novelty: &Novelty) -> Option<usize> {
        let same = |known: &Novelty| known.kind == novelty.kind && known.what == novelty.what;
        self.0.iter().position(same)
    }

    /// For the journal, if there was any.
    #[must_use]
    pub fn record(self) -> Option<Record> {
        (!self.0.is_empty()).then_some(Record::Novel(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Body, EventId};

    fn event(at: i64, novel: &[(Novel, &str)]) -> AuthEvent {
        let novel = novel.iter().map(|(kind, what)| (*kind, (*what).into())).collect();
        let at = Timestamp::from_millis(at);
        AuthEvent { id: EventId::new("event_1"), at, name: "x".into(), body: Body::Other, novel }
    }

    #[test]
    fn a_batch_is_counted_together_and_names_without_end_fill_nothing() {
        assert_eq!(Novelties::default().record(), None);
        let mut novelties = Novelties::default();
        for at in [7, 5, 6] {
            novelties.take(&mut event(at, &[(Novel::Field, "data.a")]));
        }
        let mut many = event(9, &[]);
        many.novel = (0..1000).map(|n| (Novel::Value, format!("data.b={n}").into())).collect();
        novelties.take(&mut many);
        assert!(many.novel.is_empty());
        let Some(Record::Novel(all)) = novelties.record() else { panic!("nothing was new") };
        assert_eq!(all.len(), TOLD_APART_MAX + 1);
        let a = all.iter().find(|novelty| &*novelty.what == "data.a").unwrap();
        assert_eq!((a.at, a.count, &*a.within), (Timestamp::from_millis(5), 3, "x"));
        let other = all.iter().find(|novelty| &*novelty.what == OTHER).unwrap();
        assert_eq!(other.count, 1000 - (TOLD_APART_MAX as u64 - 1), "of words");
    }
}
