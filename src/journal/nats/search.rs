//! Finds a message by what it says: positions and stamps only grow along a stream.

use super::error::NatsError;
use super::part::{self, Head};
use super::stream::Stream;

/// Of the sequences from `low` to before `high`, of which the first ones are wanted, the last wanted one.
struct Search {
    low: u64,
    high: u64,
    /// The beginning of the append of the last one that is known to be wanted.
    found: u64,
}

impl Search {
    /// The next sequence to look at.
    fn next(&self) -> Option<u64> {
        (self.low < self.high).then(|| self.low + (self.high - self.low) / 2)
    }

    /// Of the messages from `low` to `middle` the last that can be read is `readable`: its sequence, and which part of its
    /// append it is if it is wanted. None can be read: then they say nothing, and it is looked behind them.
    fn tell(&mut self, middle: u64, readable: Option<(u64, Option<u32>)>) {
        match readable {
            Some((sequence, None)) => self.high = sequence,
            Some((sequence, Some(part))) => {
                self.low = middle + 1;
                self.found = self.found.max(sequence.saturating_sub(u64::from(part)));
            }
            None => self.low = middle + 1,
        }
    }
}

/// The beginning of the last append among the messages from `first` to before `end` that is `wanted`; `first` when none is.
pub(super) async fn find(
    stream: &Stream,
    first: u64,
    end: u64,
    wanted: impl Fn(Head) -> bool,
) -> Result<u64, NatsError> {
    let mut search = Search { low: first, high: end, found: first };
    while let Some(middle) = search.next() {
        let mut readable = None;
        // One that is gone, or none of ours, says nothing.
        for sequence in (search.low..=middle).rev() {
            let message = stream.get(sequence).await?;
            if let Some((head, _)) = message.as_deref().and_then(part::read) {
                readable = Some((sequence, wanted(head).then_some(head.part)));
                break;
            }
        }
        search.tell(middle, readable);
    }
    Ok(search.found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In place of the position of a message that is none of ours.
    const FOREIGN: u64 = u64::MAX;

    /// By sequence from `begin` on: first position and part of each message.
    fn found(begin: u64, messages: &[(u64, u32)], position: u64) -> u64 {
        let mut search = Search { low: begin, high: begin + messages.len() as u64, found: begin };
        while let Some(middle) = search.next() {
            let of = |sequence: u64| messages[usize::try_from(sequence - begin).unwrap()];
            let mut all = (search.low..=middle).rev().map(|sequence| (sequence, of(sequence)));
            let readable = all.find(|(_, (first, _))| *first != FOREIGN);
            let readable = readable
                .map(|(sequence, (first, part))| (sequence, (first <= position).then_some(part)));
            search.tell(middle, readable);
        }
        search.found
    }

    #[test]
    fn a_position_is_in_the_last_append_that_does_not_begin_behind_it() {
        // Appends of 3, 2 and 4 entries, the second in three parts; then a claim, which has none.
        let messages = [(10, 0), (13, 0), (13, 1), (13, 2), (15, 0), (19, 0)];
        let expected =
            [(0, 7), (10, 7), (12, 7), (13, 8), (14, 8), (15, 11), (18, 11), (19, 12), (99, 12)];
        for (position, sequence) in expected {
            assert_eq!(found(7, &messages, position), sequence, "position {position}");
        }
        assert_eq!(found(1, &[], 3), 1);
    }

    #[test]
    fn messages_of_somebody_else_hide_nothing_wherever_they_are() {
        let own = [(0, 0), (5, 0), (5, 1), (9, 0)];
        for places in 0..32u32 {
            let mut messages = Vec::new();
            for n in 0..=own.len() {
                if places & (1 << n) != 0 {
                    messages.extend([(FOREIGN, 0); 2]);
                }
                messages.extend(own.get(n));
            }
            for (position, wanted) in [(0, 0), (4, 0), (5, 1), (8, 1), (9, 3), (99, 3)] {
                let place = messages.iter().position(|message| *message == own[wanted]).unwrap();
                let sequence = found(1, &messages, position);
                // Foreign messages within an append break it: then its beginning is found, or what stands before it.
                let before = if wanted == 1 && places & 4 != 0 { 2 } else { 0 };
                let place = place as u64 + 1;
                assert!((place..=place + before).contains(&sequence), "{places:b} {position}");
            }
        }
    }

    #[test]
    fn of_an_append_that_was_not_finished_the_one_after_it_counts() {
        assert_eq!(found(1, &[(0, 0), (5, 0), (5, 1), (5, 0), (5, 1)], 5), 4);
    }
}
