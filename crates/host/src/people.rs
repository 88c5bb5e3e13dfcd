//! People: users of the CRM, and the parties it deals with.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use values::{Fields, Locale, PartyId, UserId};

use crate::Error;

/// A user of the CRM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Who.
    pub id: UserId,
    /// Name for people.
    pub name: String,
    /// Deactivated users get no tasks.
    pub active: bool,
    /// Roles held.
    pub roles: Vec<String>,
    /// Groups joined.
    pub groups: Vec<String>,
    /// Positions held.
    pub positions: Vec<String>,
    /// The user above, by position.
    pub manager: Option<UserId>,
    /// Mobile number as typed.
    pub mobile: Option<String>,
    /// E-mail address as typed.
    pub email: Option<String>,
    /// Preferred language.
    pub language: Option<Locale>,
}

/// Person or company.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartyKind {
    /// A natural person.
    Person,
    /// A company.
    Company,
}

/// The identity an item is related to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// Who.
    pub id: PartyId,
    /// Name for people.
    pub name: String,
    /// Customer number, if it has one.
    pub number: Option<String>,
    /// Person or company.
    pub kind: PartyKind,
    /// A lead is not a customer yet: it gets no payment link.
    pub lead: bool,
    /// Preferred language.
    pub language: Option<Locale>,
    /// Default mobile number as typed.
    pub mobile: Option<String>,
    /// First e-mail address as typed.
    pub email: Option<String>,
    /// Fields added by the CRM's own customising.
    pub fields: Fields,
}

/// What somebody is to a party.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartyRole {
    /// The party's manager.
    Manager,
    /// The party's contact person.
    Contact,
    /// Whoever holds that position at the party.
    Position(String),
}

/// Somebody a message can go to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Name for people.
    pub name: String,
    /// Mobile number as typed.
    pub mobile: Option<String>,
    /// E-mail address as typed.
    pub email: Option<String>,
    /// Preferred language.
    pub language: Option<Locale>,
}

/// A set of users.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberOf {
    /// Members of a group.
    Group(String),
    /// Holders of a role.
    Role(String),
    /// Holders of a position.
    Position(String),
}

/// People, roles, positions and parties.
#[async_trait]
pub trait Directory: Send + Sync {
    /// A user; `None` when there is no such user.
    async fn user(&self, user: &UserId) -> Result<Option<User>, Error>;

    /// The active users in a group, role or position, in a stable order.
    async fn members(&self, of: &MemberOf) -> Result<Vec<UserId>, Error>;

    /// A party; `None` when there is no such party.
    async fn party(&self, party: &PartyId) -> Result<Option<Party>, Error>;

    /// The people who are that to the party, in a stable order; empty when there are none.
    async fn party_people(&self, party: &PartyId, role: &PartyRole) -> Result<Vec<Person>, Error>;
}
