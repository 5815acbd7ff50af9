//! Numbers as people read them.

/// A share, with a decimal where it is small.
pub(in crate::web) fn percent(ratio: f64) -> String {
    let percent = ratio * 100.0;
    let decimals = usize::from(percent > 0.0 && percent < 10.0);
    format!("{percent:.decimals$} %")
}

/// A length of time in its two largest units.
pub(in crate::web) fn span(millis: i64) -> String {
    let seconds = millis.max(0) / 1000;
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let mut rest = seconds;
    let mut words = Vec::new();
    for (length, unit) in units {
        let count = rest / length;
        rest %= length;
        if count > 0 || (!words.is_empty() && words.len() < 2) {
            words.push(format!("{count} {unit}"));
        }
        if words.len() == 2 {
            break;
        }
    }
    words.retain(|word| !word.starts_with("0 "));
    if words.is_empty() { "0 s".into() } else { words.join(" ") }
}

/// A count and its noun, which takes an s.
pub(in crate::web) fn count(many: u64, noun: &str) -> String {
    format!("{many} {noun}{}", if many == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_two_units_at_most() {
        let cases = [
            (0, "0 s"),
            (-5, "0 s"),
            (59_999, "59 s"),
            (60_000, "1 min"),
            (61_000, "1 min 1 s"),
            (3_600_000, "1 h"),
            (3_601_000, "1 h"),
            (90_061_000, "1 d 1 h"),
        ];
        for (millis, want) in cases {
            assert_eq!(span(millis), want, "{millis}");
        }
    }
}
