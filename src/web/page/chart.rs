//! The last hour as bars, a minute each: all there was, and in front of it what went wrong.

use std::fmt::Write;

use super::html::Html;
use crate::event::Timestamp;
use crate::signal::{Minute, TierMinute};

/// Minutes in a chart.
const MINUTES: i64 = 60;

/// Width of a minute and height, in units of the drawing.
const STEP: i64 = 2;
const HEIGHT: u32 = 24;

/// What the bars count.
#[derive(Clone, Copy)]
pub(super) struct Words {
    /// All of them: `120 ended`.
    all: &'static str,
    /// Those in front.
    bad: &'static str,
}

/// Sign-ins that ended.
pub(super) const SIGN_INS: Words = Words { all: "ended", bad: "failed or timed out" };

/// Requests of a tier.
pub(super) const REQUESTS: Words = Words { all: "requests", bad: "5xx, 429, 403 or 414" };

/// One minute.
#[derive(Clone, Copy)]
pub(super) struct Bar {
    start_seconds: i64,
    all: u64,
    bad: u64,
}

impl From<&Minute> for Bar {
    fn from(minute: &Minute) -> Self {
        let Minute { start_seconds, ended, .. } = *minute;
        Self { start_seconds, all: ended.into(), bad: minute.bad().into() }
    }
}

impl From<&TierMinute> for Bar {
    fn from(minute: &TierMinute) -> Self {
        let counts = &minute.counts;
        Self { start_seconds: minute.start_seconds, all: counts.requests, bad: counts.bad() }
    }
}

/// An hour of bars.
pub(super) struct Hour {
    bars: Vec<Bar>,
    words: Words,
    newest: i64,
}

impl Hour {
    /// The hour up to `now`.
    pub(super) fn new<'a, T: 'a>(
        minutes: impl IntoIterator<Item = &'a T>,
        words: Words,
        now: Timestamp,
    ) -> Self
    where
        Bar: From<&'a T>,
    {
        let bars = minutes.into_iter().map(Bar::from).collect();
        Self { bars, words, newest: now.seconds().div_euclid(60) * 60 }
    }

    /// The drawing, with a text that says the same. `marks` are moments at which work began.
    pub(super) fn drawing(&self, marks: &[Timestamp]) -> String {
        let most = self.most();
        let (mut all, mut bad) = (String::new(), String::new());
        for minute in &self.bars {
            if let Some(place) = self.place(minute.start_seconds) {
                let middle = place * STEP + STEP / 2;
                bar(&mut all, middle, minute.all, most);
                bar(&mut bad, middle, minute.bad, most);
            }
        }
        let (mut lines, marked) = (String::new(), self.marked(marks));
        for place in &marked {
            write!(lines, "M{} 0v{HEIGHT}", place * STEP).expect("memory grows");
        }
        let lines =
            if marked.is_empty() { lines } else { format!("<path class=\"m\" d=\"{lines}\"/>") };
        let (label, width) = (self.label(most, marked.len()), MINUTES * STEP);
        format!(
            "<svg viewBox=\"0 0 {width} {HEIGHT}\" width=\"{width}\" height=\"{HEIGHT}\" preserveAspectRatio=\"none\" \
             role=\"img\" aria-label=\"{label}\" stroke-width=\"1.5\">\
             <path class=\"base\" stroke-width=\"1\" d=\"M0 {HEIGHT}h{width}\"/>\
             <path class=\"a\" d=\"{all}\"/><path class=\"b\" d=\"{bad}\"/>{lines}</svg>"
        )
    }

    /// The drawing in a frame that says what its height, its width and its colours are. `whose` begins the sentence.
    pub(super) fn figure(&self, page: &mut Html, whose: &str, marks: &[Timestamp]) {
        let (most, drawing) = (self.most(), self.drawing(marks));
        let Words { all, bad } = self.words;
        let marked = if self.marked(marks).is_empty() {
            ""
        } else {
            " <span class=\"key m\">planned work began</span>"
        };
        page.line(format_args!(
            "<figure class=\"chart\"><figcaption><span>{whose}, by the minute; {most} at most</span>\
             <span><span class=\"key a\">{all}</span> <span class=\"key b\">{bad}</span>{marked}</span></figcaption>\
             {drawing}<div class=\"axis\" aria-hidden=\"true\"><span>an hour ago</span><span>now</span></div></figure>"
        ));
    }

    fn most(&self) -> u64 {
        self.bars.iter().map(|minute| minute.all).max().unwrap_or(0)
    }

    /// Where the minute that begins then stands.
    fn place(&self, start_seconds: i64) -> Option<i64> {
        let place = MINUTES - 1 - (self.newest - start_seconds) / 60;
        (0..MINUTES).contains(&place).then_some(place)
    }

    fn marked(&self, marks: &[Timestamp]) -> Vec<i64> {
        let minute = |mark: &Timestamp| mark.seconds().div_euclid(60) * 60;
        marks.iter().filter_map(|mark| self.place(minute(mark))).collect()
    }

    fn label(&self, most: u64, marked: usize) -> String {
        let sum = |part: fn(&Bar) -> u64| self.bars.iter().map(part).sum::<u64>();
        let (total, wrong) = (sum(|minute| minute.all), sum(|minute| minute.bad));
        let Words { all, bad } = self.words;
        let marked = match marked {
            0 => String::new(),
            1 => "; planned work began once".into(),
            many => format!("; planned work began {many} times"),
        };
        format!(
            "Last hour by the minute: {total} {all}, {wrong} of them {bad}, {most} at most in a minute{marked}"
        )
    }
}

/// A bar of at least one unit for what happened at all.
fn bar(path: &mut String, middle: i64, count: u64, most: u64) {
    if count == 0 {
        return;
    }
    let height = (u64::from(HEIGHT - 1) * count).div_ceil(most.max(1));
    write!(path, "M{middle} {HEIGHT}v-{height}").expect("memory grows");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stand_at_their_minute_and_never_leave_the_drawing() {
        let minute =
            |start_seconds, ended, failed| Minute { start_seconds, ended, failed, timed_out: 0 };
        let now = Timestamp::from_millis(7_259_000);
        let minutes = [minute(3_600, 9, 9), minute(3_660, 1, 0), minute(7_200, 100, 50)];
        let drawing = Hour::new(&minutes, SIGN_INS, now).drawing(&[now]);
        // The oldest is out of the hour by now.
        assert!(drawing.contains("class=\"a\" d=\"M1 24v-1M119 24v-23\""), "{drawing}");
        assert!(drawing.contains("class=\"b\" d=\"M119 24v-12\""), "{drawing}");
        assert!(drawing.contains("class=\"m\" d=\"M118 0v24\""), "{drawing}");
        let past = Timestamp::from_millis(0);
        let empty = Hour::new::<Minute>(&[], SIGN_INS, now).drawing(&[past]);
        assert!(empty.contains("0 ended") && !empty.contains("class=\"m\""), "{empty}");
    }
}
