//! WorkOS events of a busy fleet, made up: about 680 bytes each, the same for the same seed.
//!
//! Half of the sign-ins go round all connections, so that each has some; the others favour the first ones, as customers of
//! different sizes do. Of 100, 86 succeed, 2 fail and 12 are given up.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::Write;

use ssowatch::event::Timestamp;

/// People of one connection.
const PEOPLE: u64 = 40;

/// When WorkOS gives up a sign-in.
const TIME_OUT_MILLIS: i64 = 300_000;

const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
];

const CODES: [(&str, &str); 3] = [
    ("access_denied", "The user was denied access by the identity provider."),
    ("invalid_saml_response", "The SAML response could not be validated."),
    ("profile_attribute_missing", "A required attribute is missing from the profile."),
];

/// Events in order of their time.
#[derive(Debug)]
pub(crate) struct Events {
    seed: u64,
    connections: u64,
    /// Of the first start, in microseconds.
    begun: i64,
    /// Of the next one.
    clock: i64,
    gap_micros: i64,
    attempts: u64,
    written: u64,
    open: BinaryHeap<Reverse<(i64, u64)>>,
}

/// What happens to one sign-in.
#[derive(Clone, Copy)]
enum End {
    Succeeds,
    Fails,
    TimesOut,
}

impl Events {
    /// Sign-ins on `connections` from `start` on, one each `gap_micros` microseconds.
    pub(crate) fn new(seed: u64, connections: u64, start: Timestamp, gap_micros: i64) -> Self {
        let begun = start.millis() * 1000;
        let open = BinaryHeap::new();
        Self { seed, connections, begun, clock: begun, gap_micros, attempts: 0, written: 0, open }
    }

    /// A recording at 100 sign-ins a day and connection.
    pub(crate) fn recorded(connections: u64) -> Self {
        let start = Timestamp::from_millis(1_760_000_400_000);
        let a_day = i64::try_from(connections * 100).expect("a fleet");
        Self::new(1, connections, start, 86_400_000_000 / a_day)
    }

    /// Appends the next event and a line break.
    pub(crate) fn write(&mut self, out: &mut Vec<u8>) {
        match self.open.peek() {
            Some(Reverse((at, _))) if *at <= self.clock => {
                let Reverse((at, attempt)) = self.open.pop().expect("just seen");
                self.event(attempt, at, true, out);
            }
            _ => {
                let attempt = self.attempts;
                self.attempts += 1;
                let bits = self.bits(attempt, 1);
                let (_, millis) = end(bits);
                self.open.push(Reverse((self.clock + millis * 1000, attempt)));
                self.event(attempt, self.clock, false, out);
                self.clock += self.gap_micros;
            }
        }
    }

    fn event(&mut self, attempt: u64, at: i64, ended: bool, out: &mut Vec<u8>) {
        let at = Timestamp::from_millis(at / 1000);
        let bits = self.bits(attempt, 2);
        let connection = self.connection(attempt);
        let person = (bits >> 8) % PEOPLE;
        let who = self.bits(connection * PEOPLE + person, 3);
        let (kind, status) = match end(self.bits(attempt, 1)).0 {
            _ if !ended => ("sso_started", "started"),
            End::Succeeds => ("sso_succeeded", "succeeded"),
            End::Fails => ("sso_failed", "failed"),
            End::TimesOut => ("sso_timed_out", "timed_out"),
        };
        self.written += 1;
        let id = ulid(at, self.bits(self.written, 4));
        let agent = AGENTS[usize::try_from(who % 4).expect("small")];
        let mut put = |text: std::fmt::Arguments<'_>| out.write_fmt(text).expect("memory grows");
        put(format_args!(
            r#"{{"object":"event","id":"event_{id}","event":"authentication.{kind}","data":{{"type":"sso","status":"{status}","ip_address":"192.0.2.{}","user_agent":"{agent}","#,
            1 + who % 254
        ));
        let user = ulid(Timestamp::from_millis(1_704_067_200_000), who);
        if ended {
            put(format_args!(
                r#""user_id":"user_{user}","email":"person-{person}@customer-{connection}.example.com","#
            ));
        } else {
            put(format_args!(r#""user_id":null,"email":null,"#));
        }
        let long_ago = Timestamp::from_millis(1_704_067_200_000);
        put(format_args!(
            r#""sso":{{"organization_id":"org_{}","connection_id":"conn_{}","session_id":"session_{}"}}"#,
            ulid(long_ago, self.bits(connection, 5)),
            ulid(long_ago, self.bits(connection, 6)),
            ulid(self.started_at(attempt), self.bits(attempt, 7)),
        ));
        let (code, message) = match status {
            "failed" => CODES[usize::try_from(bits % 3).expect("small")],
            "timed_out" => ("session_timed_out", "The sign-in was not completed in time."),
            _ => ("", ""),
        };
        if !code.is_empty() {
            put(format_args!(r#","error":{{"code":"{code}","message":"{message}"}}"#));
        }
        put(format_args!(
            "}},\"created_at\":\"{at}\",\"context\":{{\"client_id\":\"client_01HZX3B9V7Q0R5W2N8K4M6T1YC\",\"actor\":{{\"source\":\"api\"}}}}}}\n"
        ));
    }

    /// When a session's id is given out: they sort by their start, as those of WorkOS do.
    fn started_at(&self, attempt: u64) -> Timestamp {
        let after = i64::try_from(attempt).expect("a count") * self.gap_micros;
        Timestamp::from_millis((self.begun + after) / 1000)
    }

    fn connection(&self, attempt: u64) -> u64 {
        if attempt.is_multiple_of(2) {
            return attempt / 2 % self.connections;
        }
        // The product of two uniform numbers favours small ones.
        let bits = self.bits(attempt, 8);
        let part = |bits: u64| bits & 0xFFFF_FFFF;
        (((part(bits) * self.connections) >> 32) * part(bits >> 32)) >> 32
    }

    fn bits(&self, index: u64, stream: u64) -> u64 {
        fastrand::Rng::with_seed(self.seed << 56 ^ stream << 48 ^ index).u64(..)
    }
}

/// How the sign-in ends, and after how many milliseconds.
fn end(bits: u64) -> (End, i64) {
    let millis = 2_000 + i64::try_from(bits >> 16 & 0x7FFF).expect("15 bits");
    match bits % 100 {
        0..12 => (End::TimesOut, TIME_OUT_MILLIS),
        12..14 => (End::Fails, millis),
        _ => (End::Succeeds, millis),
    }
}

/// A ULID of this moment.
fn ulid(at: Timestamp, bits: u64) -> String {
    const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let all = u128::from(at.millis().unsigned_abs()) << 80 | u128::from(bits);
    (0..26).rev().map(|digit| char::from(CROCKFORD[(all >> (5 * digit)) as usize & 31])).collect()
}
