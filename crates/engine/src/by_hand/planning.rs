//! From a wish to a request, purely once everything is known: the activity decides as in a workflow.

use activity::builtin::create_payment_link::codes;
use activity::{Answers, LinkDraft, Outcome, Plan, PlanContext, Prepared, Request};
use chrono::TimeDelta;
use expression::Facts;
use payment::GatewayError;
use serde_json::Value as Json;
use state_machine::{BY_HAND, OutsideReads};
use values::{ItemRef, Timestamp};

use super::{ACTIVITY, SETTINGS_BYTES_MAX, Wanted};
use crate::command::refuse;
use crate::gather::Gather;
use crate::record;
use crate::submit::Loaded;
use crate::{Core, Error};

/// A link that may be asked for, with everything that concluding needs.
pub(super) struct Planned {
    pub(super) item: ItemRef,
    pub(super) now: Timestamp,
    /// Nothing is sent after this moment.
    pub(super) send_by: Timestamp,
    pub(super) request: Request,
    /// The link without the gateway's words.
    pub(super) draft: LinkDraft,
    state: String,
    prepared: Box<dyn Prepared>,
    facts: Facts,
    answers: Answers,
}

impl Core {
    /// Decides on the link as the activity does, under a reference of its own.
    pub(super) async fn planned(
        &self,
        loaded: &Loaded,
        wanted: &Wanted,
        reference: String,
    ) -> Result<Planned, Error> {
        let instance = &loaded.row.instance;
        let workflow = self.workflows.pinned(&instance.definition).await?;
        let definition = &workflow.definition;
        let known = |state: &str| definition.model().link_states().any(|known| known == state);
        if wanted.state != BY_HAND && !known(&wanted.state) {
            let message = format!("`{}` is no state that makes links", wanted.state);
            return refuse("not_a_link_state", message);
        }
        if record::encode(&wanted.settings)?.len() > SETTINGS_BYTES_MAX {
            return Err(Error::Limit {
                what: "the bytes of a link's settings",
                max: SETTINGS_BYTES_MAX,
            });
        }
        let prepared = self
            .workflows
            .prepared_for(definition, ACTIVITY, &wanted.settings)
            .or_else(|problems| refuse("bad_settings", problems.join("; ")))?;
        let mut reads = OutsideReads::default();
        for read in prepared.reads() {
            reads.add(read);
        }
        let gather = Gather {
            host: &self.host,
            store: self.store.as_ref(),
            accounts: self.accounts(),
            zone: &self.zone,
            writes: &[],
        };
        let now = self.clock.now();
        let context = gather.context_for(&reads, instance, now).await?;
        let mut answers = gather.answers(&prepared.needs(), instance).await?;
        // A person who wants one more link wants the others to stay.
        answers.earlier_links.clear();
        let facts = instance.facts(&context);
        let plan = prepared.plan(&PlanContext {
            facts: &facts,
            answers: &answers,
            state: &wanted.state,
            entered_at: now,
            reference: &reference,
            zone: &self.zone,
            locales: self.workflows.locales(),
        });
        let request = match plan {
            Plan::Perform(request) => request,
            Plan::Finish(outcome) => return Err(refusal(*outcome)),
        };
        let Some(draft) = prepared.may_have_made(&request, None) else {
            return Err(Error::Invariant(format!("`{ACTIVITY}` plans no link")));
        };
        let seconds = TimeDelta::seconds(request.attempt_seconds_max.max(1));
        Ok(Planned {
            item: wanted.item.clone(),
            now,
            send_by: now + seconds,
            request,
            draft,
            state: wanted.state.clone(),
            prepared,
            facts,
            answers,
        })
    }
}

impl Planned {
    /// What the gateway's answer makes of the plan.
    pub(super) fn concluded(&self, core: &Core, result: &Json) -> Outcome {
        let context = PlanContext {
            facts: &self.facts,
            answers: &self.answers,
            state: &self.state,
            entered_at: self.now,
            reference: &self.draft.reference,
            zone: &core.zone,
            locales: core.workflows.locales(),
        };
        self.prepared.conclude(&context, &self.request, result)
    }
}

/// An outcome without a link, as an error. The codes of the activity's own decisions are stable.
pub(super) fn refusal(outcome: Outcome) -> Error {
    let code = outcome.code.unwrap_or_default();
    let message = outcome.message.unwrap_or_default();
    let known = codes::BEFORE_THE_GATEWAY;
    match known.iter().find(|(known, _)| *known == code) {
        Some((code, _)) => Error::Refused { code, message },
        None => GatewayError::permanent(code, message).into(),
    }
}
