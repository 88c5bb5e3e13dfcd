//! Guards, and what they see.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use expression::{Expression, Facts, LinkFacts, ProcessFacts, Reads};

use super::{Context, Halt, Run, TraceEntry};
use crate::instance::Instance;

impl Run<'_> {
    /// Tries a guard; no guard holds. A guard that fails is an incident, never "false" (clause 16).
    pub(super) fn holds(
        &mut self,
        place: impl FnOnce() -> String,
        guard: Option<&Expression>,
    ) -> Result<bool, Halt> {
        let Some(guard) = guard else { return Ok(true) };
        let facts = self.facts(guard.reads());
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

    /// The facts that an expression reads; the rest is left out, because most guards read a field
    /// or two and a step should cost no more than that.
    fn facts(&self, reads: &Reads) -> Facts {
        let (instance, context) = (&self.instance, self.context);
        Facts {
            now: context.now,
            zone: context.zone,
            item_ref: instance.item.as_ref().clone(),
            item: Arc::clone(&instance.fields),
            party: context.party.clone(),
            parents: some_of(&context.parents, !reads.parents.is_empty()),
            children: some_of(&context.children, !reads.children.is_empty()),
            references: some_of(&context.references, !reads.references.is_empty()),
            process: if reads.process {
                process(instance)
            } else {
                Arc::clone(&NOWHERE)
            },
            links: if reads.links {
                links(instance)
            } else {
                Arc::clone(&NO_LINKS)
            },
            latest_link: if reads.links {
                latest_link(instance)
            } else {
                None
            },
            event: self.payload.clone(),
        }
    }
}

static NOWHERE: LazyLock<Arc<ProcessFacts>> = LazyLock::new(|| {
    Arc::new(ProcessFacts {
        state: String::new(),
        entered_at: values::Timestamp::UNIX_EPOCH,
        started_at: values::Timestamp::UNIX_EPOCH,
        visits: BTreeMap::new(),
        last_actor: BTreeMap::new(),
    })
});

static NO_LINKS: LazyLock<Arc<BTreeMap<String, LinkFacts>>> = LazyLock::new(Arc::default);

fn some_of<T: Clone>(all: &BTreeMap<String, T>, read: bool) -> BTreeMap<String, T> {
    if read { all.clone() } else { BTreeMap::new() }
}

fn process(instance: &Instance) -> Arc<ProcessFacts> {
    Arc::new(ProcessFacts {
        state: instance.state.clone(),
        entered_at: instance.entered_at,
        started_at: instance.started_at,
        visits: instance.visits.clone(),
        last_actor: instance.last_actor.clone(),
    })
}

fn latest_link(instance: &Instance) -> Option<String> {
    instance.latest_link().map(|link| link.state.clone())
}

fn links(instance: &Instance) -> Arc<BTreeMap<String, LinkFacts>> {
    let facts = |link: &crate::instance::Link| LinkFacts {
        id: link.id.to_string(),
        url: Some(link.url.clone()),
        status: link.status.clone(),
        amount: link.amount,
        expires_at: Some(link.expires_at),
        paid_at: link.paid_at,
        tracking_no: link.tracking_no.clone(),
        state: link.state.clone(),
    };
    let links = instance.links.iter();
    Arc::new(
        links
            .map(|link| (link.state.clone(), facts(link)))
            .collect(),
    )
}

impl Instance {
    /// What expressions and activities see of the instance at a moment.
    pub fn facts(&self, context: &Context) -> Facts {
        Facts {
            now: context.now,
            zone: context.zone,
            item_ref: self.item.as_ref().clone(),
            item: Arc::clone(&self.fields),
            party: context.party.clone(),
            parents: context.parents.clone(),
            children: context.children.clone(),
            references: context.references.clone(),
            process: process(self),
            links: links(self),
            latest_link: latest_link(self),
            event: None,
        }
    }
}
