//! What people do: act, claim, release, end a wait.

use values::{Fields, UserId, Value};

use super::enter::route_of;
use super::rejection::{Rejection, not_here};
use super::{Actor, Context, Halt, Run, Turn};
use crate::event::Event;
use crate::instance::{Assigned, Instance};
use crate::model::{Action, Assignee, Kind, Task};
use crate::{Definition, Effect};

impl<'a> Run<'a> {
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
            return Err(not_here(name, &state.id).into());
        };
        let (index, action) = action_of(task, name, &state.id)?;
        self.may_have_task(actor)?;
        self.may_act(action, actor)?;
        self.check_fields(fields)?;
        self.newer_wins(fields);
        self.set_fields(fields);
        self.check_required(action)?;
        // Before the guard: an action whose guard fails is kept, and must not lack its answer then.
        if action.confirm.is_some() && !confirmed {
            let action = name.to_owned();
            return Err(Rejection::NeedsConfirmation { action }.into());
        }
        let definition: &'a Definition = self.definition;
        let guard = definition
            .compiled(&state.id)
            .and_then(|(_, compiled)| compiled.actions.get(index))
            .and_then(Option::as_ref);
        if !self.holds(|| format!("{}.{name}", state.id), guard)? {
            return Err(Rejection::GuardFalse {
                action: name.to_owned(),
                guard: action.when.clone().unwrap_or_default(),
            }
            .into());
        }
        if !fields.is_empty() {
            self.effects.push(Effect::WriteFields(fields.clone()));
        }
        self.acted(actor);
        self.go(&action.to, &action.name)
    }

    fn check_required(&self, action: &Action) -> Result<(), Rejection> {
        let filled = |name: &String| match self.instance.fields.get(name) {
            // A checkbox that is off is not filled: requiring it means that it must be ticked.
            None | Some(Value::Empty | Value::Bool(false)) => false,
            Some(Value::Text(text)) => !text.trim().is_empty(),
            Some(Value::List(values)) => !values.is_empty(),
            Some(_) => true,
        };
        let missing = action.require.iter().filter(|name| !filled(name));
        let fields: Vec<String> = missing.cloned().collect();
        if fields.is_empty() {
            return Ok(());
        }
        Err(Rejection::MissingFields {
            action: action.name.clone(),
            fields,
        })
    }

    fn may_have_task(&self, actor: &UserId) -> Result<(), Rejection> {
        let Some(task) = &self.instance.task else {
            return Err(not_here("task", &self.instance.state));
        };
        match &task.claimed_by {
            Some(by) if by != actor => Err(Rejection::Claimed { by: by.clone() }),
            // Who has claimed it and left the group since may give it back, not act on it.
            _ => self.belongs(&task.assigned, actor),
        }
    }

    fn belongs(&self, assigned: &Assigned, actor: &UserId) -> Result<(), Rejection> {
        let needs = || format!("it is for {assigned}");
        self.permit(actor, needs, |person| is_one_of(assigned, actor, person))
    }

    fn may_act(&self, action: &Action, actor: &UserId) -> Result<(), Rejection> {
        let needs = || format!("`{}` needs role {}", action.name, action.roles.join(" or "));
        self.permit(actor, needs, |person| {
            let held = |role| person.roles.contains(role);
            action.roles.is_empty() || action.roles.iter().any(held)
        })
    }

    /// A kept input was permitted when it came; the person behind a retry is another one.
    fn permit(
        &self,
        actor: &UserId,
        needs: impl Fn() -> String,
        permitted: impl Fn(&Actor) -> bool,
    ) -> Result<(), Rejection> {
        let nobody = Actor::default();
        let person = self.context.actor.as_ref().unwrap_or(&nobody);
        if self.turn == Turn::Retry || permitted(person) {
            return Ok(());
        }
        let needs = format!("{}; {actor} has {}", needs(), describe(person));
        let actor = actor.clone();
        Err(Rejection::NotAllowed { actor, needs })
    }

    pub(super) fn claim(&mut self, actor: &UserId) -> Result<(), Halt> {
        self.check_task("claim")?;
        self.may_have_task(actor)?;
        if let Some(task) = &mut self.instance.task {
            task.claimed_by = Some(actor.clone());
        }
        Ok(())
    }

    pub(super) fn release(&mut self, actor: &UserId) -> Result<(), Halt> {
        self.check_task("release")?;
        let nobody = not_here("release", &self.instance.state);
        let Some(task) = &mut self.instance.task else {
            return Err(nobody.into());
        };
        match &task.claimed_by {
            Some(by) if by == actor => {
                task.claimed_by = None;
                Ok(())
            }
            Some(by) => Err(Rejection::Claimed { by: by.clone() }.into()),
            None => Err(nobody.into()),
        }
    }

    fn check_task(&self, input: &str) -> Result<(), Halt> {
        if self.instance.ended.is_some() {
            return Err(self.ended());
        }
        if self.instance.task.is_none() {
            return Err(not_here(input, &self.instance.state).into());
        }
        Ok(())
    }

    pub(super) fn end_wait(&mut self, actor: &UserId) -> Result<(), Halt> {
        if self.instance.ended.is_some() {
            return Err(self.ended());
        }
        let state = self.state()?;
        let not_here = || not_here("end_wait", &state.id);
        let Kind::Wait(wait) = &state.kind else {
            return Err(not_here().into());
        };
        let by = wait.by.as_ref().ok_or_else(not_here)?;
        match assigned(by, &self.instance) {
            Some(assigned) => self.belongs(&assigned, actor)?,
            // Who is asked must not be able to put the item in incident by asking.
            None => self.permit(actor, || "nobody has acted there yet".to_owned(), |_| false)?,
        }
        self.acted(actor);
        match route_of(wait, "ended") {
            Some((to, by)) => self.go(to, by),
            None => Err(self.incident("no_route", "the wait has no way for `ended`")),
        }
    }

    fn acted(&mut self, actor: &UserId) {
        let state = self.instance.state.clone();
        self.instance.last_actor.insert(state, actor.clone());
    }
}

fn action_of<'t>(
    task: &'t Task,
    name: &str,
    state: &str,
) -> Result<(usize, &'t Action), Rejection> {
    let mut actions = task.actions.iter().enumerate();
    actions
        .find(|(_, action)| action.name == name)
        .ok_or_else(|| Rejection::UnknownAction {
            state: state.to_owned(),
            action: name.to_owned(),
            known: task
                .actions
                .iter()
                .map(|known| known.name.clone())
                .collect(),
        })
}

/// Who an assignee is by the facts of the instance; `None` where nobody has acted yet in the state
/// that is asked about.
pub(super) fn assigned(assignee: &Assignee, instance: &Instance) -> Option<Assigned> {
    match assignee {
        Assignee::User(user) => Some(Assigned::User(user.as_str().into())),
        Assignee::Group(name) => Some(Assigned::Group(name.clone())),
        Assignee::Role(name) => Some(Assigned::Role(name.clone())),
        Assignee::Position(name) => Some(Assigned::Position(name.clone())),
        Assignee::Field { fallback, .. } => {
            known(assignee, instance).or_else(|| assigned(fallback, instance))
        }
        Assignee::LastResponsible { fallback, .. } => {
            known(assignee, instance).or_else(|| assigned(fallback.as_deref()?, instance))
        }
        Assignee::ManagerOf(inner) => match (known(inner, instance), fallback_of(inner)) {
            (Some(Assigned::User(user)), _) => Some(Assigned::ManagerOf(user)),
            // A fallback has the task itself, its manager does not.
            (None, Some(fallback)) => assigned(fallback, instance),
            // The manager of a group is nobody in particular, so the group has the task.
            (known, _) => known,
        },
    }
}

/// Who an assignee is without its fallback.
fn known(assignee: &Assignee, instance: &Instance) -> Option<Assigned> {
    match assignee {
        Assignee::Field { field, .. } => match instance.fields.get(field)? {
            Value::User(user) | Value::Text(user) if !user.is_empty() => {
                Some(Assigned::User(user.as_str().into()))
            }
            Value::Group(group) if !group.is_empty() => Some(Assigned::Group(group.clone())),
            Value::Position(name) if !name.is_empty() => Some(Assigned::Position(name.clone())),
            _ => None,
        },
        Assignee::LastResponsible { state, .. } => {
            instance.last_actor.get(state).cloned().map(Assigned::User)
        }
        other => assigned(other, instance),
    }
}

fn fallback_of(assignee: &Assignee) -> Option<&Assignee> {
    match assignee {
        Assignee::Field { fallback, .. } => Some(fallback),
        Assignee::LastResponsible { fallback, .. } => fallback.as_deref(),
        _ => None,
    }
}

/// The user whose manager the task, or the end of the wait, is for. [`Actor::manages`] must say
/// whether the actor is that manager; nothing else is asked about managers.
pub fn manager_asked_for(definition: &Definition, instance: &Instance) -> Option<UserId> {
    let asked = match (&instance.task, &definition.state(&instance.state)?.kind) {
        (Some(task), _) => Some(task.assigned.clone()),
        (None, Kind::Wait(wait)) => assigned(wait.by.as_ref()?, instance),
        (None, _) => None,
    };
    match asked {
        Some(Assigned::ManagerOf(user)) => Some(user),
        _ => None,
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
/// Fields that would be filled in with the action are not, and its question counts as answered.
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
    let refused = |name: &str| {
        let event = Event::Action {
            name: name.to_owned(),
            actor: actor.clone(),
            fields: Fields::new(),
            confirmed: true,
        };
        let mut run = Run::new(definition, instance.clone(), context);
        run.apply(&event, instance).err()
    };
    task.actions
        .iter()
        .map(|action| (action.name.clone(), refused(&action.name)))
        .collect()
}
