//! Plain HTTP to this machine.

use std::sync::LazyLock;
use std::time::Duration;

use reqwest::blocking::{Client, RequestBuilder};
use serde_json::Value;

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A client that goes to the address itself, whatever proxy the machine has. One for all: it takes long to make.
pub(crate) fn client() -> &'static Client {
    static CLIENT: LazyLock<Client> = LazyLock::new(|| {
        Client::builder().no_proxy().timeout(Duration::from_mins(1)).build().unwrap()
    });
    &CLIENT
}

/// The answer, or none when nobody listens (any more).
pub(crate) fn try_send(request: RequestBuilder) -> Option<Answer> {
    let response = request.send().ok()?;
    Some(Answer { status: response.status().as_u16(), body: response.text().ok()? })
}

/// The answer to `GET url`, or none when nobody listens yet.
pub(crate) fn try_get(url: &str) -> Option<Answer> {
    try_send(client().get(url))
}

/// The answer to `GET url`.
pub(crate) fn get(url: &str) -> Answer {
    try_get(url).unwrap_or_else(|| panic!("GET {url}: no answer"))
}

/// The answer to `POST url` with `body`.
pub(crate) fn post(url: &str, body: impl Into<reqwest::blocking::Body>) -> Answer {
    try_send(client().post(url).body(body)).unwrap_or_else(|| panic!("POST {url}: no answer"))
}
