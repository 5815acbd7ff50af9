//! A service that takes every request and remembers it: where webhooks and pages go in tests.

use std::io::Read;

use serde_json::Value;
use tokio::runtime::Runtime;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// A listening service.
#[derive(Debug)]
pub(crate) struct Recorder {
    runtime: Runtime,
    server: MockServer,
}

impl Recorder {
    /// Starts it; it answers everything with `status`.
    pub(crate) fn answering(status: u16) -> Self {
        let runtime = Runtime::new().unwrap();
        let server = runtime.block_on(async {
            let server = MockServer::start().await;
            Mock::given(any()).respond_with(ResponseTemplate::new(status)).mount(&server).await;
            server
        });
        Self { runtime, server }
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> String {
        self.server.uri()
    }

    /// Every request so far whose path begins with `path`.
    pub(crate) fn requests(&self, path: &str) -> Vec<Request> {
        let mut requests = self.runtime.block_on(self.server.received_requests()).unwrap();
        requests.retain(|request| request.url.path().starts_with(path));
        requests
    }

    /// The JSON bodies of these requests, decompressed.
    pub(crate) fn bodies(&self, path: &str) -> Vec<Value> {
        let requests = self.requests(path);
        requests.iter().map(body).collect()
    }
}

fn body(request: &Request) -> Value {
    if request.headers.get("content-encoding").is_none_or(|how| how != "gzip") {
        return request.body_json().unwrap();
    }
    let mut text = String::new();
    flate2::read::GzDecoder::new(&*request.body).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}
