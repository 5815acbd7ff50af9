//! The last hour as bars, a minute each: all that ended, and in front of them what went wrong.

use std::fmt::Write;

use crate::event::Timestamp;
use crate::signal::Minute;

/// Minutes in a chart.
const MINUTES: i64 = 60;

/// Width of a minute and height, in units of the drawing.
const STEP: i64 = 2;
const HEIGHT: u32 = 24;

/// The drawing, with a text that says the same. `marks` are moments at which work began.
pub(super) fn hour(minutes: &[Minute], now: Timestamp, marks: &[Timestamp]) -> String {
    let newest = now.seconds().div_euclid(60) * 60;
    let most = minutes.iter().map(|minute| minute.ended).max().unwrap_or(0);
    let (mut all, mut bad) = (String::new(), String::new());
    for minute in minutes {
        let place = MINUTES - 1 - (newest - minute.start_seconds) / 60;
        if (0..MINUTES).contains(&place) {
            let middle = place * STEP + STEP / 2;
            bar(&mut all, middle, minute.ended, most);
            bar(&mut bad, middle, minute.bad(), most);
        }
    }
    let (mut lines, mut marked) = (String::new(), 0);
    for mark in marks {
        let place = MINUTES - 1 - (newest - mark.seconds().div_euclid(60) * 60) / 60;
        if (0..MINUTES).contains(&place) {
            marked += 1;
            write!(lines, "M{} 0v{HEIGHT}", place * STEP).expect("memory grows");
        }
    }
    let lines = if marked == 0 { lines } else { format!("<path class=\"m\" d=\"{lines}\"/>") };
    let label = label(minutes, most, marked);
    let width = MINUTES * STEP;
    format!(
        "<svg viewBox=\"0 0 {width} {HEIGHT}\" width=\"{width}\" height=\"{HEIGHT}\" preserveAspectRatio=\"none\" \
         role=\"img\" aria-label=\"{label}\" stroke-width=\"1.5\">\
         <path class=\"base\" stroke-width=\"1\" d=\"M0 {HEIGHT}h{width}\"/>\
         <path class=\"a\" d=\"{all}\"/><path class=\"b\" d=\"{bad}\"/>{lines}</svg>"
    )
}

/// A bar of at least one unit for what happened at all.
fn bar(path: &mut String, middle: i64, count: u32, most: u32) {
    if count == 0 {
        return;
    }
    let height = (u64::from(HEIGHT - 1) * u64::from(count)).div_ceil(u64::from(most.max(1)));
    write!(path, "M{middle} {HEIGHT}v-{height}").expect("memory grows");
}

fn label(minutes: &[Minute], most: u32, marked: u32) -> String {
    let sum = |part: fn(&Minute) -> u32| {
        minutes.iter().map(|minute| u64::from(part(minute))).sum::<u64>()
    };
    let (ended, bad) = (sum(|minute| minute.ended), sum(Minute::bad));
    let marked =
        if marked == 0 { String::new() } else { format!("; planned work began {marked} times") };
    format!(
        "Last hour by the minute: {ended} ended, {bad} of them failed or timed out, {most} at most in a minute{marked}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stand_at_their_minute_and_never_leave_the_drawing() {
        let minute =
            |start_seconds, ended, failed| Minute { start_seconds, ended, failed, timed_out: 0 };
        let now = Timestamp::from_millis(7_259_000);
        let drawing =
            hour(&[minute(3_600, 9, 9), minute(3_660, 1, 0), minute(7_200, 100, 50)], now, &[now]);
        // The oldest is out of the hour by now.
        assert!(drawing.contains("class=\"a\" d=\"M1 24v-1M119 24v-23\""), "{drawing}");
        assert!(drawing.contains("class=\"b\" d=\"M119 24v-12\""), "{drawing}");
        assert!(drawing.contains("class=\"m\" d=\"M118 0v24\""), "{drawing}");
        let past = Timestamp::from_millis(0);
        assert!(hour(&[], now, &[past]).contains("0 ended") && !drawing.contains("M-"));
    }
}
