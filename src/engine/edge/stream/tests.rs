#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a simulation with small numbers"
)]

use super::*;

/// Repeatable chance: splitmix64.
struct Chance(u64);

impl Chance {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        let (a, b) = (self.uniform().max(1e-12), self.uniform());
        (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
    }

    /// Poisson: by counting, or by its normal limit.
    fn poisson(&mut self, mean: f64) -> u64 {
        if mean > 200.0 {
            return (mean + mean.sqrt() * self.normal()).max(0.0).round() as u64;
        }
        let (mut product, mut count) = (self.uniform(), 0);
        while product > (-mean).exp() {
            product *= self.uniform();
            count += 1;
        }
        count
    }
}

/// A rise by `add` from `at` on, for `seconds`, reached within `ramp`.
#[derive(Clone, Copy)]
struct Fault {
    at: f64,
    seconds: f64,
    ramp: f64,
    add: f64,
}

/// A stream of an edge as the reference simulation has it: day and night, shares that wander by the hour, and blips.
struct Made {
    chance: Chance,
    rate_per_min: f64,
    usual: f64,
    faults: Vec<Fault>,
    blip_until: f64,
    blip: f64,
    wander: f64,
}

impl Made {
    fn bin(&mut self, second: i64) -> Bin {
        let t = second as f64;
        let hour = (t / 3600.0) % 24.0;
        let traffic = 0.35 + 0.65 * (-0.5 * ((hour - 15.0) / 4.5).powi(2)).exp() * 1.6;
        if second % 600 == 0 {
            self.wander = (0.25 * self.chance.normal() - 0.03).exp();
        }
        // One blip of 10 to 20 seconds a day.
        if self.chance.uniform() < 5.0 / 86_400.0 {
            self.blip_until = t + if self.chance.uniform() < 0.5 { 10.0 } else { 20.0 };
            self.blip = 0.01 + 0.04 * self.chance.uniform();
        }
        let mut odds = self.usual * self.wander;
        if t < self.blip_until {
            odds += self.blip;
        }
        for fault in &self.faults {
            if t >= fault.at && t < fault.at + fault.seconds {
                let reached = if fault.ramp > 0.0 {
                    ((t - fault.at + 2.5) / fault.ramp).min(1.0)
                } else {
                    1.0
                };
                odds = 1.0 - (1.0 - odds) * (1.0 - fault.add * reached);
            }
        }
        let requests = self.chance.poisson(self.rate_per_min * 5.0 / 60.0 * traffic);
        let bad = if (requests as f64) < 5_000.0 {
            (0..requests).filter(|_| self.chance.uniform() < odds).count() as u64
        } else {
            self.chance.poisson(requests as f64 * odds).min(requests)
        };
        Bin { second, requests, bad }
    }
}

/// What is said of a stream's requests in the tier's reality: its bar is that of 5xx, but nothing is thought of slow ones.
fn bar(usual: f64) -> Bar {
    Bar {
        prior: (usual < 0.01).then_some(0.002),
        shift_min: 0.015,
        share_min: 0.0,
        turned: true,
        false_alarm_days: 1_800.0,
    }
}

fn made(seed: u64, rate_per_min: f64, usual: f64, faults: Vec<Fault>) -> Made {
    let chance = Chance(seed * 7_919 + 1);
    Made { chance, rate_per_min, usual, faults, blip_until: 0.0, blip: 0.0, wander: 1.0 }
}

/// Seconds from the onset of the first fault, a day and more after the beginning, to the first alert of any kind and to the
/// page.
fn delays(seed: u64, stream: &Wanted, scale: f64) -> (Option<i64>, Option<i64>) {
    let mut made = made(seed, stream.rate_per_min * scale, stream.p0, stream.faults.clone());
    let end = made.faults.iter().map(|fault| fault.at + fault.seconds).fold(0.0, f64::max);
    let onset = made.faults.iter().map(|fault| fault.at).fold(f64::MAX, f64::min);
    let (bar, mut watched) = (bar(stream.p0), Stream::default());
    let (mut alert, mut page, mut second) = (None, None, 0);
    while (second as f64) < end {
        let verdict = watched.take(made.bin(second), &bar);
        second += BIN_SECONDS;
        // A bin is judged two seconds after its end.
        let delay = (second as f64 + 2.0 - onset) as i64;
        if delay > 2 && matches!(verdict, Verdict::Page | Verdict::Ticket) {
            alert = alert.or(Some(delay));
            page = page.or((verdict == Verdict::Page).then_some(delay));
        }
    }
    (alert, page)
}

fn median(mut delays: Vec<Option<i64>>) -> Option<i64> {
    delays.sort_by_key(|delay| delay.unwrap_or(i64::MAX));
    delays[delays.len() / 2]
}

/// A stream of a scenario's `edge:` section, its faults on the second day.
#[derive(Clone)]
struct Wanted {
    rate_per_min: f64,
    p0: f64,
    faults: Vec<Fault>,
}

fn scenario(file: &str, name: &str) -> Wanted {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(file);
    let text = std::fs::read_to_string(path).unwrap();
    let all: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
    let of = |list: &str, key: &str| {
        let list = all["edge"][list].as_array().unwrap().iter();
        list.filter(|item| item[key] == name).cloned().collect::<Vec<_>>()
    };
    let seconds = |value: &serde_json::Value| {
        let text = value.as_str().unwrap_or("0s");
        text.parse::<crate::setting::Period>().unwrap().seconds() as f64
    };
    let fault = |fault: &serde_json::Value| {
        let at = crate::event::Timestamp::parse(fault["at"].as_str().unwrap()).unwrap();
        Fault {
            at: 86_400.0 + at.seconds().rem_euclid(86_400) as f64,
            seconds: seconds(&fault["duration"]),
            ramp: seconds(&fault["ramp"]),
            add: fault["add"].as_f64().unwrap(),
        }
    };
    let stream = &of("streams", "name")[0];
    Wanted {
        rate_per_min: stream["rate_per_min"].as_f64().unwrap(),
        p0: stream["p0"].as_f64().unwrap(),
        faults: of("faults", "stream").iter().map(fault).collect(),
    }
}

/// The delays of the reference prototype, in the median, are the bar; a page where most requests tell, or an alert at all.
#[test]
fn streams_of_published_incidents_alert_as_fast_as_the_reference() {
    const WORKOS: &str = "01-workos-2025-10-10-authkit-28pct.yaml";
    const TWENTY: &str = "05-1password-2025-09-03-20pct-then-1pct.yaml";
    const OVERLOAD: &str = "06-1password-2025-08-05-rollout-latency-overload.yaml";
    const BLOCKLIST: &str = "07-1password-2025-09-24-403-blocklist.yaml";
    let cases = [
        (WORKOS, "authkit_5xx", 1.0, true, 60),
        (WORKOS, "sessions_5xx", 1.0, true, 40),
        (WORKOS, "vault_internal_429", 1.0, true, 40),
        (WORKOS, "sso_5xx", 1.0, false, 21 * 60),
        (WORKOS, "sso_5xx", 10.0, false, 390),
        (WORKOS, "sso_5xx", 100.0, false, 198),
        (TWENTY, "api_5xx", 1.0, true, 43),
        (OVERLOAD, "signin_5xx", 1.0, true, 60),
        (OVERLOAD, "signin_latency_gt_p95", 1.0, false, 2_400),
        (BLOCKLIST, "admin_403", 1.0, true, 222),
    ];
    for (file, name, scale, pages, most) in cases {
        let stream = scenario(file, name);
        let all: Vec<_> = (0..5).map(|seed| delays(seed, &stream, scale)).collect();
        let told = all.iter().map(|(alert, page)| if pages { *page } else { *alert });
        let median = median(told.collect());
        assert!(median.is_some_and(|median| median <= most), "{name} × {scale}: {all:?}");
    }
}

/// Four streams for ten days each, with a blip a day: at 0.33 pages a month for everything there must be none here.
#[test]
fn healthy_streams_with_a_short_blip_a_day_page_nobody() {
    for (seed, (rate, usual)) in
        (0..).zip([(600.0, 0.0008), (300.0, 0.0003), (400.0, 0.004), (90.0, 0.002)])
    {
        let (mut made, bar, mut stream) =
            (made(seed, rate, usual, Vec::new()), bar(usual), Stream::default());
        for bin in 0..10 * 86_400 / BIN_SECONDS {
            let verdict = stream.take(made.bin(bin * BIN_SECONDS), &bar);
            assert!(verdict != Verdict::Page, "{rate} {usual}: {:?}", stream.trouble());
        }
    }
}

fn steady(second: i64, requests: u64, bad: u64) -> Bin {
    Bin { second, requests, bad }
}

#[test]
fn a_new_tier_pages_only_for_what_nobody_mistakes_and_learns_the_rest() {
    let bar = bar(0.002);
    let first = |bad: u64| {
        let mut stream = Stream::default();
        let verdicts = (0..2_000).map(|bin| stream.take(steady(bin * 5, 100, bad), &bar));
        let pages: Vec<i64> =
            (0..).zip(verdicts).filter(|(_, v)| *v == Verdict::Page).map(|(n, _)| n).collect();
        (pages, stream.usual(&bar).unwrap())
    };
    let (pages, _) = first(40);
    assert_eq!(pages, [5], "40 % from the first second on: six bins");
    let (pages, usual) = first(5);
    assert!(pages.is_empty() && usual > 0.03, "5 % is what it always had: {usual}");
    let mut stream = Stream::default();
    let told = (0..2_000).any(|bin| stream.take(steady(bin * 5, 100, 4), &bar) != Verdict::Nothing);
    assert!(!told, "nor a ticket when it is known");
}

#[test]
fn a_restart_of_twenty_seconds_pages_nobody_however_many_fail() {
    let bar = bar(0.002);
    for requests in [3, 10, 100, 10_000] {
        let mut stream = Stream::default();
        let mut pages = |from: i64, restart: i64| {
            let bins = from..from + 800;
            let bad =
                |bin| if (from + 700..from + 700 + restart).contains(&bin) { requests } else { 0 };
            let take = |bin| stream.take(steady(bin * 5, requests, bad(bin)), &bar);
            bins.map(take).filter(|verdict| *verdict == Verdict::Page).count()
        };
        assert_eq!(pages(0, 0), 0);
        // Twenty seconds touch five bins of five seconds.
        assert_eq!((pages(800, 5), pages(1_600, 12)), (0, 1), "{requests}");
    }
}

#[test]
fn a_backend_that_is_restarted_again_and_again_pages() {
    let bar = bar(0.002);
    let mut stream = Stream::default();
    let down = |bin: i64| bin >= 800 && (bin - 800) % 18 < 4;
    let take = |bin: i64| {
        let bad = if down(bin) || bin % 37 == 0 { 25 } else { 0 };
        stream.take(steady(bin * 5, 25, if down(bin) { 25 } else { bad / 25 }), &bar)
    };
    let pages: Vec<i64> = (0i64..)
        .zip((0..1_000).map(take))
        .filter(|(_, verdict)| *verdict == Verdict::Page)
        .map(|(bin, _)| bin)
        .collect();
    assert!(
        pages.first().is_some_and(|bin| (810..840).contains(bin)),
        "twenty seconds of ninety: {pages:?}"
    );
}

#[test]
fn a_small_rise_is_a_ticket_and_no_page() {
    for (more, pages) in [(0.005, 0..=1), (0.0075, 0..=2), (0.03, 12..=12)] {
        let told = (0..12).map(|seed| {
            let (mut chance, mut stream) = (Chance(seed), Stream::default());
            let verdicts = (0..4_000i64).map(|bin| {
                let odds = if bin < 3_300 { 0.005 } else { 0.005 + more };
                let bad = (0..25).filter(|_| chance.uniform() < odds).count() as u64;
                stream.take(steady(bin * 5, 25, bad), &bar(0.002))
            });
            verdicts.filter(|verdict| *verdict == Verdict::Page).count()
        });
        let told = told.filter(|pages| *pages > 0).count();
        assert!(pages.contains(&told), "{more}: {told} of 12");
    }
}

/// A restart of twenty seconds in an hour with ordinary errors, as every tier has them.
fn restart(seed: u64, requests: u64, usual: f64, failing: f64) -> Vec<Verdict> {
    let (mut chance, mut stream) = (Chance(seed), Stream::default());
    // Twenty seconds touch five bins, the first and the last of them in part.
    let part = chance.uniform();
    let shares = [1.0 - part, 1.0, 1.0, 1.0, part];
    let mut verdicts = Vec::new();
    for bin in 0..4_000i64 {
        let down = usize::try_from(bin - 3_300).ok().and_then(|bin| shares.get(bin));
        let odds = usual + down.unwrap_or(&0.0) * failing;
        let bad = (0..requests).filter(|_| chance.uniform() < odds).count() as u64;
        let verdict = stream.take(steady(bin * 5, requests, bad), &bar(0.002));
        if bin >= 3_300 && verdict != Verdict::Nothing {
            verdicts.push(verdict);
        }
    }
    verdicts
}

#[test]
fn a_restart_among_ordinary_errors_pages_nobody_and_cuts_no_ticket() {
    for (requests, usual) in [(5, 0.002), (25, 0.007), (100, 0.002), (400, 0.004)] {
        for failing in [1.0, 0.5, 0.1] {
            let told = (0..20).filter(|seed| !restart(*seed, requests, usual, failing).is_empty());
            let told = told.count();
            assert!(told <= 2, "{requests} {usual} {failing}: {told} of 20");
        }
    }
}

#[test]
fn a_peak_that_falls_to_a_tenth_is_one_page_until_it_is_over() {
    let bar = bar(0.002);
    for requests in [20, 100, 1_000] {
        let mut stream = Stream::default();
        let mut told = Vec::new();
        for bin in 0..2_400 {
            let percent = match bin {
                1_500..1_536 => 50,
                1_536..2_100 => 5,
                _ => 0,
            };
            let verdict = stream.take(steady(bin * 5, requests, requests * percent / 100), &bar);
            if verdict != Verdict::Nothing {
                told.push((verdict, bin));
            }
        }
        let [(Verdict::Page, from), (Verdict::PageOver, until)] = told[..] else {
            panic!("{requests}: {told:?}")
        };
        assert!(from < 1_510 && (2_100..2_130).contains(&until), "{requests}: {told:?}");
    }
}

#[test]
fn a_page_ends_by_evidence_of_the_usual_or_by_silence_and_what_lasts_for_days_is_the_new_usual() {
    let bar = bar(0.002);
    let raised = || {
        let mut stream = Stream::default();
        for bin in 0..1_500 {
            stream.take(steady(bin * 5, 100, 0), &bar);
        }
        let verdicts: Vec<_> =
            (1_500..1_510).map(|bin| stream.take(steady(bin * 5, 100, 30), &bar)).collect();
        assert_eq!(verdicts.iter().filter(|verdict| **verdict == Verdict::Page).count(), 1);
        stream
    };
    let mut ends = raised();
    let over =
        (1_510..2_000).find(|bin| ends.take(steady(bin * 5, 100, 0), &bar) == Verdict::PageOver);
    assert!(over.is_some_and(|bin| (1_555..1_580).contains(&bin)), "after five minutes: {over:?}");
    // Requests were due: what is silent then has not recovered.
    let mut down = raised();
    assert_eq!(down.silence(1_510 * 5 + 80_000), Verdict::Nothing);
    assert_eq!(down.silence(1_510 * 5 + 86_400), Verdict::PageOver);
    let mut silent = raised();
    silent.pace = 0.1;
    assert_eq!(silent.silence(1_510 * 5 + 800), Verdict::Nothing);
    silent.fresh = Share { requests: 1_000.0, bad: 900.0 };
    assert_eq!(silent.silence(1_510 * 5 + 900), Verdict::PageOver);
    assert!(silent.fresh.requests == 0.0, "an outage that ends in silence is not learned");
    let mut stays = raised();
    let over = (1_510..200_000)
        .find(|bin| stays.take(steady(bin * 5, 100, 30), &bar) == Verdict::PageOver);
    assert!(over.is_some_and(|bin| bin * 5 > STUCK_SECONDS), "{over:?}");
    let again = (over.unwrap() + 1..over.unwrap() + 1_000)
        .any(|bin| stays.take(steady(bin * 5, 100, 30), &bar) == Verdict::Page);
    assert!(!again, "thirty in a hundred are usual now");
}
