//! A customer: how its organization and its connection are called, which depends on the fleet's seed alone.

use super::{LONG_AGO, id};
use crate::simulate::random::Stream;
use crate::simulate::recording::Simulation;

const FIRST_WORDS: [&str; 32] = [
    "Amber", "Autumn", "Birch", "Bright", "Cedar", "Clear", "Copper", "Coral", "Crystal",
    "Eastern", "Golden", "Granite", "Green", "Harbor", "Hazel", "Iron", "Ivory", "Jade", "Juniper",
    "Lunar", "Maple", "Marble", "Northern", "Oak", "Polar", "Quartz", "River", "Silver",
    "Southern", "Summit", "Violet", "Western",
];

const SECOND_WORDS: [&str; 29] = [
    "Analytics",
    "Bank",
    "Bearings",
    "Biotech",
    "Capital",
    "Ceramics",
    "Clinics",
    "Dairy",
    "Energy",
    "Estates",
    "Foods",
    "Freight",
    "Glass",
    "Hotels",
    "Insurance",
    "Labs",
    "Logistics",
    "Media",
    "Mills",
    "Motors",
    "Optics",
    "Paper",
    "Press",
    "Robotics",
    "Schools",
    "Shipping",
    "Software",
    "Steel",
    "Textiles",
];

/// A customer: one organization with one connection.
#[derive(Clone, Debug)]
pub(in crate::simulate) struct Customer {
    pub(in crate::simulate) connection_id: String,
    pub(in crate::simulate) organization_id: String,
    pub(in crate::simulate) connection_type: &'static str,
    /// The company.
    pub(in crate::simulate) name: String,
    /// The connection.
    pub(in crate::simulate) connection_name: String,
    pub(in crate::simulate) domain: String,
}

pub(super) fn customer(simulation: &Simulation, connection: usize) -> Customer {
    let fleet = &simulation.scenario.fleet;
    let name = fleet.names.get(connection).cloned().unwrap_or_else(|| made_up(connection));
    let idp = fleet.idps.0[simulation.fleet.idps[connection]].0.as_str();
    let (connection_type, provider) = provider(idp);
    let ids = |prefix: &str, stream: &str| {
        id(prefix, LONG_AGO, Stream::new(simulation.fleet.seed, stream), &[connection as u64])
    };
    let label: String = name
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    Customer {
        connection_id: ids("conn_", "connection id"),
        organization_id: ids("org_", "organization id"),
        connection_type,
        connection_name: format!("{name} {provider}"),
        domain: format!("{label}.example.com"),
        name,
    }
}

/// WorkOS's name of the connection type, and what people call the provider.
fn provider(idp: &str) -> (&'static str, &'static str) {
    match idp {
        "okta" => ("OktaSAML", "Okta"),
        "entra" | "azure" => ("AzureSAML", "Entra ID"),
        "google" => ("GoogleSAML", "Google"),
        "adfs" => ("ADFSSAML", "AD FS"),
        "ping" => ("PingFederateSAML", "PingFederate"),
        "onelogin" => ("OneLoginSAML", "OneLogin"),
        "oidc" => ("GenericOIDC", "OpenID Connect"),
        _ => ("GenericSAML", "SAML"),
    }
}

/// A company that does not exist; different for every connection.
pub(super) fn made_up(connection: usize) -> String {
    // 32 and 29 have no common divisor: 928 pairs before the first comes again.
    let pairs = FIRST_WORDS.len() * SECOND_WORDS.len();
    let name = format!(
        "{} {}",
        FIRST_WORDS[connection % FIRST_WORDS.len()],
        SECOND_WORDS[connection % SECOND_WORDS.len()]
    );
    if connection < pairs { name } else { format!("{name} {}", connection / pairs + 1) }
}
