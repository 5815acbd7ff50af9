//! The end of the exporter: what it would send, kept instead of sent.
//!
//! The exporter encodes; sending is for the one HTTP client, with its time limits, its waits and
//! its errors without secrets.

use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};

use crate::event::batch::decompress;

/// Largest export that is kept: forty times what 20,000 connections take.
const EXPORT_BYTES_MAX: usize = 2 * 1024 * 1024 * 1024;

type Answer<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'a>>;

/// Takes the place of the network.
#[derive(Clone, Debug, Default)]
pub(super) struct Tap(Arc<Mutex<Option<Vec<u8>>>>);

impl Tap {
    /// The body of the last request; `None` when there was none.
    pub(super) fn take(&self) -> Option<Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn keep(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        // The environment (`OTEL_EXPORTER_OTLP_COMPRESSION`) may have the exporter compress.
        let encoding = request.headers().get("content-encoding");
        let encoding = encoding.map(|encoding| encoding.to_str().unwrap_or("?"));
        let body = decompress(request.body(), encoding, EXPORT_BYTES_MAX)?.into_owned();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
        Ok(Response::new(Bytes::new()))
    }
}

impl HttpClient for Tap {
    fn send_bytes<'a, 'f>(&'a self, request: Request<Bytes>) -> Answer<'f>
    where
        'a: 'f,
        Self: 'f,
    {
        Box::pin(ready(self.keep(&request)))
    }
}
