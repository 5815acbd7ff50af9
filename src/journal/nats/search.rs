//! Finds a message by what it says: positions and stamps only grow along a stream.

use super::link::NatsError;
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

    /// The message `sequence` is not wanted, or is, and is this part of its append.
    fn tell(&mut self, sequence: u64, part: Option<u32>) {
        match part {
            Some(part) => {
                self.low = sequence + 1;
                self.found = self.found.max(sequence.saturating_sub(u64::from(part)));
            }
            None => self.high = sequence,
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
    while let Some(sequence) = search.next() {
        let message = stream.get(sequence).await?;
        let head = message.as_deref().and_then(part::read).map(|(head, _)| head);
        // One that is gone, or none of ours, says nothing: as if it stood before.
        let part = head.map_or(Some(0), |head| wanted(head).then_some(head.part));
        search.tell(sequence, part);
    }
    Ok(search.found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By sequence from `begin` on: first position and part of each message.
    fn found(begin: u64, messages: &[(u64, u32)], position: u64) -> u64 {
        let mut search = Search { low: begin, high: begin + messages.len() as u64, found: begin };
        while let Some(sequence) = search.next() {
            let (first, part) = messages[usize::try_from(sequence - begin).unwrap()];
            search.tell(sequence, (first <= position).then_some(part));
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
    fn of_an_append_that_was_not_finished_the_one_after_it_counts() {
        assert_eq!(found(1, &[(0, 0), (5, 0), (5, 1), (5, 0), (5, 1)], 5), 4);
    }
}
