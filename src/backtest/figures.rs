//! What many runs brought, in figures that are kept beside the document that shows them: scenarios can be run one by one.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::Run;
use crate::simulate::library;

/// What is measured against: a scenario, in words; what should be made of it; and what the bound (which knows size and scope of
/// the trouble), a prototype of the same method, and the best of tuned thresholds need in a reference simulation.
#[rustfmt::skip]
const REFERENCE: [[&str; 5]; 22] = [
    ["01 WorkOS 2025-10-10, 28 % of authentications fail", "fleet page", "61 s", "89 s (2.0 min)", "4.0 min (5.0)"],
    ["02 the same day, 0.18 %", "nothing", "–", "none", "–"],
    ["03 1Password 2025-09-23, one flow fails", "page", "5.6 min", "13 min (42)", "1.7 h (3.3 h)"],
    ["04 the same, as sign-ins without an end", "page", "34 min", "39 min (74)", "missed"],
    ["05 1Password 2025-09-03, 20 % then 1 % (which may page again)", "fleet page", "30 s", "43 s (71 s)", "4.0 min (7.0)"],
    ["06 1Password 2025-08-05, slow for few, then overload", "page", "5.1 min", "19 min (35)", "2.0 h"],
    ["07 1Password 2025-09-24, blocklist, from sign-ins alone", "page", "76 min", "5.5 h (7.0 h)", "14 h"],
    ["08 certificate expires, 5 sign-ins an hour", "connection page", "22 min", "37 min (1.7 h)", "5.0 h, 37 % missed"],
    ["09 certificate expires, busy connection", "connection page", "62 s", "85 s (3.7 min)", "3.8 min (18)"],
    ["10 30 % of one connection's people fail", "connection page", "24 min", "34 min (1.9 h)", "3.4 h"],
    ["11 one provider is out", "provider page", "2.3 min", "2.7 min (4.1)", "13 min (19)"],
    ["12 1 % more failures everywhere", "page or ticket", "12.5 min", "18 min (31)", "90 % missed"],
    ["13 time-outs of one connection from 8 to 25 %", "ticket", "31 min", "41 min (89)", "93 % missed"],
    ["14 sign-ins slow down everywhere", "fleet page", "4.9 min", "5.0 min (6.4)", "missed"],
    ["15 no starts arrive", "fleet page", "25 s", "2.9 min (7.9)", "missed"],
    ["16 starts without an end", "fleet page", "74 s", "73 s (87 s)", "missed"],
    ["17 a flapping provider", "one incident", "12 s", "24 s (48 s)", "2.2 min (3.5)"],
    ["18 single users retry", "nothing", "–", "none", "pages daily"],
    ["19 a customer's bulk tests", "nothing", "–", "none", "pages daily"],
    ["20 a new connection is set up", "nothing", "–", "none", "none"],
    ["21 planned migration", "nothing", "–", "none", "pages"],
    ["22 it overruns its window", "page at once", "87 s", "at once", "31 min, 27 % missed"],
];

/// All that was measured.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// By the name of the built-in scenario.
    scenarios: BTreeMap<String, Line>,
    /// By the fleet: its connections, and its habit.
    healthy: BTreeMap<String, Healthy>,
}

/// A scenario over some seeds; delays in seconds, median and nine in ten; `None`: not within the scenario.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    seeds: usize,
    page: [Option<u64>; 2],
    missed: usize,
    ticket: [Option<u64>; 2],
    pages: usize,
    false_pages: usize,
    false_tickets: usize,
    /// From the end of the trouble to the resolution of what paged; below zero: before that end.
    #[serde(default)]
    resolved: [Option<i64>; 2],
}

/// A fleet in which nothing breaks: how many pages each seed brought.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Healthy {
    days: u64,
    pages: BTreeMap<u64, usize>,
    tickets: BTreeMap<u64, usize>,
}

impl Line {
    /// What these runs brought.
    #[must_use]
    pub fn of(runs: &[Run]) -> Self {
        let both = |delay: fn(&Run) -> Option<f64>| {
            let mut delays: Vec<f64> =
                runs.iter().map(|run| delay(run).unwrap_or(f64::INFINITY)).collect();
            delays.sort_by(f64::total_cmp);
            [5, 9].map(|tenths| quantile(&delays, tenths))
        };
        let delays = |delay: fn(&Run) -> Option<f64>| {
            both(delay).map(|seconds| seconds.and_then(|s| u64::try_from(s).ok()))
        };
        Self {
            seeds: runs.len(),
            page: delays(|run| run.page_delay),
            missed: runs.iter().filter(|run| run.page_delay.is_none()).count(),
            ticket: delays(|run| run.ticket_delay),
            pages: runs.iter().map(|run| run.pages).sum(),
            false_pages: runs.iter().map(|run| run.false_pages.len()).sum(),
            false_tickets: runs.iter().map(|run| run.false_tickets).sum(),
            resolved: both(|run| run.resolved),
        }
    }
}

/// The delay within which so many tenths of the runs paged.
#[expect(clippy::cast_possible_truncation, reason = "seconds of some days")]
fn quantile(delays: &[f64], tenths: usize) -> Option<i64> {
    let place = (delays.len().saturating_sub(1) * tenths).div_ceil(10);
    delays.get(place).filter(|seconds| seconds.is_finite()).map(|seconds| seconds.round() as i64)
}

impl Figures {
    /// Takes over what a built-in scenario brought.
    pub fn scenario(&mut self, name: &str, line: Line) {
        self.scenarios.insert(name.to_owned(), line);
    }

    /// Takes over what a healthy fleet brought over `days` with this seed.
    pub fn healthy(&mut self, fleet: &str, days: u64, seed: u64, run: &Run) {
        let healthy = self.healthy.entry(fleet.to_owned()).or_default();
        if healthy.days != days {
            *healthy = Healthy { days, ..Healthy::default() };
        }
        healthy.pages.insert(seed, run.false_pages.len());
        healthy.tickets.insert(seed, run.false_tickets);
    }

    /// The table of scenarios.
    #[must_use]
    pub fn scenarios(&self) -> String {
        let mut text = String::from(
            "| scenario | due | bound | prototype | best threshold | ssowatch | pages a run | false pages | seeds |\n\
             | --- | --- | --- | --- | --- | --- | --: | --: | --: |\n",
        );
        // The first one is the demonstration's.
        let names = library::names().skip(1);
        for (name, [words, due, bound, prototype, threshold]) in names.zip(REFERENCE) {
            let Some(line) = self.scenarios.get(name) else { continue };
            let found = found(line, due);
            let (pages, wrong, seeds) =
                (share(line.pages, line.seeds), line.false_pages, line.seeds);
            writeln!(
                text,
                "| {words} | {due} | {bound} | {prototype} | {threshold} | {found} | {pages} | {wrong} | {seeds} |"
            )
            .expect("memory grows");
        }
        text
    }

    /// The table of healthy fleets.
    #[must_use]
    pub fn fleets(&self) -> String {
        let mut text = String::from(
            "| fleet | days | pages by seed | pages in 30 days | tickets in 30 days |\n| --- | --: | --- | --: | --: |\n",
        );
        let mut fleets: Vec<_> = self.healthy.iter().collect();
        let size = |fleet: &str| fleet.split(' ').next().and_then(|size| size.parse::<u64>().ok());
        fleets.sort_by_key(|(fleet, _)| (size(fleet), *fleet));
        for (fleet, healthy) in fleets {
            let seeds = healthy.pages.len();
            let days = usize::try_from(healthy.days).unwrap_or(usize::MAX).saturating_mul(seeds);
            let a_month =
                |counts: &BTreeMap<u64, usize>| share(counts.values().sum::<usize>() * 30, days);
            let each: Vec<String> = healthy.pages.values().map(ToString::to_string).collect();
            writeln!(
                text,
                "| {fleet} | {seeds} × {} | {} | {} | {} |",
                healthy.days,
                each.join(", "),
                a_month(&healthy.pages),
                a_month(&healthy.tickets)
            )
            .expect("memory grows");
        }
        text
    }

    /// The document with these tables in the places of the former ones, which stand between the marks of their names.
    #[must_use]
    pub fn into_document(&self, document: &str) -> String {
        let document = between(document, "scenarios", &self.scenarios());
        between(&document, "healthy fleets", &self.fleets())
    }
}

/// What came of a scenario, in words.
fn found(line: &Line, due: &str) -> String {
    let delay = |[median, most]: [Option<u64>; 2]| match (median, most) {
        (Some(median), Some(most)) => format!("{} ({})", span(median), span(most)),
        (Some(median), None) => format!("{} (–)", span(median)),
        _ => String::from("missed"),
    };
    match due {
        "nothing" if line.pages + line.false_pages == 0 => "nothing".into(),
        "nothing" => format!("{} pages", line.pages + line.false_pages),
        "ticket" => format!("ticket {}", delay(line.ticket)),
        "page or ticket" => delay(line.ticket),
        _ if line.missed > 0 => {
            format!("{}; {} of {} missed", delay(line.page), line.missed, line.seeds)
        }
        _ => delay(line.page),
    }
}

fn span(seconds: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "seconds of some days")]
    let exact = seconds as f64;
    match seconds {
        0..100 => format!("{seconds} s"),
        100..600 => format!("{:.1} min", exact / 60.0),
        600..6_000 => format!("{:.0} min", exact / 60.0),
        _ => format!("{:.1} h", exact / 3_600.0),
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of runs")]
fn share(part: usize, whole: usize) -> String {
    format!("{:.2}", part as f64 / whole.max(1) as f64)
}

/// `document` with `table` between the marks of `name`.
fn between(document: &str, name: &str, table: &str) -> String {
    let (begin, end) =
        (format!("<!-- {name}: made by `make detection-report` -->\n"), "<!-- end -->");
    let place = document.split_once(&begin).and_then(|(before, rest)| {
        rest.split_once(end).map(|(_, after)| format!("{before}{begin}\n{table}\n{end}{after}"))
    });
    place.unwrap_or_else(|| document.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(page_delay: Option<f64>) -> Run {
        Run {
            page_delay,
            ticket_delay: page_delay,
            pages: page_delay.iter().count(),
            ..Run::default()
        }
    }

    #[test]
    fn the_document_shows_what_was_measured() {
        let figures = include_str!("../../docs/detection-report.json");
        let figures: Figures = serde_json::from_str(figures).unwrap();
        let document = include_str!("../../docs/detection.md");
        assert!(document.contains(&figures.scenarios()) && document.contains(&figures.fleets()));
        assert_eq!(figures.into_document(document), document);
    }

    #[test]
    fn runs_are_summed_up_and_what_was_missed_counts_as_never() {
        let delays = [Some(30.0), Some(90.0), None, Some(200.0), Some(60.0)];
        let line = Line::of(&delays.map(run));
        assert_eq!((line.page, line.missed, line.pages), ([Some(90), None], 1, 4));
        let mut figures = Figures::default();
        figures.scenario("workos-2025-10-10-authkit-28pct", line.clone());
        figures.scenario("nopage-retry-storm", Line::of(&[run(None)]));
        figures.scenario("timeouts-8-to-25", line);
        let table = figures.scenarios();
        assert!(table.contains("| 90 s (–); 1 of 5 missed | 0.80 | 0 | 5 |"), "{table}");
        assert!(table.contains("| pages daily | nothing | 0.00 | 0 | 1 |"), "{table}");
        assert!(table.contains("| ticket 90 s (–) |"), "{table}");
    }

    #[test]
    fn fleets_stand_by_size_and_other_days_begin_anew() {
        let wrong = Run { false_pages: vec!["a page".into()], ..Run::default() };
        let mut figures = Figures::default();
        figures.healthy("500 connections", 10, 1, &wrong);
        figures.healthy("500 connections", 60, 1, &wrong);
        figures.healthy("500 connections", 60, 2, &Run::default());
        figures.healthy("50 connections", 60, 1, &Run::default());
        let lines: Vec<_> = figures.fleets().lines().skip(2).map(str::to_owned).collect();
        assert_eq!(
            lines,
            [
                "| 50 connections | 1 × 60 | 0 | 0.00 | 0.00 |",
                "| 500 connections | 2 × 60 | 1, 0 | 0.25 | 0.00 |"
            ]
        );
    }
}
