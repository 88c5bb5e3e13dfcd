//! Entering states: leave the old one, set up the new one, go on while nothing rests.

use std::sync::Arc;

use super::person::assigned;
use super::{Halt, MICROSTEPS_MAX, Run};
use crate::instance::{Assigned, Ended, IncidentClass, OpenActivity, OpenTask, Timer};
use crate::model::{Activity, Assignee, Decision, End, Kind, Rollback, Task, Wait};
use crate::{Definition, Effect};

/// Names of the timers a state can have.
pub(super) const REMINDER: &str = "reminder";
pub(super) const CRITICAL: &str = "critical";
pub(super) const CRITICAL_AGAIN: &str = "critical_again";
pub(super) const TIMEOUT: &str = "timeout";
pub(super) const ELAPSED: &str = "elapsed";

/// The next state and what the edge there is called, both as the definition has them.
type Way<'a> = (&'a str, &'a str);

impl<'a> Run<'a> {
    /// Leaves the current state for another and goes on until the instance rests (clause 18).
    pub(super) fn go(&mut self, to: &'a str, by: &'a str) -> Result<(), Halt> {
        let mut next = Some((to, by));
        while let Some((to, by)) = next {
            self.microsteps += 1;
            if self.microsteps > MICROSTEPS_MAX {
                let message = format!("more than {MICROSTEPS_MAX} transitions without a rest");
                return Err(self.incident_of(IncidentClass::Livelock, "livelock", message));
            }
            self.leave();
            next = self.enter(to, by)?;
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
        self.leave_incident();
    }

    fn enter(&mut self, to: &'a str, by: &'a str) -> Result<Option<Way<'a>>, Halt> {
        let instance = &mut self.instance;
        instance.entry += 1;
        to.clone_into(&mut instance.state);
        instance.entered_at = self.context.now;
        match instance.visits.get_mut(to) {
            Some(visits) => *visits = visits.saturating_add(1),
            None => drop(instance.visits.insert(to.to_owned(), 1)),
        }
        self.path.push(super::Entered {
            state: to.to_owned(),
            entry: instance.entry,
            by: by.to_owned(),
        });
        match &self.state()?.kind {
            Kind::Task(task) => self.enter_task(task),
            Kind::Activity(activity) => self.enter_activity(activity),
            Kind::Wait(wait) => self.enter_wait(wait),
            Kind::Decision(decision) => self.decide(decision).map(Some),
            Kind::Rollback(rollback) => Ok(Some(self.roll_back(rollback))),
            Kind::End(end) => {
                self.end(*end);
                Ok(None)
            }
        }
    }

    fn enter_task(&mut self, task: &'a Task) -> Result<Option<Way<'a>>, Halt> {
        if let Some(next) = self.event_for_route()? {
            return Ok(Some(next));
        }
        let timeout = match &task.timeout {
            Some(timeout) => Some((self.due(&timeout.due)?, timeout.to.as_str())),
            None => None,
        };
        // Nobody is given a task whose time is over. To fire the timer would do the same one step
        // later, and two such tasks that lead to each other would never come to rest.
        if let Some((due, to)) = timeout
            && due <= self.context.now
        {
            return Ok(Some((to, TIMEOUT)));
        }
        let state = self.instance.state.clone();
        let last = self.instance.last_actor.get(&state);
        let assigned = match last.filter(|_| task.return_to_last) {
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
        if let Some((due, _)) = timeout {
            self.set_timer(TIMEOUT, due);
        }
        Ok(None)
    }

    /// Who an assignee is at this moment.
    fn resolve(&self, assignee: &Assignee) -> Result<Assigned, Halt> {
        assigned(assignee, &self.instance).ok_or_else(|| {
            let message = "nobody has acted there yet, and no fallback is declared";
            self.incident("nobody_responsible", message)
        })
    }

    fn enter_activity(&mut self, activity: &'a Activity) -> Result<Option<Way<'a>>, Halt> {
        if let Some(next) = self.event_for_route()? {
            return Ok(Some(next));
        }
        let instance = &mut self.instance;
        let (state, entry) = (instance.state.clone(), instance.entry);
        // A stable function of (tenant, item, entry), the same for every attempt (clause 32).
        let reference = format!("{}/{state}/{entry}", instance.item);
        instance.activity = Some(OpenActivity {
            name: activity.name.clone(),
            reference,
            parked: false,
        });
        self.effects.push(Effect::OpenActivity { state, entry });
        Ok(None)
    }

    fn enter_wait(&mut self, wait: &'a Wait) -> Result<Option<Way<'a>>, Halt> {
        if let Some(paid) = self.payment_already(wait) {
            return Ok(Some(paid));
        }
        if let Some(next) = self.condition_holds(wait)? {
            return Ok(Some(next));
        }
        if let Some(next) = self.event_already(wait)? {
            return Ok(Some(next));
        }
        if let Some(next) = self.event_for_route()? {
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
        if let Some(by) = &wait.by
            && wait.due.is_none()
            && wait.event.is_none()
            && wait.when.is_none()
            && wait.payment.is_none()
        {
            // Only this person could ever end it, so there must be one.
            self.resolve(by)?;
        }
        Ok(None)
    }

    /// Whether the condition of a wait holds now, and where that leads.
    pub(super) fn condition_holds(&mut self, wait: &'a Wait) -> Result<Option<Way<'a>>, Halt> {
        let definition: &'a Definition = self.definition;
        let Some((state, compiled)) = definition.compiled(&self.instance.state) else {
            return Ok(None);
        };
        let Some(when) = &compiled.wait_when else {
            return Ok(None);
        };
        let held = self.holds(|| format!("{}.when", state.id), Some(when))?;
        Ok(if held { route_of(wait, "holds") } else { None })
    }

    /// Takes the event of a wait that came early (clause 51).
    fn event_already(&mut self, wait: &'a Wait) -> Result<Option<Way<'a>>, Halt> {
        let (Some(awaited), Some(next)) = (&wait.event, route_of(wait, "event")) else {
            return Ok(None);
        };
        let taken = self.take_early(&awaited.name, |run| run.event_passes())?;
        Ok(taken.then_some(next))
    }

    /// Takes an event that came early and that a route of this very state is for.
    fn event_for_route(&mut self) -> Result<Option<Way<'a>>, Halt> {
        if self.instance.inbox.is_empty() {
            return Ok(None);
        }
        let definition: &'a Definition = self.definition;
        let Some((state, compiled)) = definition.compiled(&self.instance.state) else {
            return Ok(None);
        };
        for compiled in &compiled.on {
            let route = &compiled.route;
            let place = || format!("{}.on.{}", state.id, route.event);
            let guard = compiled.guard.as_ref();
            if self.take_early(&route.event, |run| run.holds(place, guard))? {
                return Ok(Some((&route.to, &route.event)));
            }
        }
        Ok(None)
    }

    /// Takes the first kept event of that name that passes out of the inbox; its payload is then the
    /// one at hand.
    fn take_early(
        &mut self,
        name: &str,
        passes: impl Fn(&mut Self) -> Result<bool, Halt>,
    ) -> Result<bool, Halt> {
        let now = self.context.now;
        self.instance.inbox.retain(|kept| kept.until > now);
        let before = self.payload.clone();
        let mut index = 0;
        while let Some(kept) = self.instance.inbox.get(index) {
            if kept.name == name {
                self.payload = Some(Arc::new(kept.payload.clone()));
                if passes(self)? {
                    self.instance.inbox.remove(index);
                    return Ok(true);
                }
            }
            index += 1;
        }
        self.payload = before;
        Ok(false)
    }

    /// Whether the guard on the awaited event lets the payload at hand through.
    pub(super) fn event_passes(&mut self) -> Result<bool, Halt> {
        let definition: &'a Definition = self.definition;
        let Some((state, compiled)) = definition.compiled(&self.instance.state) else {
            return Ok(false);
        };
        let place = || format!("{}.event", state.id);
        self.holds(place, compiled.event_when.as_ref())
    }

    fn decide(&mut self, decision: &'a Decision) -> Result<Way<'a>, Halt> {
        let definition: &'a Definition = self.definition;
        let guards = definition
            .compiled(&self.instance.state)
            .map(|(_, compiled)| compiled.branches.as_slice())
            .unwrap_or_default();
        for (branch, guard) in decision.branches.iter().zip(guards) {
            let state = &self.instance.state;
            let place = state.clone();
            if self.holds(|| place, Some(guard))? {
                return Ok((&branch.to, &branch.when));
            }
        }
        match &decision.otherwise {
            Some(to) => Ok((to, "otherwise")),
            None => {
                let message = format!("no branch of `{}` holds", self.instance.state);
                Err(self.incident("no_branch", message))
            }
        }
    }

    /// The undo of what succeeded last, or on when nothing is left (clause 68). What is undone is taken off
    /// when its undo has succeeded, so that none is skipped.
    fn roll_back(&self, rollback: &'a Rollback) -> Way<'a> {
        let last = self.instance.to_undo.last();
        let undo = last.and_then(|last| rollback.undos.iter().find(|undo| *undo == last));
        undo.map_or((&rollback.to, "done"), |undo| (undo, "undo"))
    }

    fn end(&mut self, outcome: End) {
        self.instance.ended = Some(Ended {
            outcome,
            at: self.context.now,
        });
        self.instance.inbox.clear();
        self.effects.push(Effect::Ended(outcome));
    }

    fn set_timer(&mut self, name: &str, due: values::Timestamp) {
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
pub(super) fn route_of<'a>(wait: &'a Wait, outcome: &str) -> Option<(&'a str, &'a str)> {
    let (outcome, to) = wait.next.get_key_value(outcome)?;
    Some((to, outcome))
}
