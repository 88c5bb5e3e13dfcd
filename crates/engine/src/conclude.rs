//! What an attempt brought back, applied: its outcome, or that nobody knows.

use state_machine::{Event, Rejection};

use crate::dispatcher::{AGAIN_MIN, Place, source_of, stands};
use crate::record::{Answer, AnswerEnd, Cause, Concluded, HistoryDetail, IntentRow, Work};
use crate::retry::pause;
use crate::submit::{Extra, Loaded};
use crate::{Core, Error};

impl Core {
    /// Applies what came back. While the host keeps that from being done, it is stored instead, so that
    /// nothing has to be asked again.
    pub(crate) async fn conclude(
        &self,
        place: Place,
        intent: IntentRow,
        answer: Answer,
    ) -> Result<(), Error> {
        let _turn = self.locks.lock(&place.item).await;
        match self.concluded(&place, &intent, &answer).await {
            Err(Error::Rejected(Rejection::Stale)) => self.too_late(&place, &intent, &answer).await,
            Err(Error::Host(error)) => {
                tracing::warn!(item = %place.item, %error, "an answer waits for the host");
                self.keep_answer(place, intent, answer).await
            }
            other => other,
        }
    }

    async fn concluded(
        &self,
        place: &Place,
        intent: &IntentRow,
        answer: &Answer,
    ) -> Result<(), Error> {
        // Money first: a payment of an earlier link may move the item away from here.
        for (link, report) in &answer.seen {
            let source = source_of(&intent.request.activity);
            self.settle_in_turn(link, report, source).await?;
        }
        let Some(loaded) = self.load(&place.item).await? else {
            return Err(Rejection::Stale.into());
        };
        let workflow = self
            .workflows
            .pinned(&loaded.row.instance.definition)
            .await?;
        let entry = intent.entry;
        let cause = match &answer.end {
            AnswerEnd::Done(result) => Cause::Concluded(Box::new(Concluded {
                entry,
                request: intent.request.clone(),
                result: result.clone(),
            })),
            // A late success is evidence; a late failure says nothing about a later attempt (clause 34).
            AnswerEnd::Ended(_) if !stands(&loaded, place, intent) => {
                return Err(Rejection::Stale.into());
            }
            AnswerEnd::Ended(outcome) => Cause::Ended {
                entry,
                outcome: outcome.clone(),
            },
        };
        if !workflow.prepared.contains_key(&intent.state) && matches!(cause, Cause::Concluded(_)) {
            let event = Event::Unknown {
                entry,
                code: "no_activity".to_owned(),
                message: "it was done, and this engine cannot read the result".to_owned(),
            };
            return self
                .apply(&workflow, &loaded, &Cause::Event(event), Extra::default())
                .await
                .map(drop);
        }
        self.apply(&workflow, &loaded, &cause, Extra::default())
            .await
            .map(drop)
    }

    /// Applies an outcome that needed no attempt. The caller holds the item's turn.
    pub(crate) async fn outcome(&self, loaded: &Loaded, cause: &Cause) -> Result<(), Error> {
        let workflow = self
            .workflows
            .pinned(&loaded.row.instance.definition)
            .await?;
        self.apply(&workflow, loaded, cause, Extra::default())
            .await
            .map(drop)
    }

    async fn keep_answer(
        &self,
        place: Place,
        mut intent: IntentRow,
        answer: Answer,
    ) -> Result<(), Error> {
        let Some(loaded) = self.load(&place.item).await? else {
            return Ok(());
        };
        if !stands(&loaded, &place, &intent) {
            return Ok(());
        }
        let attempts = place.attempts.saturating_add(1);
        let wait = pause(
            self.limits.outbox_pause,
            self.limits.outbox_pause_max,
            attempts,
            &place.id,
        );
        let due = self.clock.now() + wait.max(AGAIN_MIN);
        intent.claimed_by = None;
        intent.answer = Some(Box::new(answer));
        let next = Place {
            attempts,
            ..place.at(due)
        };
        let row = next.with(Work::Intent(Box::new(intent)));
        let notes = vec![format!("the host cannot be asked: applied at {due}")];
        self.move_intent(loaded, place.key(), &row, (None, notes))
            .await
    }

    /// Nobody knows how it ended: the workflow's `unknown` branch, or a person.
    pub(crate) async fn unknown(
        &self,
        place: &Place,
        intent: &IntentRow,
        code: String,
        message: String,
    ) -> Result<(), Error> {
        let _turn = self.locks.lock(&place.item).await;
        let Some(loaded) = self.load(&place.item).await? else {
            return Ok(());
        };
        if !stands(&loaded, place, intent) {
            return Ok(());
        }
        let workflow = self
            .workflows
            .pinned(&loaded.row.instance.definition)
            .await?;
        let cause = Cause::Event(Event::Unknown {
            entry: intent.entry,
            code: code.clone(),
            message: message.clone(),
        });
        let extra = Extra {
            detail: Some(HistoryDetail::Answer { code, message }),
            ..Extra::default()
        };
        self.apply(&workflow, &loaded, &cause, extra)
            .await
            .map(drop)
    }
}
