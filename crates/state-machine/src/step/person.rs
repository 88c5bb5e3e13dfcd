//! What people do: act, claim, release, end a wait.

use values::{Fields, UserId, Value};

use super::enter::route_of;
use super::{Actor, Context, Halt, Rejection, Run};
use crate::Definition;
use crate::instance::{Assigned, Instance};
use crate::model::{Action, Kind};

impl Run<'_> {
    pub(super) fn act(
        &mut self,
        name: &str,
        actor: &UserId,
        fields: &Fields,
        confirmed: bool,
    ) -> Result<(), Halt> {
        if self.instance.ended.is_some() {
            return Err(self.ended());
        }
        let state = self.state()?;
        let Kind::Task(task) = &state.kind else {
            return Err(Rejection::NotHere {
                input: name.to_owned(),
                state: state.id.clone(),
            }
            .into());
        };
        let Some(index) = task.actions.iter().position(|action| action.name == name) else {
            let known = task
                .actions
                .iter()
                .map(|action| action.name.clone())
                .collect();
            let (state, action) = (state.id.clone(), name.to_owned());
            return Err(Rejection::UnknownAction {
                state,
                action,
                known,
            }
            .into());
        };
        let Some(action) = task.actions.get(index) else {
            return Err(Rejection::Stale.into());
        };
        self.may_have_task(actor)?;
        self.may_act(action, actor)?;
        self.check_input_fields(fields)?;
        self.set_fields(fields);
        self.check_required(action)?;
        let definition = self.definition;
        let guard = definition
            .compiled(&state.id)
            .and_then(|(_, compiled)| compiled.actions.get(index))
            .and_then(Option::as_ref);
        if !self.holds(|| format!("{}.{name}", state.id), guard)? {
            let guard = action.when.clone().unwrap_or_default();
            return Err(Rejection::GuardFalse {
                action: name.to_owned(),
                guard,
            }
            .into());
        }
        if action.confirm.is_some() && !confirmed {
            return Err(Rejection::NeedsConfirmation {
                action: name.to_owned(),
            }
            .into());
        }
        if !fields.is_empty() {
            self.effects
                .push(crate::Effect::WriteFields(fields.clone()));
        }
        self.acted(actor);
        self.go(&action.to, name)
    }

    fn check_required(&self, action: &Action) -> Result<(), Halt> {
        let filled = |name: &&String| {
            // A checkbox that is off is not filled: requiring it means that it must be ticked.
            !matches!(
                self.instance.fields.get(*name),
                None | Some(Value::Empty | Value::Bool(false))
            ) && !matches!(
                self.instance.fields.get(*name),
                Some(Value::Text(text)) if text.trim().is_empty()
            )
        };
        let fields: Vec<String> = action
            .require
            .iter()
            .filter(|name| !filled(name))
            .cloned()
            .collect();
        if fields.is_empty() {
            return Ok(());
        }
        Err(Rejection::MissingFields {
            action: action.name.clone(),
            fields,
        }
        .into())
    }

    fn may_have_task(&self, actor: &UserId) -> Result<(), Halt> {
        let Some(task) = &self.instance.task else {
            return Err(Rejection::Stale.into());
        };
        match &task.claimed_by {
            Some(by) if by == actor => Ok(()),
            Some(by) => Err(Rejection::Claimed { by: by.clone() }.into()),
            None => self.belongs(&task.assigned, actor),
        }
    }

    fn belongs(&self, assigned: &Assigned, actor: &UserId) -> Result<(), Halt> {
        let person = self.context.actor.clone().unwrap_or_default();
        if is_one_of(assigned, actor, &person) {
            return Ok(());
        }
        let needs = format!("it is for {assigned}; {actor} has {}", describe(&person));
        Err(Rejection::NotAllowed {
            actor: actor.clone(),
            needs,
        }
        .into())
    }

    fn may_act(&self, action: &Action, actor: &UserId) -> Result<(), Halt> {
        let person = self.context.actor.clone().unwrap_or_default();
        if action.roles.is_empty() || action.roles.iter().any(|role| person.roles.contains(role)) {
            return Ok(());
        }
        let needs = format!(
            "`{}` needs role {}; {actor} has {}",
            action.name,
            action.roles.join(" or "),
            describe(&person)
        );
        Err(Rejection::NotAllowed {
            actor: actor.clone(),
            needs,
        }
        .into())
    }

    pub(super) fn claim(&mut self, actor: &UserId) -> Result<(), Halt> {
        if self.instance.ended.is_some() {
            return Err(self.ended());
        }
        if self.instance.task.is_none() {
            let state = self.instance.state.clone();
            return Err(Rejection::NotHere {
                input: "claim".to_owned(),
                state,
            }
            .into());
        }
        self.may_have_task(actor)?;
        if let Some(task) = &mut self.instance.task {
            task.claimed_by = Some(actor.clone());
        }
        Ok(())
    }

    pub(super) fn release(&mut self, actor: &UserId) -> Result<(), Halt> {
        let state = self.instance.state.clone();
        let not_here = Rejection::NotHere {
            input: "release".to_owned(),
            state,
        };
        let Some(task) = &mut self.instance.task else {
            return Err(not_here.into());
        };
        match &task.claimed_by {
            Some(by) if by == actor => {
                task.claimed_by = None;
                Ok(())
            }
            Some(by) => Err(Rejection::Claimed { by: by.clone() }.into()),
            None => Err(not_here.into()),
        }
    }

    pub(super) fn end_wait(&mut self, actor: &UserId) -> Result<(), Halt> {
        if self.instance.ended.is_some() {
            return Err(self.ended());
        }
        let state = self.state()?;
        let not_here = Rejection::NotHere {
            input: "end_wait".to_owned(),
            state: state.id.clone(),
        };
        let Kind::Wait(wait) = &state.kind else {
            return Err(not_here.into());
        };
        let Some(by) = &wait.by else {
            return Err(not_here.into());
        };
        let assigned = self.resolve(by)?;
        self.belongs(&assigned, actor)?;
        self.acted(actor);
        match route_of(wait, "ended") {
            Some((to, by)) => self.go(&to, &by),
            None => Err(self.incident("no_route", "the wait has no way for `ended`")),
        }
    }
}

fn is_one_of(assigned: &Assigned, actor: &UserId, person: &Actor) -> bool {
    match assigned {
        Assigned::User(user) => user == actor,
        Assigned::Group(name) => person.groups.contains(name),
        Assigned::Role(name) => person.roles.contains(name),
        Assigned::Position(name) => person.positions.contains(name),
        Assigned::ManagerOf(user) => person.manages.contains(user),
    }
}

fn describe(person: &Actor) -> String {
    let held: Vec<&str> = person
        .roles
        .iter()
        .chain(&person.groups)
        .chain(&person.positions)
        .map(String::as_str)
        .collect();
    if held.is_empty() {
        "none".to_owned()
    } else {
        held.join(", ")
    }
}

/// The actions this person could take now, each with the reason if it is refused. Nothing changes.
pub fn actions_for(
    definition: &Definition,
    instance: &Instance,
    actor: &UserId,
    context: &Context,
) -> Vec<(String, Option<Rejection>)> {
    let Some(state) = definition.state(&instance.state) else {
        return Vec::new();
    };
    let Kind::Task(task) = &state.kind else {
        return Vec::new();
    };
    task.actions
        .iter()
        .map(|action| {
            let mut run = Run::new(definition, instance.clone(), context);
            let refused = match run.act(&action.name, actor, &Fields::new(), true) {
                Err(Halt::Rejected(rejection)) => Some(rejection),
                Ok(()) | Err(Halt::Incident(_)) => None,
            };
            (action.name.clone(), refused)
        })
        .collect()
}
