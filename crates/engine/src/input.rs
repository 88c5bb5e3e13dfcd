//! What callers hand in, and what they are told.

use serde::{Deserialize, Serialize};
use state_machine::{End, Event};
use values::{Fields, InputId, ItemRef, PartyId, UserId};

/// One input for one item.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// The item.
    pub item: ItemRef,
    /// What happened.
    pub event: Event,
    /// The caller's id for this input: a repeat with the same id gets the first reply.
    pub id: Option<InputId>,
    /// The revision the caller saw; another one refuses the input.
    pub expected_revision: Option<u64>,
    /// The workflow to start; needed where several are deployed for the entity.
    pub workflow: Option<String>,
}

impl Input {
    /// An event for an item.
    pub fn new(item: ItemRef, event: Event) -> Input {
        Input {
            item,
            event,
            id: None,
            expected_revision: None,
            workflow: None,
        }
    }

    /// The item enters its lifecycle with the fields the host has for it.
    pub fn start(item: ItemRef) -> Input {
        Input::new(
            item,
            Event::Start {
                fields: Fields::new(),
                party: None,
            },
        )
    }

    /// The item enters its lifecycle with these fields; the host's own fill the rest.
    pub fn start_with(item: ItemRef, fields: Fields, party: Option<PartyId>) -> Input {
        Input::new(item, Event::Start { fields, party })
    }

    /// A person chooses an action and has answered its question.
    pub fn action(item: ItemRef, name: &str, actor: impl Into<UserId>) -> Input {
        let event = Event::Action {
            name: name.to_owned(),
            actor: actor.into(),
            fields: Fields::new(),
            confirmed: true,
        };
        Input::new(item, event)
    }

    /// A named event.
    pub fn event(item: ItemRef, name: &str, payload: Fields) -> Input {
        Input::new(
            item,
            Event::Named {
                name: name.to_owned(),
                payload,
            },
        )
    }

    /// The CRM changed fields.
    pub fn changed(item: ItemRef, fields: Fields) -> Input {
        Input::new(item, Event::Changed { fields })
    }

    /// Try again what is in incident.
    pub fn retry(item: ItemRef, actor: impl Into<UserId>, reason: &str) -> Input {
        let event = Event::Retry {
            actor: actor.into(),
            reason: reason.to_owned(),
        };
        Input::new(item, event)
    }

    /// With the caller's id.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<InputId>) -> Input {
        self.id = Some(id.into());
        self
    }

    /// Refused unless the item is at this revision.
    #[must_use]
    pub fn expecting(mut self, revision: u64) -> Input {
        self.expected_revision = Some(revision);
        self
    }

    /// Starts this workflow.
    #[must_use]
    pub fn in_workflow(mut self, workflow: &str) -> Input {
        self.workflow = Some(workflow.to_owned());
        self
    }
}

/// What became of an input. It is given out only after the commit is durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The item's revision after it.
    #[serde(rename = "r")]
    pub revision: u64,
    /// The state the item is in.
    #[serde(rename = "s")]
    pub state: String,
    /// How the lifecycle ended, once it has.
    #[serde(rename = "z", default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<End>,
    /// The event was expected but no guard let it through; it is recorded.
    #[serde(rename = "n", default, skip_serializing_if = "std::ops::Not::not")]
    pub declined: bool,
    /// The code of the incident the item is in.
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<String>,
    /// This is the first reply again: the input had been applied already.
    #[serde(skip)]
    pub repeated: bool,
}
