//! Backoff as a pure function.

use chrono::TimeDelta;
use sha2::{Digest, Sha256};

/// The pause before attempt `next` (2 for the first repeat): doubling from `first`, never longer than
/// `max`, less up to a quarter of itself. The jitter comes from `key`, so that a replay waits as long as
/// the original did.
pub(crate) fn pause(first: TimeDelta, max: TimeDelta, next: u32, key: &str) -> TimeDelta {
    let doublings = next.saturating_sub(2).min(20);
    let factor = 1_i32.checked_shl(doublings).unwrap_or(i32::MAX);
    let full = first.checked_mul(factor).unwrap_or(max).min(max);
    let digest = Sha256::digest(format!("{key}#{next}"));
    let byte = digest.first().copied().unwrap_or_default();
    let quarter = full.num_milliseconds() / 4;
    let jitter = quarter.saturating_mul(i64::from(byte)) / 256;
    full - TimeDelta::milliseconds(jitter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_jitter_stays_within_a_quarter() {
        let (first, max) = (TimeDelta::seconds(10), TimeDelta::seconds(100));
        let full = [10, 20, 40, 80, 100, 100];
        for (index, seconds) in full.into_iter().enumerate() {
            let next = u32::try_from(index).unwrap() + 2;
            let pause = pause(first, max, next, "link");
            assert!(pause <= TimeDelta::seconds(seconds), "{next}: {pause}");
            assert!(
                pause >= TimeDelta::milliseconds(seconds * 750),
                "{next}: {pause}"
            );
        }
    }

    #[test]
    fn the_same_key_waits_the_same_and_another_does_not() {
        let of = |key: &str| pause(TimeDelta::seconds(60), TimeDelta::hours(1), 3, key);
        assert_eq!(of("a"), of("a"));
        let different = (0..20)
            .map(|n| of(&format!("item-{n}")))
            .collect::<std::collections::BTreeSet<_>>();
        assert!(different.len() > 5);
    }
}
