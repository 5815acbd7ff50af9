//! Whom a declared limit counts, and by what it tells callers apart.

use super::address::header_name;
use super::route::PathPattern;

/// Whose requests a declared limit counts.
#[derive(Clone, Debug)]
pub struct Watch {
    /// The limit's name.
    pub name: Box<str>,
    /// By what callers are told apart.
    pub key: Key,
    /// Only requests of this tier.
    pub tier: Option<Box<str>>,
    /// Only requests that fit one of these; none: all.
    pub paths: Vec<PathPattern>,
    /// Only internal, or only external ones.
    pub internal: Option<bool>,
    /// Whether values of a header are shown as they are: they are neither personal nor secret.
    pub shown: bool,
}

/// By what a limit tells callers apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Key {
    /// The client's address.
    Client,
    /// The user or account that the server names.
    Account,
    /// Internal callers: by the header that marks them, or else by address.
    Internal,
    /// A header's value; its name is in lower case.
    Header(Box<str>),
}

impl Key {
    /// Reads `client`, `account`, `internal` or `header:X-Api-Key`. The error is a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "client" => Ok(Self::Client),
            "account" => Ok(Self::Account),
            "internal" => Ok(Self::Internal),
            _ => match text.strip_prefix("header:") {
                Some(name) => header_name(name).map(Self::Header),
                None => Err(format!(
                    "`{text}` is no key; write client, account, internal or header:X-Api-Key"
                )),
            },
        }
    }
}
