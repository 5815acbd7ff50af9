//! Requests of an owner: none leaves when it may not be the owner any more. A process that was stopped for a while, and goes on
//! in the middle of what it did, must tell nobody anything.

use crate::journal::nats::Lease;
use crate::outbound::{Answer, Request, SendError, Transport, host};

/// A transport that goes as long as the lease holds. Without a lease: always.
#[derive(Clone, Debug)]
pub(super) struct Leased<T> {
    pub(super) transport: T,
    pub(super) lease: Option<Lease>,
}

impl<T: Transport> Transport for Leased<T> {
    async fn send(&self, request: &Request) -> Result<Answer, SendError> {
        if self.lease.as_ref().is_some_and(|lease| !lease.holds()) {
            let problem = "not sent: another instance may own the journal by now".to_owned();
            return Err(SendError { host: host(&request.url), problem });
        }
        self.transport.send(request).await
    }
}
