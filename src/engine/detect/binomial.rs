//! Shares against a share that was expected.

/// How much better its own share explains `part` of `whole` than `share` does, in nats; 0 when its own is smaller.
pub(super) fn nats(part: f64, whole: f64, share: f64) -> f64 {
    let own = part / whole.max(1.0);
    if own <= share {
        return 0.0;
    }
    let term = |count: f64, own: f64, expected: f64| {
        if count > 0.0 { count * libm::log(own / expected) } else { 0.0 }
    };
    term(part, own, share) + term(whole - part, 1.0 - own, 1.0 - share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expected_says_nothing_and_all_of_many_says_most() {
        for (part, whole, share) in [(8.0, 10.0, 0.8), (3.0, 10.0, 0.8), (40.0, 40.0, 1.0)] {
            assert!(nats(part, whole, share) <= 0.0, "{part} of {whole}");
        }
        assert!((nats(40.0, 40.0, 0.8) - 40.0 * libm::log(1.25)).abs() < 1e-9);
        let (some, more) = (nats(36.0, 40.0, 0.6), nats(39.0, 40.0, 0.6));
        assert!(some > 0.0 && more > some, "{some} {more}");
    }
}
