//! How many lines refused calls may leave: so many a minute for each account and reason, the rest are only
//! counted. Pure; the time is handed in.

use std::collections::BTreeMap;

use values::Timestamp;

/// A line costs so much; an allowance of one line a minute earns one of it in each millisecond.
const LINE: i64 = 60_000;

/// Kinds of calls that are told apart; further ones share one allowance.
const KINDS_MAX: usize = 1_024;

/// The calls of one account that were refused for one reason.
type Kind = (String, String);

/// Who may leave a line.
#[derive(Debug, Default)]
pub(crate) struct Flood {
    kinds: BTreeMap<Kind, Bucket>,
}

#[derive(Debug)]
struct Bucket {
    /// What is left, in parts of a line.
    left: i64,
    /// Up to when the allowance has been earned.
    at: Timestamp,
    /// Calls that have left no line since the last one that did.
    counted: u64,
}

/// What a call may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trace {
    /// A line, which says how many before it have left none.
    Line {
        /// Calls that were only counted.
        unseen: u64,
    },
    /// Nothing: it is counted.
    Counted,
}

impl Flood {
    /// Takes a call of that kind; the first `per_minute` of a minute leave a line.
    pub(crate) fn take(
        &mut self,
        (account, reason): (&str, &str),
        per_minute: u32,
        now: Timestamp,
    ) -> Trace {
        let mut kind = (account.to_owned(), reason.to_owned());
        if self.kinds.len() >= KINDS_MAX && !self.kinds.contains_key(&kind) {
            kind = (String::new(), String::new());
        }
        let most = i64::from(per_minute).saturating_mul(LINE);
        let bucket = self.kinds.entry(kind).or_insert(Bucket {
            left: most,
            at: now,
            counted: 0,
        });
        // A clock that goes back earns nothing and costs nothing.
        let passed = (now - bucket.at).num_milliseconds().clamp(0, LINE);
        bucket.at = bucket.at.max(now);
        let earned = passed.saturating_mul(i64::from(per_minute));
        bucket.left = bucket.left.saturating_add(earned).min(most);
        if bucket.left < LINE {
            bucket.counted = bucket.counted.saturating_add(1);
            return Trace::Counted;
        }
        bucket.left -= LINE;
        Trace::Line {
            unseen: std::mem::take(&mut bucket.counted),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use values::Timestamp;

    use super::{Flood, KINDS_MAX, Trace};

    fn at(millis: i64) -> Timestamp {
        DateTime::UNIX_EPOCH + TimeDelta::milliseconds(millis)
    }

    fn lines(flood: &mut Flood, calls: usize, now: Timestamp) -> usize {
        let mut take = || flood.take(("main", "forged"), 3, now);
        (0..calls).filter(|_| take() != Trace::Counted).count()
    }

    #[test]
    fn the_first_of_a_minute_leave_a_line_and_the_next_line_counts_the_rest() {
        let mut flood = Flood::default();
        assert_eq!(lines(&mut flood, 100, at(0)), 3);
        assert_eq!(lines(&mut flood, 100, at(19_999)), 0);
        let next = flood.take(("main", "forged"), 3, at(20_000));
        assert_eq!(next, Trace::Line { unseen: 197 });
        assert_eq!(
            lines(&mut flood, 100, at(3_600_000)),
            3,
            "nothing is saved up"
        );
    }

    #[test]
    fn calls_that_come_all_the_time_do_not_starve_themselves() {
        let mut flood = Flood::default();
        let calls = 0..600_000;
        let left = calls.filter(|ms| flood.take(("a", "b"), 7, at(*ms)) != Trace::Counted);
        let left = left.count();
        assert!((70..=77).contains(&left), "{left} lines in ten minutes");
    }

    #[test]
    fn kinds_are_apart_and_no_flood_of_kinds_is_kept() {
        let mut flood = Flood::default();
        assert_eq!(lines(&mut flood, 9, at(0)), 3);
        let other = flood.take(("main", "malformed"), 3, at(0));
        assert_eq!(other, Trace::Line { unseen: 0 });
        for kind in 0..10 * KINDS_MAX {
            flood.take(("main", &kind.to_string()), 3, at(0));
        }
        assert!(flood.kinds.len() <= KINDS_MAX + 1);
    }

    #[test]
    fn a_clock_that_goes_back_gives_no_new_lines() {
        let mut flood = Flood::default();
        assert_eq!(lines(&mut flood, 9, at(60_000)), 3);
        assert_eq!(lines(&mut flood, 9, at(0)), 0);
        assert_eq!(lines(&mut flood, 9, at(60_000)), 0);
    }

    #[test]
    fn an_allowance_of_nothing_leaves_nothing() {
        let mut flood = Flood::default();
        assert_eq!(flood.take(("a", "b"), 0, at(0)), Trace::Counted);
    }
}
