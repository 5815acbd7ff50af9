//! Happenings as WorkOS writes them, with ids and people that depend on the seeds alone.
//!
//! People live under example.com and call from the documentation networks (RFC 2606, RFC 5737).

mod customer;

use std::io;

use serde::Serialize;
use serde_json::{Value, json};

pub(super) use self::customer::Customer;
use self::customer::customer;
use super::attempt::{Attempt, Origin, Outcome};
use super::random::Stream;
use super::recording::{Happening, Simulation, Step};
use crate::event::Timestamp;

/// Writes the events of one simulation.
#[derive(Debug)]
pub(crate) struct Wire<'a> {
    simulation: &'a Simulation,
    customers: Vec<Customer>,
    events: Stream,
    sessions: Stream,
    people: Stream,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names of the wire form")]
struct Event<'a> {
    object: &'static str,
    id: String,
    event: &'static str,
    data: Data<'a>,
    created_at: String,
    context: Empty,
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Sso {
        #[serde(rename = "type")]
        kind: &'static str,
        status: &'static str,
        ip_address: String,
        user_agent: &'static str,
        user_id: Option<String>,
        email: Option<String>,
        sso: Sso<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<AuthError<'a>>,
    },
    Connection(Value),
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names of the wire form")]
struct Sso<'a> {
    organization_id: &'a str,
    connection_id: &'a str,
    session_id: String,
}

#[derive(Serialize)]
struct AuthError<'a> {
    code: &'a str,
    message: &'a str,
}

/// Where ids that are about nobody's moment begin: connections, organizations and people keep theirs in every scenario.
const LONG_AGO: Timestamp = Timestamp::from_millis(1_704_067_200_000);

const USER_AGENTS: [&str; 4] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
];
const NETWORKS: [&str; 3] = ["192.0.2", "198.51.100", "203.0.113"];
impl<'a> Wire<'a> {
    /// For this simulation.
    pub(crate) fn new(simulation: &'a Simulation) -> Self {
        let count = simulation.fleet.weights.len();
        Self {
            simulation,
            customers: (0..count).map(|connection| customer(simulation, connection)).collect(),
            events: Stream::new(simulation.seed, "event id"),
            sessions: Stream::new(simulation.seed, "session id"),
            people: Stream::new(simulation.fleet.seed, "person"),
        }
    }

    pub(super) fn customers(&self) -> &[Customer] {
        &self.customers
    }

    /// The company behind a connection.
    pub(crate) fn customer_name(&self, connection: usize) -> &str {
        &self.customers[connection].name
    }

    /// As `GET /connections` gives them.
    pub(crate) fn connections(&self) -> Vec<Value> {
        let all = 0..self.customers.len();
        all.map(|connection| self.connection(connection, LONG_AGO)).collect()
    }

    /// As `GET /organizations` gives them.
    pub(crate) fn organizations(&self) -> Vec<Value> {
        let one = |customer: &Customer| {
            json!({
                "object": "organization", "id": customer.organization_id, "name": customer.name, "domains": [],
                "created_at": LONG_AGO.to_string(), "updated_at": LONG_AGO.to_string(),
            })
        };
        self.customers.iter().map(one).collect()
    }

    /// Writes the event, without a line break.
    pub(super) fn write(&self, happening: &Happening, out: &mut impl io::Write) -> io::Result<()> {
        let Happening { at, step } = *happening;
        let (event, indices, data) = match step {
            Step::Activated(connection) => (
                "connection.activated",
                [0, connection as u64, 0, 0],
                Data::Connection(self.connection(connection, at)),
            ),
            Step::Started(attempt) => (
                "authentication.sso_started",
                indices(&attempt, 1),
                self.sso(&attempt, "started", false),
            ),
            Step::Ended(attempt) => {
                let (event, status) = match attempt.outcome {
                    Outcome::Succeeded => ("authentication.sso_succeeded", "succeeded"),
                    Outcome::Failed | Outcome::Denied => ("authentication.sso_failed", "failed"),
                    Outcome::TimedOut => ("authentication.sso_timed_out", "timed_out"),
                };
                (event, indices(&attempt, 2), self.sso(&attempt, status, true))
            }
        };
        let id = id("event_", at, self.events, &indices);
        let event = Event {
            object: "event",
            id,
            event,
            data,
            created_at: at.to_string(),
            context: Empty {},
        };
        Ok(serde_json::to_writer(out, &event)?)
    }

    /// The event as bytes.
    pub(crate) fn bytes(&self, happening: &Happening) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(768);
        self.write(happening, &mut bytes).expect("memory grows");
        bytes
    }

    /// A connection as `GET /connections` and `connection.*` events show it.
    fn connection(&self, connection: usize, at: Timestamp) -> Value {
        let customer = &self.customers[connection];
        json!({
            "object": "connection",
            "id": customer.connection_id,
            "organization_id": customer.organization_id,
            "connection_type": customer.connection_type,
            "name": customer.connection_name,
            "state": "active",
            "domains": [{"object": "connection_domain", "id": format!("conn_domain_{}", &customer.connection_id[5..]), "domain": customer.domain}],
            "created_at": at.to_string(),
            "updated_at": at.to_string(),
        })
    }

    fn sso(&self, attempt: &Attempt, status: &'static str, ended: bool) -> Data<'_> {
        let customer = &self.customers[attempt.connection];
        let who = [attempt.connection as u64, attempt.user];
        let bits = self.people.bits(&who);
        let begin = self.simulation.at(attempt.begin);
        let code = attempt.code(&self.simulation.scenario).filter(|_| ended);
        Data::Sso {
            kind: "sso",
            status,
            ip_address: format!("{}.{}", NETWORKS[pick(bits, 3)], 1 + pick(bits >> 8, 254)),
            user_agent: USER_AGENTS[pick(bits >> 16, 4)],
            // Who it is shows when the provider answers, not before.
            user_id: ended.then(|| id("user_", LONG_AGO, self.people, &who)),
            email: ended.then(|| format!("user-{}@{}", attempt.user, customer.domain)),
            sso: Sso {
                organization_id: &customer.organization_id,
                connection_id: &customer.connection_id,
                session_id: id("session_", begin, self.sessions, &indices(attempt, 0)),
            },
            error: code.map(|code| AuthError { code, message: message(code) }),
        }
    }
}

/// What identity providers and WorkOS say with a code.
fn message(code: &str) -> &'static str {
    match code {
        "access_denied" => "The user was denied access by the identity provider.",
        "session_timed_out" => "The sign-in was not completed in time.",
        "profile_attribute_missing" => "A required attribute is missing from the profile.",
        "invalid_saml_response" => "The SAML response could not be validated.",
        "idp_initiated_sso_disabled" => {
            "Sign-ins that the identity provider initiates are disabled."
        }
        "saml_assertion_expired" => "The SAML assertion has expired.",
        "saml_certificate_expired" => "The certificate that signed the SAML response has expired.",
        "csrf_state_mismatch" => "The state parameter does not match.",
        "signature_invalid" => "The signature of the SAML response is not valid.",
        "server_error" => "An unexpected error occurred.",
        "audience_mismatch" => "The audience of the SAML assertion does not match.",
        "domain_not_allowed" => "The domain of the user is not allowed.",
        "clock_skew" => "The SAML assertion is not yet valid.",
        _ => "The sign-in failed.",
    }
}

/// Tells the ids of all happenings apart.
fn indices(attempt: &Attempt, step: u64) -> [u64; 4] {
    let origin = match attempt.key.origin {
        Origin::People => 1,
        Origin::Nuisance(index) => 2 + index as u64,
    };
    [origin, attempt.key.number, attempt.key.round, step]
}

/// `prefix` and a ULID: 48 bits of the time, 80 random ones.
fn id(prefix: &str, at: Timestamp, stream: Stream, indices: &[u64]) -> String {
    const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let low = stream.bits(indices);
    let time = u128::from(at.millis().unsigned_abs() & 0xFFFF_FFFF_FFFF);
    // 64 random bits tell the events of one millisecond apart; the other 16 are only there for the form.
    let bits = time << 80 | u128::from(low.rotate_left(29) & 0xFFFF) << 64 | u128::from(low);
    let mut text = String::with_capacity(prefix.len() + 26);
    text.push_str(prefix);
    for digit in (0..26).rev() {
        text.push(char::from(CROCKFORD[pick((bits >> (5 * digit) & 31) as u64, 32)]));
    }
    text
}

fn pick(bits: u64, count: u64) -> usize {
    usize::try_from(bits % count).expect("less than the count")
}

#[cfg(test)]
mod tests;
