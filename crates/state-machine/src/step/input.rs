//! Where each input leads: start, fields, timers, outcomes, named events, overlays.

use std::sync::Arc;

use values::Fields;

use super::enter::{CRITICAL, CRITICAL_AGAIN, ELAPSED, REMINDER, TIMEOUT, route_of};
use super::kept::INBOX_MAX;
use super::rejection::{Rejection, not_here, nothing_to};
use super::{Halt, Run, Turn};
use crate::event::{ActivityEnd, Event};
use crate::instance::{Held, Incident, IncidentClass, KeptEvent};
use crate::model::{Kind, Late};
use crate::{Definition, Effect};

impl<'a> Run<'a> {
    /// Applies one input: what it says first, then what follows from it.
    pub(super) fn consume(&mut self, event: &Event) -> Result<(), Halt> {
        if self.instance.entry == 0 {
            return self.first(event);
        }
        if self.instance.held.is_some() {
            return self.while_held(event);
        }
        self.note(event)?;
        match event {
            Event::Start { .. } => Err(Rejection::AlreadyStarted.into()),
            Event::Action {
                name,
                actor,
                fields,
                confirmed,
            } => self.act(name, actor, fields, *confirmed),
            Event::Claim { actor } => self.claim(actor),
            Event::Release { actor } => self.release(actor),
            Event::EndWait { actor } => self.end_wait(actor),
            Event::Named { name, payload } => self.named(name, payload),
            Event::Changed { fields } => self.look_again(fields, false),
            Event::Timer { name, .. } => self.timer(name),
            Event::Finished(end) => self.finished(end),
            Event::Unknown { entry, .. } => self.unknown(event, *entry),
            Event::Payment(payment) => self.payment(payment),
            Event::LinkMade(made) => self.link_made(made),
            Event::Hold { .. } => self.hold(event),
            Event::Resume { .. } => Err(nothing_to("resume").into()),
            Event::Retry { .. } => Err(nothing_to("retry").into()),
        }
    }

    /// The first input of an item. When it could not go on, the item waits in incident for a retry;
    /// what comes until then is written down or kept.
    fn first(&mut self, event: &Event) -> Result<(), Halt> {
        let definition: &'a Definition = self.definition;
        let initial = definition.model().initial.as_str();
        let parked = self.instance.incident.is_some();
        match event {
            Event::Start { .. } if parked => Err(Rejection::AlreadyStarted.into()),
            Event::Start { .. } => {
                self.note(event)?;
                self.go(initial, "start")
            }
            Event::Changed { .. } if parked => Ok(self.note(event)?),
            Event::Named { name, payload } if parked => {
                self.check_payload(name, payload)?;
                Ok(self.defer(event.clone())?)
            }
            other => Err(not_here(other.name(), initial).into()),
        }
    }

    fn hold(&mut self, event: &Event) -> Result<(), Halt> {
        if self.instance.ended.is_some() {
            return Err(self.ended());
        }
        if let Event::Hold {
            actor,
            reason,
            until,
        } = event
        {
            self.instance.held = Some(Held {
                by: actor.clone(),
                reason: reason.clone(),
                since: self.context.now,
                until: *until,
            });
        }
        Ok(())
    }

    /// Timers and conditions that read something which has just changed are looked at again
    /// (clause 49); a retry looks at everything.
    pub(super) fn look_again(&mut self, fields: &Fields, links: bool) -> Result<(), Halt> {
        if self.instance.ended.is_some() {
            return Ok(());
        }
        self.follow_fields(fields)?;
        let state = self.state()?;
        let Kind::Wait(wait) = &state.kind else {
            return Ok(());
        };
        let definition: &'a Definition = self.definition;
        let when = definition
            .compiled(&state.id)
            .and_then(|(_, compiled)| compiled.wait_when.as_ref());
        let concerned = when.is_some_and(|when| {
            let reads = when.reads();
            self.turn == Turn::Retry
                || (links && reads.links)
                || fields.keys().any(|name| reads.fields.contains(name))
        });
        if concerned && let Some((to, by)) = self.condition_holds(wait)? {
            return self.go(to, by);
        }
        Ok(())
    }

    fn timer(&mut self, name: &str) -> Result<(), Halt> {
        let state = self.state()?;
        match (&state.kind, name) {
            (Kind::Task(task), TIMEOUT) => match &task.timeout {
                Some(timeout) => self.go(&timeout.to, TIMEOUT),
                None => Err(Rejection::Stale.into()),
            },
            (Kind::Task(_), REMINDER) => self.remind(REMINDER),
            (Kind::Task(_), CRITICAL) => self.remind(CRITICAL),
            (Kind::Task(_), CRITICAL_AGAIN) => self.remind(CRITICAL_AGAIN),
            (Kind::Wait(wait), ELAPSED) => match route_of(wait, ELAPSED) {
                Some((to, by)) => self.go(to, by),
                None => Err(self.incident("no_route", "the wait has no way for `elapsed`")),
            },
            _ => Err(Rejection::Stale.into()),
        }
    }

    fn remind(&mut self, notice: &'static str) -> Result<(), Halt> {
        let Some(task) = &self.instance.task else {
            return Err(Rejection::Stale.into());
        };
        let to = match &task.claimed_by {
            Some(user) => format!("user {user}"),
            None => task.assigned.to_string(),
        };
        self.effects.push(Effect::Notify {
            notice,
            state: self.instance.state.clone(),
            to,
        });
        Ok(())
    }

    pub(super) fn check_payload(&self, name: &str, payload: &Fields) -> Result<(), Rejection> {
        let Some(declared) = self.definition.model().events.get(name) else {
            return Err(Rejection::UnknownEvent {
                name: name.to_owned(),
            });
        };
        for (field, value) in payload {
            let kind = declared.payload.get(field);
            if !kind.is_some_and(|kind| value.fits(kind)) {
                return Err(Rejection::BadField {
                    field: field.clone(),
                    message: format!("not a value that `{name}` carries"),
                });
            }
        }
        Ok(())
    }

    fn named(&mut self, name: &str, payload: &Fields) -> Result<(), Halt> {
        self.check_payload(name, payload)?;
        let declared = self.definition.model().events.get(name);
        if self.instance.ended.is_some() {
            return match declared.map(|declared| declared.late) {
                Some(Late::Ignore) => Err(self.ended()),
                Some(Late::Record) | None => Ok(()),
            };
        }
        self.payload = Some(Arc::new(payload.clone()));
        let state = self.state()?;
        if let Kind::Wait(wait) = &state.kind
            && let Some(awaited) = &wait.event
            && awaited.name == name
        {
            if self.event_passes()?
                && let Some((to, by)) = route_of(wait, "event")
            {
                return self.go(to, by);
            }
            self.declined = true;
        }
        if let Some((to, by)) = self.routed(name, None)? {
            return self.go(to, by);
        }
        let keep = declared.map_or(0, |declared| declared.keep_seconds);
        self.keep(name, payload, keep)
    }

    /// Keeps an event that nothing takes now. One that is not kept either is declined.
    fn keep(&mut self, name: &str, payload: &Fields, seconds: i64) -> Result<(), Halt> {
        if seconds <= 0 {
            self.declined = true;
            return Ok(());
        }
        let now = self.context.now;
        let until = self.after(now, seconds)?;
        let inbox = &mut self.instance.inbox;
        inbox.retain(|kept| kept.until > now);
        if inbox.len() >= INBOX_MAX {
            return Err(Rejection::Full {
                what: "early events".to_owned(),
                max: INBOX_MAX,
            }
            .into());
        }
        inbox.push(KeptEvent {
            name: name.to_owned(),
            payload: payload.clone(),
            until,
        });
        Ok(())
    }

    /// Where a route for this event leads: the state's own first, then the workflow's (clause 14).
    /// A route that names the link's state takes only payments of that link.
    pub(super) fn routed(
        &mut self,
        event: &str,
        of: Option<&str>,
    ) -> Result<Option<(&'a str, &'a str)>, Halt> {
        let definition: &'a Definition = self.definition;
        let Some((state, compiled)) = definition.compiled(&self.instance.state) else {
            return Ok(None);
        };
        let mut expected = false;
        for compiled in compiled.on.iter().chain(definition.on()) {
            let route = &compiled.route;
            if route.event != event || (route.of.is_some() && route.of.as_deref() != of) {
                continue;
            }
            expected = true;
            let place = || format!("{}.on.{event}", state.id);
            if self.holds(place, compiled.guard.as_ref())? {
                return Ok(Some((&route.to, &route.event)));
            }
        }
        self.declined |= expected;
        Ok(None)
    }

    fn finished(&mut self, end: &ActivityEnd) -> Result<(), Halt> {
        self.accepted(&end.set)?;
        let state = self.state()?;
        let Kind::Activity(activity) = &state.kind else {
            return Err(Rejection::Stale.into());
        };
        let Some((outcome, to)) = activity.next.get_key_value(&end.outcome) else {
            let message = format!("`{}` has no way for outcome `{}`", state.id, end.outcome);
            return Err(self.incident("no_route", message));
        };
        if outcome == "success" {
            self.completed(&state.id, activity.undo.as_ref());
        }
        self.go(to, outcome)?;
        // The link exists, and nobody could be told: that is success first, then this.
        if end.delivery_failed && self.instance.ended.is_none() {
            self.payment_outcome("delivery_failed", &state.id)?;
        }
        Ok(())
    }

    /// Notes what a rollback would have to undo, and what an undo has undone (clause 68).
    fn completed(&mut self, state: &str, undo: Option<&String>) {
        let to_undo = &mut self.instance.to_undo;
        if let Some(undone) = to_undo.iter().rposition(|undo| undo == state) {
            to_undo.remove(undone);
        }
        to_undo.extend(undo.cloned());
    }

    fn unknown(&mut self, event: &Event, entry: u64) -> Result<(), Halt> {
        self.open_activity(entry)?;
        let state = self.state()?;
        if let Kind::Activity(activity) = &state.kind
            && let Some((outcome, to)) = activity.next.get_key_value("unknown")
        {
            return self.go(to, outcome);
        }
        self.park_activity();
        let first = self.instance.incident.as_ref();
        if first.is_some_and(|first| first.input.is_some()) {
            return Ok(self.defer(event.clone())?);
        }
        if let Event::Unknown { code, message, .. } = event {
            self.instance.incident = Some(Incident {
                class: IncidentClass::Unknown,
                code: code.clone(),
                message: message.clone(),
                since: self.context.now,
                input: None,
            });
        }
        Ok(())
    }

    /// Nobody knows how the activity ended, so nobody performs it again unasked.
    pub(super) fn park_activity(&mut self) {
        if let Some(open) = &mut self.instance.activity {
            open.parked = true;
        }
    }

    pub(super) fn ended(&self) -> Halt {
        Rejection::Ended {
            state: self.instance.state.clone(),
        }
        .into()
    }
}
