//! The typed form and the reading by hand know the same keys.

use schemars::JsonSchema;

use crate::draft::state::{
    Action, Assignee, Branch, NamedEvent, Notice, Retry, Shifted, State, Task, Timeout, Wait,
};
use crate::draft::{EventKind, Field, Route, Type, Workflow};
use crate::lower::keys;
use crate::project::{ProjectFile, project_keys};
use crate::schema::schema_of;

fn same<T: JsonSchema>(keys: &[&str]) {
    let schema = schema_of::<T>();
    let properties = schema["properties"].as_object().expect("an object");
    let mut typed: Vec<&str> = properties.keys().map(String::as_str).collect();
    let mut read = keys.to_vec();
    typed.sort_unstable();
    read.sort_unstable();
    assert_eq!(typed, read, "{}", schema["title"]);
}

#[test]
fn the_typed_workflow_and_the_reader_know_the_same_keys() {
    same::<Workflow>(keys::WORKFLOW_KEYS);
    same::<Route>(keys::ROUTE_KEYS);
    same::<Field>(keys::FIELD_KEYS);
    same::<Type>(keys::TYPE_KEYS);
    same::<EventKind>(keys::EVENT_KEYS);
    same::<State>(keys::STATE_KEYS);
    same::<Task>(keys::TASK_KEYS);
    same::<Assignee>(keys::ASSIGNEE_KEYS);
    same::<Timeout>(keys::TIMEOUT_KEYS);
    same::<Shifted>(keys::AT_KEYS);
    same::<Notice>(keys::NOTICE_KEYS);
    same::<Action>(keys::ACTION_KEYS);
    same::<Retry>(keys::RETRY_KEYS);
    same::<Branch>(keys::BRANCH_KEYS);
    same::<Wait>(keys::WAIT_KEYS);
    same::<NamedEvent>(keys::EVENT_WAIT_KEYS);
}

#[test]
fn the_typed_project_and_the_reader_know_the_same_keys() {
    same::<ProjectFile>(project_keys::PROJECT_KEYS);
    same::<crate::project::draft::AccountFile>(project_keys::ACCOUNT_KEYS);
    same::<crate::project::draft::ListenFile>(project_keys::LISTEN_KEYS);
    same::<crate::project::draft::SmsFile>(project_keys::SMS_KEYS);
    same::<crate::project::draft::EmailFile>(project_keys::EMAIL_KEYS);
    same::<crate::project::draft::UserFile>(project_keys::USER_KEYS);
    same::<crate::project::draft::PartyFile>(project_keys::PARTY_KEYS);
    same::<crate::project::draft::PersonFile>(project_keys::PERSON_KEYS);
}
