//! One line of an access log, as far as ssowatch is interested in it. Borrows from the line.

use std::borrow::Cow;

use super::method::Method;
use super::moment::Moment;
use crate::event::Reason;
use crate::event::decode::Rejection;

/// Request headers that limits and `internal` may look at together: a line carries them by place.
pub const HEADERS_MAX: usize = 4;

/// Longest duration that is believed, one day; a clock that jumped makes longer ones.
const DURATION_MICROS_MAX: u64 = 24 * 3600 * 1_000_000;

/// A request that was answered.
#[derive(Clone, PartialEq, Debug)]
pub struct EdgeLine<'a> {
    /// When it ended.
    pub moment: Moment,
    /// Who sent it: an address, with or without a port, or a list as in `X-Forwarded-For`.
    pub client: Option<Cow<'a, str>>,
    /// How.
    pub method: Method,
    /// The host that it was for.
    pub host: Option<Cow<'a, str>>,
    /// Path and query as they were sent; `None` when the server could not read them.
    pub uri: Option<Cow<'a, str>>,
    /// Status of the answer, 100 to 999; 0 when none was sent.
    pub status: u16,
    /// How long it took, in microseconds.
    pub duration_micros: Option<u64>,
    /// The user or account that the server names.
    pub account: Option<Cow<'a, str>>,
    /// Values of the headers that are watched, in their order.
    pub headers: [Option<Cow<'a, str>>; HEADERS_MAX],
}

/// What a field of a log may mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Field {
    /// When the request ended, or began: see [`Clock`].
    Time,
    /// When it ended, where `Time` is its beginning: gives the duration.
    End,
    Client,
    Method,
    Host,
    /// Path and query.
    Uri,
    /// Method, URI and protocol.
    Request,
    Status,
    Duration(Unit),
    Account,
    /// The watched header of this place.
    Header(usize),
}

impl Field {
    /// How many places [`Field::place`] tells apart.
    pub(super) const PLACES: usize = 10 + HEADERS_MAX;

    /// A number of its own for each field; durations share one.
    pub(super) fn place(self) -> usize {
        match self {
            Self::Time => 0,
            Self::End => 1,
            Self::Client => 2,
            Self::Method => 3,
            Self::Host => 4,
            Self::Uri => 5,
            Self::Request => 6,
            Self::Status => 7,
            Self::Duration(_) => 8,
            Self::Account => 9,
            Self::Header(index) => 10 + index,
        }
    }
}

/// Unit of a duration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unit {
    Seconds,
    Millis,
    Micros,
    Nanos,
}

/// Which moment `Field::Time` is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Clock {
    /// The end of the request.
    End,
    /// Its beginning.
    Start,
}

/// What was found on a line, before it is understood.
#[derive(Clone, Debug, Default)]
pub(super) struct Found<'a> {
    time: Option<Cow<'a, str>>,
    end: Option<Cow<'a, str>>,
    client: Option<Cow<'a, str>>,
    method: Option<Cow<'a, str>>,
    host: Option<Cow<'a, str>>,
    uri: Option<Cow<'a, str>>,
    request: Option<Cow<'a, str>>,
    status: Option<Cow<'a, str>>,
    duration_micros: Option<u64>,
    account: Option<Cow<'a, str>>,
    headers: [Option<Cow<'a, str>>; HEADERS_MAX],
}

impl<'a> Found<'a> {
    /// Notes a value. An empty one and `-` are none. Several durations add up.
    pub(super) fn set(&mut self, field: Field, value: Cow<'a, str>) {
        let place = match field {
            Field::Method => &mut self.method,
            Field::Uri => &mut self.uri,
            Field::Request => &mut self.request,
            Field::Duration(unit) => {
                if let Some(micros) = unit.micros(&value) {
                    let sum = self.duration_micros.unwrap_or(0).saturating_add(micros);
                    self.duration_micros = Some(sum.min(DURATION_MICROS_MAX));
                }
                return;
            }
            Field::Time => &mut self.time,
            Field::End => &mut self.end,
            Field::Client => &mut self.client,
            Field::Host => &mut self.host,
            Field::Status => &mut self.status,
            Field::Account => &mut self.account,
            Field::Header(index) => &mut self.headers[index],
        };
        if !matches!(value.as_bytes(), [] | [b'-']) {
            *place = Some(value);
        }
    }

    /// Makes a line of it.
    pub(super) fn line(self, clock: Clock) -> Result<EdgeLine<'a>, Rejection> {
        let status = status(self.status.as_deref().unwrap_or_default())?;
        let (method, uri) = match self.request {
            Some(request) if self.uri.is_none() => split(request),
            _ => (Method::of(self.method.as_deref().unwrap_or_default()), self.uri),
        };
        let moment = moment(self.time.as_deref())?;
        let end = self.end.as_deref().map(moment_of).transpose()?;
        let between = end.and_then(|end| u64::try_from(end.at.millis_since(moment.at)).ok());
        let between = between.map(|millis| (millis.saturating_mul(1000)).min(DURATION_MICROS_MAX));
        let duration_micros = between.or(self.duration_micros);
        let moment = end.unwrap_or(match (clock, duration_micros) {
            (Clock::Start, Some(micros)) => moment.plus_micros(micros),
            (Clock::Start, None) | (Clock::End, _) => moment,
        });
        Ok(EdgeLine {
            moment,
            client: self.client,
            method,
            host: self.host,
            uri,
            status,
            duration_micros,
            account: self.account,
            headers: self.headers,
        })
    }
}

fn moment(text: Option<&str>) -> Result<Moment, Rejection> {
    let missing =
        || Rejection::new(Reason::BadTimestamp, "the line has no time; is it of this format?");
    moment_of(text.ok_or_else(missing)?)
}

fn moment_of(text: &str) -> Result<Moment, Rejection> {
    Moment::parse(text).ok_or_else(|| {
        let problem = "the time cannot be read; log seconds since 1970, ISO 8601 or $time_local";
        Rejection::new(Reason::BadTimestamp, problem)
    })
}

/// Three digits; 0 and -1 say that nothing was answered (Caddy, HAProxy).
fn status(text: &str) -> Result<u16, Rejection> {
    let bad = || Rejection::new(Reason::BadStatus, "the line has no status of three digits");
    match text.as_bytes() {
        b"0" | b"-1" | b"000" => Ok(0),
        [b'1'..=b'9', b'0'..=b'9', b'0'..=b'9'] => text.parse().map_err(|_| bad()),
        _ => Err(bad()),
    }
}

/// `GET /x HTTP/1.1`, which servers cut when it is too long; anything else is garbage that a client sent.
fn split(request: Cow<'_, str>) -> (Method, Option<Cow<'_, str>>) {
    let split = |text: &str| {
        let bytes = text.as_bytes();
        let begin = bytes.iter().position(|byte| !byte.is_ascii_uppercase())?;
        if begin == 0 || bytes[begin] != b' ' {
            return None;
        }
        let rest = &text[begin + 1..];
        let target = matches!(rest.as_bytes(), [b'/' | b'*', ..])
            || rest.starts_with("http://")
            || rest.starts_with("https://");
        if !(target || &text[..begin] == "CONNECT") {
            return None;
        }
        let mut spaces = memchr::memrchr_iter(b' ', rest.as_bytes());
        let end = spaces.find(|at| rest[*at..].starts_with(" HTTP/"));
        let end = end.unwrap_or(rest.len());
        Some((begin + 1, begin + 1 + end))
    };
    let Some((begin, end)) = split(&request) else { return (Method::None, None) };
    let method = Method::of(&request[..begin - 1]);
    let uri = match request {
        Cow::Borrowed(text) => Cow::Borrowed(&text[begin..end]),
        Cow::Owned(text) => Cow::Owned(text[begin..end].to_owned()),
    };
    (method, Some(uri))
}

impl Unit {
    /// `text` in microseconds; `None` for `-`, -1 and whatever is no duration.
    fn micros(self, text: &str) -> Option<u64> {
        let value: f64 = text.trim_start_matches('+').parse().ok()?;
        let micros = value
            * match self {
                Self::Seconds => 1e6,
                Self::Millis => 1e3,
                Self::Micros => 1.0,
                Self::Nanos => 1e-3,
            };
        // NaN and infinities are no durations either.
        if !(0.0..1e18).contains(&micros) {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "within 0 and 10^18"
        )]
        Some((micros.round() as u64).min(DURATION_MICROS_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'a>(values: &[(Field, &'a str)]) -> Found<'a> {
        let mut found = Found::default();
        for (field, value) in values {
            found.set(*field, Cow::Borrowed(value));
        }
        found
    }

    #[test]
    fn requests_are_split_and_garbage_has_neither_method_nor_uri() {
        let cases = [
            ("GET /x?y=1 HTTP/1.1", Method::Get, Some("/x?y=1")),
            ("GET /a b HTTP/1.1", Method::Get, Some("/a b")),
            ("POST https://h:443/x HTTP/2.0", Method::Post, Some("https://h:443/x")),
            ("CONNECT h:443 HTTP/1.1", Method::Connect, Some("h:443")),
            ("OPTIONS * HTTP/1.1", Method::Options, Some("*")),
            ("PURGE /x HTTP/1.1", Method::Other, Some("/x")),
            ("GET /cut-off-wherever", Method::Get, Some("/cut-off-wherever")),
            ("garbage", Method::None, None),
            ("<BADREQ>", Method::None, None),
            (r"\x16\x03\x01 \x00", Method::None, None),
            ("GET garbage", Method::None, None),
        ];
        for (request, method, uri) in cases {
            assert_eq!(split(request.into()), (method, uri.map(Cow::Borrowed)), "{request}");
            assert_eq!(split(request.to_owned().into()), (method, uri.map(Cow::Borrowed)));
        }
    }

    #[test]
    fn durations_of_every_unit_add_up_and_rubbish_is_none() {
        use Unit::{Micros, Millis, Nanos, Seconds};
        let cases = [
            (Seconds, "0.011", Some(11_000)),
            (Seconds, "0", Some(0)),
            (Millis, "+9", Some(9_000)),
            (Micros, "34", Some(34)),
            (Nanos, "1500", Some(2)),
            (Seconds, "1e9", Some(DURATION_MICROS_MAX)),
            (Seconds, "1e300", None),
            (Millis, "-1", None),
            (Seconds, "-", None),
            (Seconds, "NaN", None),
        ];
        for (unit, text, want) in cases {
            assert_eq!(unit.micros(text), want, "{text}");
        }
        let alb = found(&[
            (Field::Time, "1795309896.5"),
            (Field::Status, "200"),
            (Field::Duration(Seconds), "0.001"),
            (Field::Duration(Seconds), "-1"),
            (Field::Duration(Seconds), "0.048"),
        ]);
        let line = alb.line(Clock::End).unwrap();
        assert_eq!(line.duration_micros, Some(49_000));
        assert_eq!(line.moment.at.millis(), 1_795_309_896_500);
    }

    #[test]
    fn a_request_counts_when_it_ended() {
        let values = [
            (Field::Time, "1795309896.5"),
            (Field::Status, "504"),
            (Field::Duration(Unit::Seconds), "60"),
        ];
        let line = found(&values).line(Clock::Start).unwrap();
        assert_eq!(line.moment.at.millis(), 1_795_309_956_500);
        let ends =
            [(Field::Time, "1795309896"), (Field::End, "1795309898"), (Field::Status, "200")];
        let line = found(&ends).line(Clock::Start).unwrap();
        assert_eq!(
            (line.moment.at.seconds(), line.duration_micros),
            (1_795_309_898, Some(2_000_000))
        );
    }

    #[test]
    fn a_line_without_time_or_status_is_refused_by_reason() {
        let cases = [
            (vec![(Field::Status, "200")], Reason::BadTimestamp),
            (vec![(Field::Status, "200"), (Field::Time, "soon")], Reason::BadTimestamp),
            (vec![(Field::Time, "1795309896")], Reason::BadStatus),
            (vec![(Field::Time, "1795309896"), (Field::Status, "20")], Reason::BadStatus),
            (vec![(Field::Time, "1795309896"), (Field::Status, "2000")], Reason::BadStatus),
        ];
        for (values, reason) in cases {
            assert_eq!(found(&values).line(Clock::End).unwrap_err().reason, reason, "{values:?}");
        }
        let none =
            found(&[(Field::Time, "1795309896"), (Field::Status, "0"), (Field::Client, "-")]);
        let line = none.line(Clock::End).unwrap();
        assert_eq!((line.status, line.client), (0, None));
    }
}
