//! Bodies within limits: of one request, of all that are under way together, and of the few at once that may grow.
//!
//! A body that is refused is read to its end all the same and thrown away: whoever is still sending when the connection is
//! closed never sees the answer, and sends the same again.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, header};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How much of a refused body is read for the sender's sake: four times the largest that is taken.
const DISCARDED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What is set aside for an announced body before any of it has arrived.
const RESERVED_BYTES_MAX: usize = 64 * 1024;

/// Memory for bodies.
#[derive(Clone, Debug)]
pub struct Room {
    bytes: Arc<Semaphore>,
    growing: Arc<Semaphore>,
}

/// A body, which takes room as long as it is held.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) bytes: Vec<u8>,
    #[expect(dead_code, reason = "gives the room back when it is dropped")]
    permit: Option<OwnedSemaphorePermit>,
}

/// Why there is no body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unread {
    /// It is larger than one may be.
    TooLarge,
    /// All that are under way together are.
    Full,
    /// It did not arrive whole.
    Broken,
}

impl Room {
    /// Room for `bytes_max` bytes as they arrive, and for `growing_max` bodies that grow.
    #[must_use]
    pub fn new(bytes_max: usize, growing_max: usize) -> Self {
        Self {
            bytes: Arc::new(Semaphore::new(bytes_max)),
            growing: Arc::new(Semaphore::new(growing_max)),
        }
    }

    /// Reads a body of at most `bytes_max` bytes. Takes room for what arrives, not for what is announced: a sender that
    /// announces much and sends nothing takes none.
    pub(super) async fn read(
        &self,
        headers: &HeaderMap,
        mut body: Body,
        bytes_max: usize,
    ) -> Result<Held, Unread> {
        let announced = length(headers).unwrap_or(0);
        if announced > bytes_max {
            discard(headers, body).await;
            return Err(Unread::TooLarge);
        }
        let mut bytes = Vec::with_capacity(announced.min(RESERVED_BYTES_MAX));
        let mut permit: Option<OwnedSemaphorePermit> = None;
        while let Some(chunk) = next(&mut body).await? {
            let refusal = match self.take(chunk.len()) {
                _ if bytes.len() + chunk.len() > bytes_max => Unread::TooLarge,
                None => Unread::Full,
                Some(more) => {
                    match &mut permit {
                        Some(permit) => permit.merge(more),
                        None => permit = Some(more),
                    }
                    bytes.extend_from_slice(&chunk);
                    continue;
                }
            };
            drop((bytes, permit));
            discard(headers, body).await;
            return Err(refusal);
        }
        Ok(Held { bytes, permit })
    }

    /// Waits for its turn to make something large of a body.
    pub(super) async fn grow(&self) -> OwnedSemaphorePermit {
        Arc::clone(&self.growing).acquire_owned().await.expect("the semaphore is never closed")
    }

    fn take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(bytes).ok()?;
        Arc::clone(&self.bytes).try_acquire_many_owned(bytes).ok()
    }
}

/// Reads the rest of a refused body for nothing, within a limit. A sender that asked first (`Expect: 100-continue`) has not
/// begun, and is answered at once.
pub(super) async fn discard(headers: &HeaderMap, mut body: Body) {
    if headers.contains_key(header::EXPECT) {
        return;
    }
    let mut left = DISCARDED_BYTES_MAX;
    while let Ok(Some(chunk)) = next(&mut body).await {
        match left.checked_sub(chunk.len()) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

async fn next(body: &mut Body) -> Result<Option<Bytes>, Unread> {
    loop {
        match poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await {
            None => return Ok(None),
            Some(Err(_)) => return Err(Unread::Broken),
            // Trailers are nothing to us.
            Some(Ok(frame)) => {
                if let Ok(chunk) = frame.into_data() {
                    return Ok(Some(chunk));
                }
            }
        }
    }
}

fn length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(length: Option<usize>) -> HeaderMap {
        let length = length.map(|length| (header::CONTENT_LENGTH, length.into()));
        length.into_iter().collect()
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit_announced_or_not() {
        let cases = [
            ("at the limit", 10, None, Ok(10)),
            ("announced, at the limit", 10, Some(10), Ok(10)),
            ("over", 11, None, Err(Unread::TooLarge)),
            ("announced, over", 11, Some(11), Err(Unread::TooLarge)),
            ("nothing", 0, None, Ok(0)),
        ];
        let room = Room::new(100, 1);
        for (name, size, announced, want) in cases {
            let read = room.read(&headers(announced), Body::from(vec![b'x'; size]), 10).await;
            assert_eq!(read.map(|held| held.bytes.len()), want, "{name}");
            assert_eq!(room.bytes.available_permits(), 100, "{name}: all is given back");
        }
    }

    #[tokio::test]
    async fn bodies_together_take_no_more_than_there_is_and_give_it_back() {
        let room = Room::new(10, 1);
        let read = async |size| room.read(&headers(None), Body::from(vec![b'x'; size]), 10).await;
        let first = read(6).await.unwrap();
        assert_eq!(read(5).await.unwrap_err(), Unread::Full);
        let second = read(4).await.unwrap();
        drop(first);
        assert_eq!(read(6).await.unwrap().bytes.len(), 6);
        drop(second);
        assert_eq!(room.bytes.available_permits(), 10);
    }

    #[tokio::test]
    async fn what_grows_waits_for_its_turn() {
        let room = Room::new(1, 1);
        let first = room.grow().await;
        let second = tokio::spawn({
            let room = room.clone();
            async move { drop(room.grow().await) }
        });
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
        drop(first);
        second.await.unwrap();
    }
}
