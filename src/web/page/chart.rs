//! The last hour as bars, a minute each: all there was, and in front of it what went wrong.

use std::fmt::Write;

use super::html::Html;
use crate::event::Timestamp;
use crate::signal::{Minute, TierMinute};

/// Minutes in a chart.
const MINUTES: i64 = 60;

/// Width of a minute and height, in units of the drawing. A hundred and more of them keep 1 of 165 apart from 7.
const STEP: i64 = 2;
const HEIGHT: u32 = 240;

/// Height of a drawing in a list, in pixels.
const ROW_PIXELS: u32 = 24;

/// A bar of what happened at all is seen: that high at least, a pixel in a list and two in a frame, which is 128 high.
const SEEN_IN_ROW: u64 = 10;
const SEEN_IN_FRAME: u64 = 4;

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

    /// The drawing for a list, with a text that says the same.
    pub(super) fn drawing(&self) -> String {
        self.drawn(&[], SEEN_IN_ROW)
    }

    /// A drawing with bars of `seen` at least. `marks` are moments at which work began.
    fn drawn(&self, marks: &[Timestamp], seen: u64) -> String {
        let most = self.most();
        let (mut all, mut bad) = (String::new(), String::new());
        for minute in &self.bars {
            if let Some(place) = self.place(minute.start_seconds) {
                let middle = place * STEP + STEP / 2;
                bar(&mut all, middle, height(minute.all, most, seen));
                bar(&mut bad, middle, height(minute.bad, most, seen));
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
            "<svg viewBox=\"0 0 {width} {HEIGHT}\" width=\"{width}\" height=\"{ROW_PIXELS}\" preserveAspectRatio=\"none\" \
             role=\"img\" aria-label=\"{label}\" stroke-width=\"1.5\">\
             <path class=\"base\" stroke-width=\"1\" d=\"M0 {HEIGHT}h{width}\"/>\
             <path class=\"a\" d=\"{all}\"/><path class=\"b\" d=\"{bad}\"/>{lines}</svg>"
        )
    }

    /// The drawing in a frame that says what its height, its width and its colours are. `whose` begins the sentence.
    pub(super) fn figure(&self, page: &mut Html, whose: &str, marks: &[Timestamp]) {
        let (most, drawing) = (self.most(), self.drawn(marks, SEEN_IN_FRAME));
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

/// How high a bar is that stands for `count` beside one of `most`: to the nearest unit, and `seen` at least.
fn height(count: u64, most: u64, seen: u64) -> u64 {
    if count == 0 {
        return 0;
    }
    let (most, room) = (most.max(1), u64::from(HEIGHT) - SEEN_IN_ROW);
    ((room * count + most / 2) / most).max(seen)
}

fn bar(path: &mut String, middle: i64, height: u64) {
    if height > 0 {
        write!(path, "M{middle} {HEIGHT}v-{height}").expect("memory grows");
    }
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
        let drawing = Hour::new(&minutes, SIGN_INS, now).drawn(&[now], SEEN_IN_ROW);
        // The oldest is out of the hour by now.
        assert!(drawing.contains("class=\"a\" d=\"M1 240v-10M119 240v-230\""), "{drawing}");
        assert!(drawing.contains("class=\"b\" d=\"M119 240v-115\""), "{drawing}");
        assert!(drawing.contains("class=\"m\" d=\"M118 0v240\""), "{drawing}");
        let past = Timestamp::from_millis(0);
        let empty = Hour::new::<Minute>(&[], SIGN_INS, now).drawn(&[past], SEEN_IN_ROW);
        assert!(empty.contains("0 ended") && !empty.contains("class=\"m\""), "{empty}");
    }

    #[test]
    fn few_look_like_few_and_nothing_like_nothing() {
        let heights = [0, 1, 2, 7, 14, 164, 165].map(|count| height(count, 165, SEEN_IN_FRAME));
        assert_eq!(heights, [0, 4, 4, 10, 20, 229, 230]);
        assert_eq!([0, 1, 30].map(|count| height(count, 165, SEEN_IN_ROW)), [0, 10, 42]);
        assert_eq!(height(1, 1, SEEN_IN_ROW), 230);
    }
}
