//! Entering states: leave the old one, set up the new one, go on while nothing rests.

use values::Value;

use super::{Halt, MICROSTEPS_MAX, Run};
use crate::Effect;
use crate::instance::{Assigned, Ended, IncidentClass, OpenActivity, OpenTask, Timer};
use crate::model::{Activity, Assignee, Decision, End, Kind, Task, Wait};

/// Names of the timers a state can have.
pub(super) const REMINDER: &str = "reminder";
pub(super) const CRITICAL: &str = "critical";
pub(super) const CRITICAL_AGAIN: &str = "critical_again";
pub(super) const TIMEOUT: &str = "timeout";
pub(super) const ELAPSED: &str = "elapsed";

impl<'a> Run<'a> {
    /// Leaves the current state for another and goes on until the instance rests (clause 18).
    pub(super) fn go(&mut self, to: &str, by: &str) -> Result<(), Halt> {
        let mut next = Some((to.to_owned(), by.to_owned()));
        while let Some((to, by)) = next {
            self.microsteps += 1;
            if self.microsteps > MICROSTEPS_MAX {
                let message = format!("more than {MICROSTEPS_MAX} transitions without a rest");
                return Err(self.incident_of(IncidentClass::Livelock, "livelock", message));
            }
            self.leave();
            next = self.enter(&to, by)?;
        }
        Ok(())
    }

    fn leave(&mut self) {
        let entry = self.instance.entry;
        for timer in std::mem::take(&mut self.instance.timers) {
            self.effects.push(Effect::CancelTimer {
                name: timer.name,
                entry,
                due: timer.due,
            });
        }
        if self.instance.activity.take().is_some() {
            self.effects.push(Effect::CloseActivity { entry });
        }
        self.instance.task = None;
        self.instance.incident = None;
    }

    fn enter(&mut self, to: &str, by: String) -> Result<Option<(String, String)>, Halt> {
        let instance = &mut self.instance;
        instance.entry += 1;
        to.clone_into(&mut instance.state);
        instance.entered_at = self.context.now;
        let visits = instance.visits.entry(to.to_owned()).or_insert(0);
        *visits = visits.saturating_add(1);
        let entry = instance.entry;
        self.path.push(super::Entered {
            state: to.to_owned(),
            entry,
            by,
        });
        let state = self.state()?;
        match &state.kind {
            Kind::Task(task) => self.enter_task(task).map(|()| None),
            Kind::Activity(activity) => {
                self.enter_activity(activity);
                Ok(None)
            }
            Kind::Wait(wait) => self.enter_wait(wait),
            Kind::Decision(decision) => self.decide(decision).map(Some),
            Kind::End(end) => {
                self.end(*end);
                Ok(None)
            }
        }
    }

    fn enter_task(&mut self, task: &Task) -> Result<(), Halt> {
        let state = self.instance.state.clone();
        let last = self
            .instance
            .last_actor
            .get(&state)
            .filter(|_| task.return_to_last);
        let assigned = match last {
            Some(user) => Assigned::User(user.clone()),
            None => self.resolve(&task.assignee)?,
        };
        let to = assigned.to_string();
        self.instance.task = Some(OpenTask {
            assigned,
            claimed_by: None,
        });
        self.effects.push(Effect::Notify {
            notice: "assigned",
            state,
            to,
        });
        if let Some(seconds) = task.remind_seconds {
            self.set_timer_after(REMINDER, seconds)?;
        }
        if let Some(seconds) = task.critical_seconds {
            self.set_timer_after(CRITICAL, seconds)?;
            self.set_timer_after(CRITICAL_AGAIN, seconds.saturating_mul(2))?;
        }
        if let Some(timeout) = &task.timeout {
            let due = self.due(&timeout.due)?;
            self.set_timer(TIMEOUT, due);
        }
        Ok(())
    }

    /// Who an assignee is at this moment.
    pub(super) fn resolve(&self, assignee: &Assignee) -> Result<Assigned, Halt> {
        match assignee {
            Assignee::User(user) => Ok(Assigned::User(user.as_str().into())),
            Assignee::Group(name) => Ok(Assigned::Group(name.clone())),
            Assignee::Role(name) => Ok(Assigned::Role(name.clone())),
            Assignee::Position(name) => Ok(Assigned::Position(name.clone())),
            Assignee::Field { field, fallback } => match self.instance.fields.get(field) {
                Some(Value::User(user) | Value::Text(user)) if !user.is_empty() => {
                    Ok(Assigned::User(user.as_str().into()))
                }
                Some(Value::Group(group)) => Ok(Assigned::Group(group.clone())),
                Some(Value::Position(position)) => Ok(Assigned::Position(position.clone())),
                _ => self.resolve(fallback),
            },
            Assignee::LastResponsible { state, fallback } => {
                match (self.instance.last_actor.get(state), fallback) {
                    (Some(user), _) => Ok(Assigned::User(user.clone())),
                    (None, Some(fallback)) => self.resolve(fallback),
                    (None, None) => Err(self.incident(
                        "nobody_responsible",
                        format!("nobody has acted in `{state}` yet, and no fallback is declared"),
                    )),
                }
            }
            // The manager of a group is nobody in particular, so the group keeps the task.
            Assignee::ManagerOf(inner) => Ok(match self.resolve(inner)? {
                Assigned::User(user) => Assigned::ManagerOf(user),
                other => other,
            }),
        }
    }

    fn enter_activity(&mut self, activity: &Activity) {
        let instance = &mut self.instance;
        let (state, entry) = (instance.state.clone(), instance.entry);
        let reference = reference(instance.item.as_ref(), &state, entry);
        instance.activity = Some(OpenActivity {
            name: activity.name.clone(),
            reference,
            parked: false,
        });
        self.effects.push(Effect::OpenActivity { state, entry });
    }

    fn enter_wait(&mut self, wait: &'a Wait) -> Result<Option<(String, String)>, Halt> {
        if let Some(paid) = self.payment_already(wait) {
            return Ok(Some(paid));
        }
        if let Some(next) = self.condition_holds(wait)? {
            return Ok(Some(next));
        }
        if let Some(next) = self.event_already(wait)? {
            return Ok(Some(next));
        }
        if let Some(due) = &wait.due {
            let due = self.due(due)?;
            if due <= self.context.now
                && let Some(next) = route_of(wait, ELAPSED)
            {
                return Ok(Some(next));
            }
            self.set_timer(ELAPSED, due);
        }
        Ok(None)
    }

    /// Whether the condition of a wait holds now, and where that leads.
    pub(super) fn condition_holds(
        &mut self,
        wait: &Wait,
    ) -> Result<Option<(String, String)>, Halt> {
        let definition = self.definition;
        let Some((state, compiled)) = definition.compiled(&self.instance.state) else {
            return Ok(None);
        };
        let Some(when) = &compiled.wait_when else {
            return Ok(None);
        };
        let held = self.holds(|| format!("{}.when", state.id), Some(when))?;
        Ok(if held { route_of(wait, "holds") } else { None })
    }

    /// Takes an event that came early (clause 51).
    fn event_already(&mut self, wait: &Wait) -> Result<Option<(String, String)>, Halt> {
        let Some(awaited) = &wait.event else {
            return Ok(None);
        };
        let now = self.context.now;
        self.instance.inbox.retain(|kept| kept.until > now);
        let mut index = 0;
        while let Some(kept) = self.instance.inbox.get(index) {
            if kept.name == awaited.name {
                let payload = kept.payload.clone();
                if self.event_passes(payload)? {
                    self.instance.inbox.remove(index);
                    return Ok(route_of(wait, "event"));
                }
            }
            index += 1;
        }
        Ok(None)
    }

    /// Whether the guard on the awaited event lets this payload through.
    pub(super) fn event_passes(&mut self, payload: values::Fields) -> Result<bool, Halt> {
        let definition = self.definition;
        let Some((state, compiled)) = definition.compiled(&self.instance.state) else {
            return Ok(false);
        };
        self.payload = Some(payload.into());
        self.holds(
            || format!("{}.event", state.id),
            compiled.event_when.as_ref(),
        )
    }

    fn decide(&mut self, decision: &'a Decision) -> Result<(String, String), Halt> {
        let definition = self.definition;
        let state = self.instance.state.clone();
        let compiled = definition.compiled(&state).map(|(_, compiled)| compiled);
        let guards = compiled
            .map(|compiled| compiled.branches.as_slice())
            .unwrap_or_default();
        for (branch, guard) in decision.branches.iter().zip(guards) {
            if self.holds(|| state.clone(), Some(guard))? {
                return Ok((branch.to.clone(), branch.when.clone()));
            }
        }
        match &decision.otherwise {
            Some(to) => Ok((to.clone(), "otherwise".to_owned())),
            None => Err(self.incident("no_branch", format!("no branch of `{state}` holds"))),
        }
    }

    fn end(&mut self, outcome: End) {
        self.instance.ended = Some(Ended {
            outcome,
            at: self.context.now,
        });
        self.instance.inbox.clear();
        self.effects.push(Effect::Ended(outcome));
    }

    pub(super) fn set_timer(&mut self, name: &str, due: values::Timestamp) {
        let entry = self.instance.entry;
        self.instance.timers.push(Timer {
            name: name.to_owned(),
            due,
        });
        self.effects.push(Effect::SetTimer {
            name: name.to_owned(),
            entry,
            due,
        });
    }

    fn set_timer_after(&mut self, name: &str, seconds: i64) -> Result<(), Halt> {
        let due = self.after(self.context.now, seconds)?;
        self.set_timer(name, due);
        Ok(())
    }
}

/// Where an outcome of a wait leads, and what the edge is called.
pub(super) fn route_of(wait: &Wait, outcome: &str) -> Option<(String, String)> {
    wait.next
        .get(outcome)
        .map(|to| (to.clone(), outcome.to_owned()))
}

/// The reference of an activity entry: a stable function of (tenant, item, entry), clause 32.
fn reference(item: &values::ItemRef, state: &str, entry: u64) -> String {
    format!("{item}/{state}/{entry}")
}
