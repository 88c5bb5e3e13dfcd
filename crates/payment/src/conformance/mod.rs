//! The promises of [`crate::Gateway`], as one list of cases that every gateway runs.
//!
//! A [`Bench`] sets the gateway under test up: a real one against a local fake of its provider, the
//! sandbox with a script. A situation that a bench cannot play is reported as skipped, never as
//! kept.

mod calls;
mod creating;
mod paying;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use chrono::TimeDelta;
use values::Timestamp;

use crate::{Call, Gateway, LinkRequest};

/// What the provider and its customers do in a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Situation {
    /// Links are made, and nobody pays.
    Quiet,
    /// The first create is taken and its answer lost.
    FirstAnswerLost,
    /// Every create is refused for good.
    Refused,
    /// The first create is turned away before anything happens.
    FirstTurnedAway,
    /// Every link is paid [`PAID_AFTER`] it was made.
    Paid,
    /// Every link is paid twice, by [`PAID_AFTER`] plus an hour after it was made.
    PaidTwice,
    /// Every link is paid within an hour after its expiry.
    PaidLate,
    /// Every link is paid [`PAID_AFTER`] it was made, even if it was cancelled meanwhile.
    PaidThoughCancelled,
}

/// How long after its making a link is paid, where the situation has it paid.
pub const PAID_AFTER: TimeDelta = TimeDelta::hours(2);

/// Sets up the gateway under test.
pub trait Bench: Send + Sync {
    /// A fresh gateway in that situation; `None` where it cannot be played.
    fn gateway(&self, situation: Situation) -> Option<Arc<dyn Gateway>>;

    /// The time at which every case starts.
    fn start(&self) -> Timestamp;

    /// Whether the provider closes a link at its expiry by itself. Where it does not, we close it.
    fn closes_at_expiry(&self) -> bool {
        true
    }

    /// A request that is good at the start, for a link that lives one day from then.
    fn request(&self, reference: &str) -> LinkRequest;
}

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The promise holds.
    Kept,
    /// It does not apply: the bench cannot play it, or the gateway does not claim it.
    Skipped,
    /// The promise is broken; what was seen.
    Broken(String),
}

/// What a running case comes to.
pub type Running<'a> = Pin<Box<dyn Future<Output = Verdict> + Send + 'a>>;

/// One promise.
#[derive(Clone, Copy)]
pub struct Case {
    /// The promise, as a sentence.
    pub name: &'static str,
    /// Plays it.
    pub run: fn(&dyn Bench) -> Running<'_>,
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

macro_rules! cases {
    ($($file:ident :: $name:ident),+ $(,)?) => {
        &[$(Case { name: stringify!($name), run: |bench| Box::pin($file::$name(bench)) }),+]
    };
}

/// Every promise.
pub const CASES: &[Case] = cases![
    creating::a_created_link_can_be_read,
    creating::a_repeat_does_what_its_class_declares,
    creating::a_lost_answer_is_ambiguous,
    creating::a_lost_answer_is_resolved_as_its_class_declares,
    creating::only_a_class_with_both_numbers_may_repeat_after_a_look_up,
    creating::a_reference_never_sent_is_not_found,
    creating::nothing_is_sent_after_send_by,
    creating::an_unknown_setting_is_refused_and_nothing_is_made,
    creating::an_amount_that_cannot_be_paid_is_refused,
    creating::a_limit_is_kept_by_validation_and_by_create,
    creating::a_past_expiry_is_refused,
    creating::a_refused_create_is_permanent,
    creating::a_create_that_is_turned_away_goes_through_later,
    paying::a_paid_link_stays_paid,
    paying::a_link_paid_twice_has_two_transactions,
    paying::a_link_expires_by_the_gateways_word,
    paying::a_late_payment_wins_over_expiry,
    paying::a_cancelled_link_is_cancelled,
    paying::a_payment_in_flight_wins_over_cancelling,
    paying::a_paid_link_is_not_cancelled,
    calls::a_forged_callback_proves_nothing,
    calls::a_malformed_callback_is_rejected,
    calls::a_notice_names_its_link_and_comes_once,
    calls::the_status_of_an_unknown_link_is_an_error,
];

/// Runs every case.
pub async fn run(bench: &dyn Bench) -> Vec<(&'static str, Verdict)> {
    let mut verdicts = Vec::new();
    for case in CASES {
        verdicts.push((case.name, (case.run)(bench).await));
    }
    verdicts
}

/// A case's steps: the error is the verdict that ends it.
type Steps = Result<(), Verdict>;

fn verdict(steps: Steps) -> Verdict {
    steps.err().unwrap_or(Verdict::Kept)
}

/// The gateway in that situation, or the case is skipped.
fn set_up(bench: &dyn Bench, situation: Situation) -> Result<Arc<dyn Gateway>, Verdict> {
    bench.gateway(situation).ok_or(Verdict::Skipped)
}

/// A call at some time after the start, to be sent within a minute.
fn call_at(bench: &dyn Bench, after: TimeDelta) -> Call {
    let now = bench
        .start()
        .checked_add_signed(after)
        .unwrap_or(bench.start());
    Call {
        now,
        send_by: now.checked_add_signed(TimeDelta::minutes(1)).unwrap_or(now),
    }
}

fn check(holds: bool, seen: impl FnOnce() -> String) -> Steps {
    if holds {
        Ok(())
    } else {
        Err(Verdict::Broken(seen()))
    }
}

/// The value, or the case is broken with the error.
fn good<T, E: std::fmt::Display>(what: &str, answer: Result<T, E>) -> Result<T, Verdict> {
    answer.map_err(|error| Verdict::Broken(format!("{what}: {error}")))
}

/// The error, or the case is broken because there is none.
fn bad<T: std::fmt::Debug, E>(what: &str, answer: Result<T, E>) -> Result<E, Verdict> {
    match answer {
        Ok(value) => Err(Verdict::Broken(format!("{what} went through: {value:?}"))),
        Err(error) => Ok(error),
    }
}
