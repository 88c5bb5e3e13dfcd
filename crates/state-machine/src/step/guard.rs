//! Guards, and what they see.

use std::sync::Arc;

use expression::{Expression, Facts, LinkFacts, ProcessFacts};

use super::{Context, Halt, Run, TraceEntry};
use crate::instance::Instance;

impl Run<'_> {
    /// Tries a guard; no guard holds. A guard that fails is an incident, never "false".
    pub(super) fn holds(
        &mut self,
        place: impl FnOnce() -> String,
        guard: Option<&Expression>,
    ) -> Result<bool, Halt> {
        let Some(guard) = guard else { return Ok(true) };
        let facts = self.facts();
        let place = place();
        match guard.guard(&facts) {
            Ok(held) => {
                let guard = guard.source().to_owned();
                self.trace.push(TraceEntry { place, guard, held });
                Ok(held)
            }
            Err(error) => Err(self.incident("guard_failed", format!("{place}: {error}"))),
        }
    }

    pub(super) fn facts(&self) -> Facts {
        let mut facts = facts(&self.instance, self.context);
        facts.event.clone_from(&self.payload);
        facts
    }
}

/// What expressions see of an instance at a moment.
pub(crate) fn facts(instance: &Instance, context: &Context) -> Facts {
    let links = instance
        .links
        .iter()
        .map(|link| {
            (
                link.state.clone(),
                LinkFacts {
                    id: link.id.to_string(),
                    url: Some(link.url.clone()),
                    status: link.status.clone(),
                    amount: link.amount,
                    expires_at: Some(link.expires_at),
                    paid_at: link.paid_at,
                    tracking_no: link.tracking_no.clone(),
                    state: link.state.clone(),
                },
            )
        })
        .collect();
    Facts {
        now: context.now,
        zone: context.zone,
        item_ref: instance.item.as_ref().clone(),
        item: instance.fields.clone(),
        party: context.party.clone(),
        parents: context.parents.clone(),
        children: context.children.clone(),
        references: context.references.clone(),
        process: Arc::new(ProcessFacts {
            state: instance.state.clone(),
            entered_at: instance.entered_at,
            started_at: instance.started_at,
            visits: instance.visits.clone(),
            last_actor: instance.last_actor.clone(),
        }),
        links: Arc::new(links),
        latest_link: instance.latest_link().map(|link| link.state.clone()),
        event: None,
    }
}

impl Instance {
    /// What expressions and activities see of the instance at a moment.
    pub fn facts(&self, context: &Context) -> Facts {
        facts(self, context)
    }
}
