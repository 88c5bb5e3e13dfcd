//! Activities after the commit: claim → perform → submit the outcome.

use std::panic::AssertUnwindSafe;

use activity::{Activity, Attempt, Attempted, Observation, Outcome, PreviousAttempt, Request};
use chrono::TimeDelta;
use futures::FutureExt;
use persistence::{Table, Write};
use state_machine::{Kind, RetryPolicy};
use values::{ItemRef, Timestamp};

use crate::abandoned::Blocked;
use crate::links::{RECORDED_BY_WORKFLOW, REPLACED};
use crate::record::{self, Answer, AnswerEnd, Cause, HistoryDetail, IntentRow, OutboxRow, Work};
use crate::retry::pause;
use crate::submit::Loaded;
use crate::write::Batch;
use crate::{Core, Error};

/// What was not tried, or has no answer yet, is not looked at again sooner.
pub(crate) const AGAIN_MIN: TimeDelta = TimeDelta::seconds(1);

/// After so many attempts that ran out of time, a person decides.
const HUNG_ATTEMPTS_MAX: u32 = 20;

/// Where a row of the outbox stands; the work is handled beside it.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) item: ItemRef,
    pub(crate) id: String,
    pub(crate) due: Timestamp,
    pub(crate) attempts: u32,
}

impl Place {
    pub(crate) fn key(&self) -> Vec<u8> {
        record::outbox_key(self.due, &self.id)
    }

    /// The same row at another time.
    pub(crate) fn at(&self, due: Timestamp) -> Place {
        Place {
            due,
            ..self.clone()
        }
    }

    pub(crate) fn with(self, work: Work) -> OutboxRow {
        OutboxRow {
            item: self.item,
            id: self.id,
            due: self.due,
            attempts: self.attempts,
            work,
        }
    }
}

/// An attempt that is stored and may be made.
struct Claimed {
    place: Place,
    intent: IntentRow,
    attempt: Attempt,
}

impl Core {
    /// Does one piece of work. It is safe to call twice for the same row.
    pub(crate) async fn perform(&self, key: Vec<u8>) -> Result<(), Error> {
        let Some(row) = self.store.get(Table::Outbox, &key).await? else {
            return Ok(());
        };
        let Some(row) = OutboxRow::from_row(&row)? else {
            // Erased: whom it was for is gone, and so is the work.
            return self.sweep(Table::Outbox, key).await;
        };
        let place = Place {
            item: row.item,
            id: row.id,
            due: row.due,
            attempts: row.attempts,
        };
        match row.work {
            Work::Intent(mut intent) => match intent.answer.take() {
                Some(answer) => self.conclude(place, *intent, *answer).await,
                None => self.attempt(place, *intent).await,
            },
            Work::HostWrites(writes) => self.write_to_host(place, writes).await,
            Work::Message(id) => self.send_message(place, &id).await,
        }
    }

    async fn attempt(&self, place: Place, intent: IntentRow) -> Result<(), Error> {
        let Some(claimed) = self.claim(place, intent).await? else {
            return Ok(());
        };
        let Claimed {
            place,
            mut intent,
            mut attempt,
        } = claimed;
        let now = self.clock.now();
        if now > attempt.send_by {
            // The commit took so long that nothing may be sent any more (clause 33).
            intent.earlier.pop();
            let place = Place {
                attempts: place.attempts.saturating_sub(1),
                ..place
            };
            let message = format!("the attempt was to be sent by {}", attempt.send_by);
            let again = (now, "send_by_passed".to_owned(), message);
            return self.again(place, intent, again, Vec::new()).await;
        }
        attempt.now = now;
        let attempted = match self.workflows.catalog().get(&intent.request.activity) {
            Some(activity) => {
                self.made(activity.as_ref(), &intent.request, &attempt)
                    .await
            }
            None if attempt.earlier.is_empty() => Attempted::Ended {
                outcome: Box::new(Outcome::error(
                    "no_activity",
                    "this engine does not have the activity",
                )),
                observations: Vec::new(),
            },
            None => Attempted::Unknown {
                code: "no_activity".to_owned(),
                message: "this engine does not have the activity, and it was tried".to_owned(),
                again_at: None,
            },
        };
        self.attempted(place, intent, attempted).await
    }

    /// Makes the attempt. One that panics, or does not come back in time, may have had its effect.
    pub(crate) async fn made(
        &self,
        activity: &dyn Activity,
        request: &Request,
        attempt: &Attempt,
    ) -> Attempted {
        let work = activity.perform(request, attempt, &self.world);
        let work = AssertUnwindSafe(work).catch_unwind();
        let panicked = || Attempted::Unknown {
            code: "activity_panicked".to_owned(),
            message: "the activity panicked, and what it has done is not known".to_owned(),
            again_at: None,
        };
        if !self.is_live() {
            return work.await.unwrap_or_else(|_| panicked());
        }
        // Only a running engine knows that there is a timer to ask.
        let longest =
            TimeDelta::seconds(request.attempt_seconds_max.max(1)) + self.limits.attempt_grace;
        let longest = longest.to_std().unwrap_or(std::time::Duration::MAX);
        match tokio::time::timeout(longest, work).await {
            Ok(attempted) => attempted.unwrap_or_else(|_| panicked()),
            Err(_) => Attempted::Unknown {
                code: "attempt_timed_out".to_owned(),
                message: "the attempt did not come back in its time".to_owned(),
                again_at: (attempt.number < HUNG_ATTEMPTS_MAX).then(|| self.clock.now()),
            },
        }
    }

    /// Writes the attempt down before it is made (clause 33). `None` when the work is no longer wanted.
    async fn claim(&self, place: Place, mut intent: IntentRow) -> Result<Option<Claimed>, Error> {
        let _turn = self.locks.lock(&place.item).await;
        let Some(loaded) = self.load(&place.item).await? else {
            return self.sweep(Table::Outbox, place.key()).await.map(|()| None);
        };
        if !stands(&loaded, &place, &intent) {
            return self.withdraw(&place).await.map(|()| None);
        }
        let now = self.clock.now();
        match self.blocked(&intent).await? {
            Blocked::No => intent.blocked_by.clear(),
            Blocked::Until(due) => {
                let due = due.max(now) + AGAIN_MIN;
                let notes = vec![format!(
                    "an abandoned link must be closed first: again at {due}"
                )];
                let row = place.at(due).with(Work::Intent(Box::new(intent)));
                self.move_intent(loaded, place.key(), &row, (None, notes))
                    .await?;
                return Ok(None);
            }
            Blocked::Paid => {
                let message = "an earlier link of this step is paid";
                let outcome = Outcome::error("earlier_link_paid", message);
                let cause = Cause::Ended {
                    entry: intent.entry,
                    outcome: Box::new(outcome),
                };
                return self.outcome(&loaded, &cause).await.map(|()| None);
            }
        }
        let seconds = TimeDelta::seconds(intent.request.attempt_seconds_max.max(1));
        let send_by = now + seconds;
        let number = place.attempts.saturating_add(1);
        let attempt = Attempt {
            item: place.item.clone(),
            reference: intent.reference.clone(),
            number,
            now,
            send_by,
            earlier: intent.earlier.clone(),
        };
        let outside = self.reaches_outside(&intent);
        let before = place.key();
        let mut place = Place {
            attempts: number,
            ..place
        };
        if outside {
            place.due = send_by + self.limits.attempt_grace;
            intent.claimed_by = Some(self.epoch.clone());
            intent.earlier.push(PreviousAttempt { number, send_by });
            let detail = HistoryDetail::Attempt {
                number,
                send_by,
                request: intent.request.body.clone(),
            };
            let notes = vec![format!("attempt {number} sent by {send_by}")];
            let row = place.clone().with(Work::Intent(Box::new(intent.clone())));
            self.move_intent(loaded, before, &row, (Some(detail), notes))
                .await?;
        }
        Ok(Some(Claimed {
            place,
            intent,
            attempt,
        }))
    }

    /// Whether performing a request may reach the outside; an activity we do not have counts as one that does.
    fn reaches_outside(&self, intent: &IntentRow) -> bool {
        self.workflows
            .catalog()
            .get(&intent.request.activity)
            .is_none_or(|activity| activity.descriptor().reaches_outside)
    }

    /// Moves a request to another time; the instance's row remembers where it is.
    pub(crate) async fn move_intent(
        &self,
        loaded: Loaded,
        from: Vec<u8>,
        to: &OutboxRow,
        history: (Option<HistoryDetail>, Vec<String>),
    ) -> Result<(), Error> {
        let mut batch = Batch::new(self.clock.now());
        batch.delete(Table::Outbox, from);
        batch.outbox_again(to)?;
        self.commit_intent(loaded, to.due, batch, history).await
    }

    /// Takes back work that is no longer wanted. The caller holds the item's turn.
    pub(crate) async fn withdraw(&self, place: &Place) -> Result<(), Error> {
        let key = place.key();
        let writes = vec![Write::Delete {
            table: Table::Outbox,
            key,
        }];
        self.commit_beside_quietly(&place.item, writes).await
    }

    async fn attempted(
        &self,
        place: Place,
        mut intent: IntentRow,
        attempted: Attempted,
    ) -> Result<(), Error> {
        match attempted {
            Attempted::Done {
                result,
                observations,
            } => {
                let answer = answer(AnswerEnd::Done(result), observations);
                self.conclude(place, intent, answer).await
            }
            Attempted::Ended {
                outcome,
                observations,
            } => {
                let answer = answer(AnswerEnd::Ended(outcome), observations);
                self.conclude(place, intent, answer).await
            }
            Attempted::Retry {
                code,
                message,
                after,
                observations,
            } => {
                // Certainly nothing happened, so this attempt is none that may have arrived.
                intent.earlier.pop();
                let policy = self.policy(&place, &intent).await?;
                match self.next_attempt(&place, &intent, policy, after) {
                    Some(due) => {
                        let again = (due, code, message);
                        self.again(place, intent, again, observations).await
                    }
                    None => {
                        let outcome = Box::new(Outcome::error(code, message));
                        let answer = answer(AnswerEnd::Ended(outcome), observations);
                        self.conclude(place, intent, answer).await
                    }
                }
            }
            Attempted::NotBefore {
                at,
                code,
                observations,
            } => {
                intent.earlier.pop();
                let place = Place {
                    attempts: place.attempts.saturating_sub(1),
                    ..place
                };
                let again = (at, code, "it is too early".to_owned());
                self.again(place, intent, again, observations).await
            }
            Attempted::Unknown {
                again_at: Some(at),
                code,
                message,
            } => {
                let again = (at, code, message);
                self.again(place, intent, again, Vec::new()).await
            }
            Attempted::Unknown {
                code,
                message,
                again_at: None,
            } => self.unknown(&place, &intent, code, message).await,
        }
    }

    /// The retry policy of the state, and its timeout.
    async fn policy(
        &self,
        place: &Place,
        intent: &IntentRow,
    ) -> Result<(RetryPolicy, Option<TimeDelta>), Error> {
        let Some(loaded) = self.load(&place.item).await? else {
            return Ok(Default::default());
        };
        let workflow = self
            .workflows
            .pinned(&loaded.row.instance.definition)
            .await?;
        let state = workflow.definition.state(&intent.state);
        Ok(match state.map(|state| &state.kind) {
            Some(Kind::Activity(activity)) => (
                activity.retry,
                activity.timeout_seconds.map(TimeDelta::seconds),
            ),
            _ => Default::default(),
        })
    }

    /// When the next attempt is due; `None` when the budget is spent (clause 37).
    fn next_attempt(
        &self,
        place: &Place,
        intent: &IntentRow,
        (policy, timeout): (RetryPolicy, Option<TimeDelta>),
        after: Option<TimeDelta>,
    ) -> Option<Timestamp> {
        if place.attempts >= policy.attempts_max {
            return None;
        }
        let pause = pause(
            TimeDelta::seconds(policy.pause_seconds),
            TimeDelta::seconds(policy.pause_seconds_max),
            place.attempts.saturating_add(1),
            &intent.reference,
        );
        let pause = after.map_or(pause, |after| after.max(pause));
        let due = self.clock.now().checked_add_signed(pause)?;
        match timeout {
            Some(timeout) if due > intent.opened_at + timeout => None,
            _ => Some(due),
        }
    }

    /// Stores when the work is tried again, after writing down what it saw of other links.
    async fn again(
        &self,
        place: Place,
        mut intent: IntentRow,
        (due, code, message): (Timestamp, String, String),
        observations: Vec<Observation>,
    ) -> Result<(), Error> {
        let _turn = self.locks.lock(&place.item).await;
        for Observation { link, report } in observations {
            let source = source_of(&intent.request.activity);
            self.settle_in_turn(&link, &report, source).await?;
        }
        let Some(loaded) = self.load(&place.item).await? else {
            return Ok(());
        };
        if !stands(&loaded, &place, &intent) {
            // A later attempt, or another way out of the state, has overtaken this one.
            return Ok(());
        }
        intent.claimed_by = None;
        let due = due.max(self.clock.now() + AGAIN_MIN);
        let notes = vec![format!("{code}: again at {due}")];
        let row = place.at(due).with(Work::Intent(Box::new(intent)));
        let detail = HistoryDetail::Answer { code, message };
        self.move_intent(loaded, place.key(), &row, (Some(detail), notes))
            .await
    }
}

/// From where an activity's attempt knows of a link.
pub(crate) fn source_of(activity: &str) -> &'static str {
    match activity {
        "create_payment_link" | "renew_payment_link" => REPLACED,
        "record_payment" => RECORDED_BY_WORKFLOW,
        _ => "an activity",
    }
}

fn answer(end: AnswerEnd, observations: Vec<Observation>) -> Answer {
    Answer {
        end,
        seen: observations
            .into_iter()
            .map(|seen| (seen.link, seen.report))
            .collect(),
    }
}

/// Whether the request is open and its row is where this attempt left it: a later attempt moves the row,
/// and that makes an earlier one's failures void (clause 34).
pub(crate) fn stands(loaded: &Loaded, place: &Place, intent: &IntentRow) -> bool {
    let instance = &loaded.row.instance;
    instance.entry == intent.entry
        && instance.activity.is_some()
        && loaded.row.intent_due == Some(place.due)
}
