//! The services that the daemon calls, as far as they matter: what they keep, and what that means.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::network::{json, parameter};
use super::plan::Happening;
use crate::event::Timestamp;

/// Events of a page: few, so that there are many pages.
const PAGE: usize = 7;

/// Datadog: keeps the last value of a series and a second, and every log.
#[derive(Default)]
pub(super) struct Datadog {
    /// Values by name, tags and second.
    pub(super) points: BTreeMap<(String, String, i64), f64>,
    /// How often each event came as a log.
    pub(super) logs: BTreeMap<String, u32>,
    /// Points that came again with another value.
    pub(super) changed: Vec<String>,
}

impl Datadog {
    pub(super) fn points(&mut self, body: &str) -> String {
        for series in json(body)["series"].as_array().unwrap() {
            if series["type"] != 1 {
                continue;
            }
            let name = series["metric"].as_str().unwrap().to_owned();
            let tags = series["tags"].to_string();
            for point in series["points"].as_array().unwrap() {
                let second = point["timestamp"].as_i64().unwrap();
                let value = point["value"].as_f64().unwrap();
                let key = (name.clone(), tags.clone(), second);
                let before = self.points.insert(key, value);
                if before.is_some_and(|before| before.to_bits() != value.to_bits()) {
                    self.changed
                        .push(format!("{name} {tags} at {second}: {before:?}, then {value}"));
                }
            }
        }
        String::new()
    }

    pub(super) fn logs(&mut self, body: &str) -> String {
        for log in json(body).as_array().unwrap() {
            let id = log["evt"]["id"].as_str().unwrap_or_else(|| panic!("no id in {log}"));
            *self.logs.entry(id.to_owned()).or_default() += 1;
        }
        "{}".into()
    }

    /// What it holds, added up over time, by name and tags without the connection's type.
    pub(super) fn sums(&self) -> BTreeMap<String, f64> {
        let mut sums = BTreeMap::new();
        for ((name, tags, _), value) in &self.points {
            let tags: Vec<String> = serde_json::from_str(tags).unwrap_or_default();
            let kept = tags.iter().filter(|tag| {
                !tag.starts_with("connection_type") && !tag.starts_with("organization")
            });
            let key = kept.fold(name.clone(), |key, tag| format!("{key} {tag}"));
            *sums.entry(key).or_default() += value;
        }
        sums
    }
}

/// PagerDuty: opens and resolves by dedup key; what changes nothing is no change.
#[derive(Default)]
pub(super) struct Pager {
    open: BTreeSet<String>,
    /// Changes by key: how often it was opened, and how often resolved.
    pub(super) changes: BTreeMap<String, (u32, u32)>,
}

impl Pager {
    pub(super) fn take(&mut self, body: &str) -> String {
        let event = json(body);
        let key = event["dedup_key"].as_str().unwrap().to_owned();
        let (opened, resolved) = self.changes.entry(key.clone()).or_default();
        match event["event_action"].as_str().unwrap() {
            "trigger" => *opened += u32::from(self.open.insert(key)),
            "resolve" => *resolved += u32::from(self.open.remove(&key)),
            other => panic!("no such action: {other}"),
        }
        "{}".into()
    }

    pub(super) fn is_open(&self, key: &str) -> bool {
        self.open.contains(key)
    }
}

/// The Events API and the directory.
pub(super) struct Workos {
    /// When each event can be read, in the order of that, and the event.
    events: Vec<(u64, Value)>,
}

impl Workos {
    pub(super) fn new(happenings: &[Happening], random: &mut fastrand::Rng) -> Self {
        let mut events: Vec<_> = happenings
            .iter()
            .filter(|happening| happening.ways.api)
            .map(|happening| (happening.seen_at + random.u64(..20_000), happening.json.clone()))
            .collect();
        events.sort_by_key(|(at, _)| *at);
        Self { events }
    }

    pub(super) fn answer(&self, at: u64, path: &str) -> String {
        let (data, after) = if path.starts_with("events?") {
            self.events(at, path)
        } else if path.starts_with("connections") {
            let connection = |n: usize| {
                json!({"id": format!("conn_{n}"), "organization_id": format!("org_{n}"),
                    "connection_type": "OktaSAML", "name": format!("Customer {n}"), "state": "active"})
            };
            ((0..3).map(connection).collect(), None)
        } else {
            (Vec::new(), None)
        };
        json!({"object": "list", "data": data, "list_metadata": {"after": after}}).to_string()
    }

    fn events(&self, at: u64, path: &str) -> (Vec<Value>, Option<String>) {
        let seen = self.events.iter().take_while(|(seen_at, _)| *seen_at <= at);
        let seen: Vec<&Value> = seen.map(|(_, event)| event).collect();
        let first = parameter(path, "after").map_or(0, |after| {
            1 + seen.iter().position(|event| event["id"] == after).expect("it gave that id")
        });
        let start = parameter(path, "range_start").map(|text| Timestamp::parse(text).unwrap());
        let in_range = |event: &&&Value| {
            let created = Timestamp::parse(event["created_at"].as_str().unwrap()).unwrap();
            start.is_none_or(|start| created >= start)
        };
        let mut rest = seen[first..].iter().filter(in_range);
        let page: Vec<Value> = rest.by_ref().take(PAGE).map(|event| (*event).clone()).collect();
        let more = rest.next().is_some();
        let after =
            page.last().filter(|_| more).map(|event| event["id"].as_str().unwrap().to_owned());
        (page, after)
    }
}
