//! Inputs that are not a person's: start, fields, timers, outcomes, named events, overlays.

use std::sync::Arc;

use values::{Fields, PartyId, UserId, Value};

use super::enter::{CRITICAL, CRITICAL_AGAIN, ELAPSED, REMINDER, TIMEOUT, route_of};
use super::{Halt, Rejection, Run};
use crate::Effect;
use crate::event::{ActivityEnd, Event};
use crate::instance::{Held, Incident, IncidentClass, KeptEvent};
use crate::model::{Kind, Late};

impl Run<'_> {
    /// Applies one input.
    pub(super) fn consume(&mut self, event: &Event) -> Result<(), Halt> {
        if self.instance.entry == 0 {
            return self.first(event);
        }
        if self.instance.held.is_some() {
            return self.while_held(event);
        }
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
            Event::Changed { fields } => self.changed(fields),
            Event::Timer { name, entry, .. } => self.timer(name, *entry),
            Event::Finished(end) => self.finished(end),
            Event::Unknown {
                entry,
                code,
                message,
            } => self.unknown(*entry, code, message),
            Event::Payment(payment) => self.payment(payment),
            Event::Hold {
                actor,
                reason,
                until,
            } => {
                if self.instance.ended.is_some() {
                    return Err(self.ended());
                }
                self.instance.held = Some(Held {
                    by: actor.clone(),
                    reason: reason.clone(),
                    since: self.context.now,
                    until: *until,
                });
                Ok(())
            }
            Event::Resume { .. } => Err(nothing_to("resume")),
            Event::Retry { .. } => self.retry(),
        }
    }

    /// The first input of an item, or a retry of it.
    fn first(&mut self, event: &Event) -> Result<(), Halt> {
        let event = match event {
            Event::Changed { fields } => return self.change_first(fields),
            Event::Retry { .. } => {
                match self.instance.incident.take().and_then(|kept| kept.input) {
                    Some(input) => *input,
                    None => return Err(nothing_to("retry")),
                }
            }
            other => other.clone(),
        };
        match event {
            Event::Start { fields, party } => self.start(&fields, party),
            other => Err(Rejection::NotHere {
                input: other.name().to_owned(),
                state: self.definition.model().initial.clone(),
            }
            .into()),
        }
    }

    fn start(&mut self, fields: &Fields, party: Option<PartyId>) -> Result<(), Halt> {
        self.check_fields(fields)?;
        self.instance.started_at = self.context.now;
        let mut declared = fields.clone();
        declared.extend(
            self.instance
                .fields
                .iter()
                .map(|(k, v)| (k.clone(), v.clone())),
        );
        self.instance.fields = Arc::new(declared);
        self.instance.party = party.or(self.instance.party.take());
        let initial = self.definition.model().initial.clone();
        self.go(&initial, "start")
    }

    /// Fields that change while the very first step is in incident.
    fn change_first(&mut self, fields: &Fields) -> Result<(), Halt> {
        if self.instance.incident.is_none() {
            let state = self.definition.model().initial.clone();
            return Err(Rejection::NotHere {
                input: "changed".to_owned(),
                state,
            }
            .into());
        }
        self.check_fields(fields)?;
        self.set_fields(fields);
        Ok(())
    }

    /// While held, inputs are stored in order and nothing is applied (clause 70).
    fn while_held(&mut self, event: &Event) -> Result<(), Halt> {
        match event {
            Event::Resume { .. } => {
                self.instance.held = None;
                Ok(())
            }
            Event::Timer { .. }
            | Event::Finished(_)
            | Event::Unknown { .. }
            | Event::Named { .. }
            | Event::Changed { .. }
            | Event::Payment(_) => {
                if let Event::Payment(payment) = event {
                    self.note_payment(payment);
                }
                self.instance.deferred.push(event.clone());
                Ok(())
            }
            _ => match &self.instance.held {
                Some(held) => {
                    let (by, reason) = (held.by.clone(), held.reason.clone());
                    Err(Rejection::Held { by, reason }.into())
                }
                None => Err(nothing_to("hold")),
            },
        }
    }

    /// Applies what was stored while the item was held or in incident, in order.
    pub(super) fn replay_deferred(&mut self) -> Result<(), Halt> {
        for event in std::mem::take(&mut self.instance.deferred) {
            match self.consume(&event) {
                // What was stored may have been overtaken; that is no reason to stay held.
                Ok(()) | Err(Halt::Rejected(_)) => {}
                Err(incident) => return Err(incident),
            }
        }
        Ok(())
    }

    fn check_fields(&self, fields: &Fields) -> Result<(), Halt> {
        for (name, value) in fields {
            let Some(kind) = self.definition.schema().item.fields.get(name) else {
                let message = "the workflow does not declare it".to_owned();
                return Err(Rejection::BadField {
                    field: name.clone(),
                    message,
                }
                .into());
            };
            if !value.fits(kind) {
                let message = format!("expected {}, got {}", kind.name(), value.type_name());
                return Err(Rejection::BadField {
                    field: name.clone(),
                    message,
                }
                .into());
            }
            let currency = self
                .definition
                .model()
                .fields
                .get(name)
                .and_then(|f| f.currency);
            if let (Value::Money(money), Some(currency)) = (value, currency)
                && money.currency() != currency
            {
                let message = format!("expected {currency}, got {}", money.currency());
                return Err(Rejection::BadField {
                    field: name.clone(),
                    message,
                }
                .into());
            }
        }
        Ok(())
    }

    pub(super) fn check_input_fields(&self, fields: &Fields) -> Result<(), Halt> {
        self.check_fields(fields)
    }

    /// Sets field values on the instance.
    pub(super) fn set_fields(&mut self, fields: &Fields) {
        if fields.is_empty() {
            return;
        }
        let own = Arc::make_mut(&mut self.instance.fields);
        for (name, value) in fields {
            if value.is_empty() {
                own.remove(name);
            } else {
                own.insert(name.clone(), value.clone());
            }
        }
    }

    fn changed(&mut self, fields: &Fields) -> Result<(), Halt> {
        self.check_fields(fields)?;
        self.set_fields(fields);
        if self.instance.ended.is_some() {
            return Ok(());
        }
        self.fields_have_changed(fields)
    }

    /// Timers and conditions that read a changed field are looked at again (clause 49).
    pub(super) fn fields_have_changed(&mut self, fields: &Fields) -> Result<(), Halt> {
        self.follow_fields(fields)?;
        let state = self.state()?;
        let Kind::Wait(wait) = &state.kind else {
            return Ok(());
        };
        let reads = self
            .definition
            .compiled(&state.id)
            .and_then(|(_, compiled)| compiled.wait_when.as_ref())
            .is_some_and(|when| fields.keys().any(|name| when.reads().fields.contains(name)));
        if reads && let Some((to, by)) = self.condition_holds(wait)? {
            return self.go(&to, &by);
        }
        Ok(())
    }

    fn timer(&mut self, name: &str, entry: u64) -> Result<(), Halt> {
        let position = self
            .instance
            .timers
            .iter()
            .position(|timer| timer.name == name);
        match position.filter(|_| entry == self.instance.entry) {
            Some(position) => {
                let timer = self.instance.timers.remove(position);
                let due = timer.due;
                self.effects.push(Effect::CancelTimer {
                    name: timer.name,
                    entry,
                    due,
                });
                self.keep_facts();
            }
            None if self.retrying && entry == self.instance.entry => {}
            None => return Err(Rejection::Stale.into()),
        }
        let state = self.state()?;
        match (&state.kind, name) {
            (Kind::Task(task), TIMEOUT) => match &task.timeout {
                Some(timeout) => self.go(&timeout.to, TIMEOUT),
                None => Err(Rejection::Stale.into()),
            },
            (Kind::Task(_), REMINDER | CRITICAL | CRITICAL_AGAIN) => {
                let notice = match name {
                    REMINDER => REMINDER,
                    CRITICAL => CRITICAL,
                    _ => CRITICAL_AGAIN,
                };
                let to = match &self.instance.task {
                    Some(task) => task
                        .claimed_by
                        .as_ref()
                        .map_or_else(|| task.assigned.to_string(), |user| format!("user {user}")),
                    None => String::new(),
                };
                self.effects.push(Effect::Notify {
                    notice,
                    state: state.id.clone(),
                    to,
                });
                Ok(())
            }
            (Kind::Wait(wait), ELAPSED) => match route_of(wait, ELAPSED) {
                Some((to, by)) => self.go(&to, &by),
                None => Err(self.incident("no_route", "the wait has no way for `elapsed`")),
            },
            _ => Err(Rejection::Stale.into()),
        }
    }

    fn named(&mut self, name: &str, payload: &Fields) -> Result<(), Halt> {
        let Some(declared) = self.definition.model().events.get(name) else {
            return Err(Rejection::UnknownEvent {
                name: name.to_owned(),
            }
            .into());
        };
        for (field, value) in payload {
            let kind = declared.payload.get(field);
            if !kind.is_some_and(|kind| value.fits(kind)) {
                let message = format!("not a value that `{name}` carries");
                return Err(Rejection::BadField {
                    field: field.clone(),
                    message,
                }
                .into());
            }
        }
        if self.instance.ended.is_some() {
            return match declared.late {
                Late::Record => Ok(()),
                Late::Ignore => Err(self.ended()),
            };
        }
        let keep = declared.keep_seconds;
        let state = self.state()?;
        if let Kind::Wait(wait) = &state.kind
            && wait
                .event
                .as_ref()
                .is_some_and(|awaited| awaited.name == name)
        {
            if self.event_passes(payload.clone())?
                && let Some((to, by)) = route_of(wait, "event")
            {
                return self.go(&to, &by);
            }
            self.declined = true;
        }
        self.payload = Some(Arc::new(payload.clone()));
        if let Some(to) = self.routed(name, None)? {
            return self.go(&to, name);
        }
        self.keep(name, payload, keep)
    }

    fn keep(&mut self, name: &str, payload: &Fields, keep_seconds: i64) -> Result<(), Halt> {
        let now = self.context.now;
        self.instance.inbox.retain(|kept| kept.until > now);
        if keep_seconds > 0 {
            let until = self.after(now, keep_seconds)?;
            let payload = payload.clone();
            self.instance.inbox.push(KeptEvent {
                name: name.to_owned(),
                payload,
                until,
            });
        }
        Ok(())
    }

    /// Where a route for this event leads: the state's own first, then the workflow's (clause 14).
    pub(super) fn routed(&mut self, event: &str, of: Option<&str>) -> Result<Option<String>, Halt> {
        let definition = self.definition;
        let state = self.instance.state.clone();
        let own = definition
            .compiled(&state)
            .map(|(_, compiled)| compiled.on.as_slice());
        for compiled in own.unwrap_or_default().iter().chain(definition.on()) {
            let route = &compiled.route;
            let fits = route.event == event
                && (route.of.is_none() || of.is_none() || route.of.as_deref() == of);
            if fits && self.holds(|| format!("{state}.on.{event}"), compiled.guard.as_ref())? {
                return Ok(Some(route.to.clone()));
            }
        }
        Ok(None)
    }

    fn finished(&mut self, end: &ActivityEnd) -> Result<(), Halt> {
        if end.entry != self.instance.entry || self.instance.activity.is_none() {
            return Err(Rejection::Stale.into());
        }
        let state = self.state()?;
        let Kind::Activity(activity) = &state.kind else {
            return Err(Rejection::Stale.into());
        };
        self.set_fields(&end.set);
        if !end.set.is_empty() {
            self.effects.push(Effect::WriteFields(end.set.clone()));
        }
        if let Some(stage) = &end.stage {
            self.instance.stage = Some(stage.clone());
            self.set_fields(&Fields::from([(
                "stage".to_owned(),
                Value::Text(stage.clone()),
            )]));
            self.effects.push(Effect::WriteStage(stage.clone()));
        }
        if let Some(link) = &end.link {
            self.record_link(link.clone());
        }
        self.keep_facts();
        let Some(to) = activity.next.get(&end.outcome) else {
            let message = format!("`{}` has no way for outcome `{}`", state.id, end.outcome);
            return Err(self.incident("no_route", message));
        };
        let to = to.clone();
        self.go(&to, &end.outcome)?;
        if end.delivery_failed {
            self.deliveries_failed(end)?;
        }
        Ok(())
    }

    /// Success plus `delivery_failed`: the link exists, nobody could be told.
    fn deliveries_failed(&mut self, end: &ActivityEnd) -> Result<(), Halt> {
        if self.instance.ended.is_some() {
            return Ok(());
        }
        let of = end.link.as_ref().map(|link| link.state.clone());
        self.payment_outcome("delivery_failed", of.as_deref(), true)
    }

    fn unknown(&mut self, entry: u64, code: &str, message: &str) -> Result<(), Halt> {
        if entry != self.instance.entry || self.instance.activity.is_none() {
            return Err(Rejection::Stale.into());
        }
        let state = self.state()?;
        if let Kind::Activity(activity) = &state.kind
            && let Some(to) = activity.next.get("unknown")
        {
            let to = to.clone();
            return self.go(&to, "unknown");
        }
        if let Some(open) = &mut self.instance.activity {
            open.parked = true;
        }
        self.instance.incident = Some(Incident {
            class: IncidentClass::Unknown,
            code: code.to_owned(),
            message: message.to_owned(),
            since: self.context.now,
            input: None,
        });
        Ok(())
    }

    /// Applies what is in incident again; it is resolved only when that passes (clause 67).
    fn retry(&mut self) -> Result<(), Halt> {
        let Some(incident) = self.instance.incident.take() else {
            return Err(nothing_to("retry"));
        };
        let entry = self.instance.entry;
        match (incident.input, &mut self.instance.activity) {
            (Some(input), _) => {
                self.retrying = true;
                self.consume(&input)
            }
            (None, Some(open)) => {
                open.parked = false;
                self.effects.push(Effect::ReopenActivity { entry });
                Ok(())
            }
            (None, None) => Err(nothing_to("retry")),
        }
    }

    pub(super) fn ended(&self) -> Halt {
        Rejection::Ended {
            state: self.instance.state.clone(),
        }
        .into()
    }

    pub(super) fn acted(&mut self, actor: &UserId) {
        let state = self.instance.state.clone();
        self.instance.last_actor.insert(state, actor.clone());
    }
}

fn nothing_to(input: &str) -> Halt {
    Rejection::NothingTo {
        input: input.to_owned(),
    }
    .into()
}
