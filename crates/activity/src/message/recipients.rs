//! Who a message goes to: from the settings to numbers and addresses.

use std::collections::BTreeSet;

use host::{Destination, Medium, PartyRole, Person};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use values::{Email, Locale, Mobile, Value};

use crate::UnreachableRecipient;
use crate::plan::{Need, PlanContext};
use crate::problem::{Place, codes};
use crate::settings::{Check, Scalar};

/// Who gets a message, by medium. Any number together; each number and address gets one message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecipientsSetting {
    /// Who gets a text message.
    #[serde(default)]
    pub(crate) sms: Option<Vec<SmsRecipient>>,
    /// Who gets an e-mail.
    #[serde(default)]
    pub(crate) email: Option<Vec<EmailRecipient>>,
}

/// Who gets a text message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SmsRecipient {
    /// The party's manager.
    Manager,
    /// The party's contact person.
    Contact,
    /// Everybody who holds this position at the party.
    Position(String),
    /// The user of the CRM in this user field of the item.
    User(String),
    /// This mobile number.
    Number(Scalar),
    /// The mobile number in this text field of the item.
    Field(String),
}

/// Who gets an e-mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EmailRecipient {
    /// The party's manager.
    Manager,
    /// The party's contact person.
    Contact,
    /// Everybody who holds this position at the party.
    Position(String),
    /// The user of the CRM in this user field of the item.
    User(String),
    /// This e-mail address.
    Address(String),
    /// The e-mail address in this text field of the item.
    Field(String),
}

/// One recipient, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Recipient {
    People(PartyRole),
    User(String),
    Fixed(Destination),
    Field(String),
    PartyDefault,
}

impl Recipient {
    /// As reports and drafts name it.
    fn name(&self) -> String {
        match self {
            Recipient::People(PartyRole::Manager) => "manager".to_owned(),
            Recipient::People(PartyRole::Contact) => "contact".to_owned(),
            Recipient::People(PartyRole::Position(position)) => format!("position {position}"),
            Recipient::User(field) => format!("user {field}"),
            Recipient::Fixed(Destination::Mobile(_)) => "number".to_owned(),
            Recipient::Fixed(Destination::Email(_)) => "address".to_owned(),
            Recipient::Field(field) => format!("field {field}"),
            Recipient::PartyDefault => "party".to_owned(),
        }
    }
}

/// The recipients of an activity, checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Recipients {
    list: Vec<(Medium, Recipient)>,
}

/// Who is reached, and who is not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Resolved {
    /// One per number and address, in the order of the settings.
    pub(crate) reached: Vec<Reached>,
    /// Everybody else.
    pub(crate) unreachable: Vec<UnreachableRecipient>,
}

/// Somebody a message goes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reached {
    /// Where.
    pub(crate) to: Destination,
    /// As in the settings, such as `contact`; of several that lead to one number, the first.
    pub(crate) recipient: String,
    /// The recipient's own language.
    pub(crate) language: Option<Locale>,
}

impl Recipients {
    /// Checks the lists at `place`. With neither, the party's default mobile and its first e-mail
    /// address are meant.
    pub(crate) fn compile(
        setting: Option<&RecipientsSetting>,
        place: &Place,
        check: &mut Check<'_>,
    ) -> Recipients {
        let unset = RecipientsSetting::default();
        let setting = setting.unwrap_or(&unset);
        if setting.sms.is_none() && setting.email.is_none() {
            let list = [Medium::Sms, Medium::Email].map(|medium| (medium, Recipient::PartyDefault));
            return Recipients { list: list.into() };
        }
        let mut list = Vec::new();
        for (medium, listed) in [
            (Medium::Sms, setting.sms.as_ref().map(|list| entries(list))),
            (
                Medium::Email,
                setting.email.as_ref().map(|list| entries(list)),
            ),
        ] {
            let Some(listed): Option<Vec<Entry<'_>>> = listed else {
                continue;
            };
            let place = place.key(medium.name());
            if listed.is_empty() {
                check.error(
                    codes::NO_RECIPIENTS,
                    &place,
                    "the list names nobody: fill it or leave it out",
                );
            }
            for (index, entry) in listed.into_iter().enumerate() {
                if let Some(recipient) = entry.check(medium, &place.index(index), check) {
                    list.push((medium, recipient));
                }
            }
        }
        Recipients { list }
    }

    /// Whether anybody is listed under a medium.
    pub(crate) fn has(&self, medium: Medium) -> bool {
        self.list.iter().any(|(listed, _)| *listed == medium)
    }

    /// Whether no list was given.
    pub(crate) fn are_default(&self) -> bool {
        self.list
            .iter()
            .all(|(_, recipient)| *recipient == Recipient::PartyDefault)
    }

    /// The same without one medium.
    pub(crate) fn without(mut self, medium: Medium) -> Recipients {
        self.list.retain(|(listed, _)| *listed != medium);
        self
    }

    /// What must be known to resolve them.
    pub(crate) fn needs(&self) -> impl Iterator<Item = Need> {
        let distinct: BTreeSet<Need> = self
            .list
            .iter()
            .filter_map(|(_, recipient)| match recipient {
                Recipient::People(role) => Some(Need::People(role.clone())),
                Recipient::User(field) => Some(Need::UserInField(field.clone())),
                Recipient::PartyDefault => Some(Need::Party),
                Recipient::Fixed(_) | Recipient::Field(_) => None,
            })
            .collect();
        distinct.into_iter()
    }

    /// Numbers and addresses, each once.
    pub(crate) fn resolve(&self, context: &PlanContext<'_>) -> Resolved {
        let mut resolved = Resolved::default();
        for (medium, recipient) in &self.list {
            for found in candidates(*medium, recipient, context) {
                resolved.add(*medium, recipient.name(), found);
            }
        }
        resolved
    }
}

impl Resolved {
    fn add(&mut self, medium: Medium, recipient: String, found: Result<Candidate, &'static str>) {
        match found {
            Ok(Candidate { to, language }) => {
                if self.reached.iter().all(|other| other.to != to) {
                    self.reached.push(Reached {
                        to,
                        recipient,
                        language,
                    });
                }
            }
            Err(code) => {
                let report = UnreachableRecipient {
                    recipient,
                    medium,
                    code: code.to_owned(),
                };
                // Two people of one position without a number say the same thing.
                if !self.unreachable.contains(&report) {
                    self.unreachable.push(report);
                }
            }
        }
    }
}

/// An entry of either list, before it is checked.
enum Entry<'a> {
    Role(PartyRole),
    User(&'a str),
    Constant(&'static str, String),
    Field(&'a str),
}

impl<'a> From<&'a SmsRecipient> for Entry<'a> {
    fn from(recipient: &'a SmsRecipient) -> Entry<'a> {
        match recipient {
            SmsRecipient::Manager => Entry::Role(PartyRole::Manager),
            SmsRecipient::Contact => Entry::Role(PartyRole::Contact),
            SmsRecipient::Position(name) => Entry::Role(PartyRole::Position(name.clone())),
            SmsRecipient::User(field) => Entry::User(field),
            SmsRecipient::Number(number) => Entry::Constant("number", number.text()),
            SmsRecipient::Field(field) => Entry::Field(field),
        }
    }
}

impl<'a> From<&'a EmailRecipient> for Entry<'a> {
    fn from(recipient: &'a EmailRecipient) -> Entry<'a> {
        match recipient {
            EmailRecipient::Manager => Entry::Role(PartyRole::Manager),
            EmailRecipient::Contact => Entry::Role(PartyRole::Contact),
            EmailRecipient::Position(name) => Entry::Role(PartyRole::Position(name.clone())),
            EmailRecipient::User(field) => Entry::User(field),
            EmailRecipient::Address(address) => Entry::Constant("address", address.clone()),
            EmailRecipient::Field(field) => Entry::Field(field),
        }
    }
}

fn entries<'a, T>(list: &'a [T]) -> Vec<Entry<'a>>
where
    Entry<'a>: From<&'a T>,
{
    list.iter().map(Entry::from).collect()
}

impl Entry<'_> {
    fn check(self, medium: Medium, place: &Place, check: &mut Check<'_>) -> Option<Recipient> {
        match self {
            Entry::Role(PartyRole::Position(name)) if name.trim().is_empty() => {
                check.error(
                    codes::NO_RECIPIENTS,
                    &place.key("position"),
                    "the position has no name",
                );
                None
            }
            Entry::Role(role) => Some(Recipient::People(role)),
            Entry::User(field) => check
                .field_of(&place.key("user"), field, &["user"])
                .map(|_| Recipient::User(field.to_owned())),
            Entry::Field(field) => check
                .field_of(&place.key("field"), field, &["text"])
                .map(|_| Recipient::Field(field.to_owned())),
            Entry::Constant(key, text) => {
                let parsed = match medium {
                    Medium::Sms => Mobile::parse(&text)
                        .map(Destination::Mobile)
                        .map_err(|error| (codes::BAD_NUMBER, error.to_string())),
                    Medium::Email => Email::parse(&text)
                        .map(Destination::Email)
                        .map_err(|error| (codes::BAD_ADDRESS, error.to_string())),
                };
                parsed
                    .map(Recipient::Fixed)
                    .map_err(|(code, message)| check.error(code, &place.key(key), message))
                    .ok()
            }
        }
    }
}

/// A number or address that may be reached.
struct Candidate {
    to: Destination,
    language: Option<Locale>,
}

fn candidates(
    medium: Medium,
    recipient: &Recipient,
    context: &PlanContext<'_>,
) -> Vec<Result<Candidate, &'static str>> {
    match recipient {
        Recipient::Fixed(to) => vec![Ok(Candidate {
            to: to.clone(),
            language: None,
        })],
        Recipient::Field(field) => {
            let text = match context.facts.item.get(field) {
                Some(Value::Text(text)) => Some(text.as_str()),
                _ => None,
            };
            vec![candidate(medium, text, None)]
        }
        Recipient::People(role) => {
            let people = context
                .answers
                .people
                .iter()
                .filter(|(of, _)| of == role)
                .flat_map(|(_, people)| people);
            let found: Vec<_> = people.map(|person| of_person(medium, person)).collect();
            if found.is_empty() {
                vec![Err("nobody")]
            } else {
                found
            }
        }
        Recipient::User(field) => match context.answers.users.get(field) {
            Some(person) => vec![of_person(medium, person)],
            None => vec![Err("nobody")],
        },
        Recipient::PartyDefault => match &context.answers.party {
            Some(party) => {
                let text = match medium {
                    Medium::Sms => party.mobile.as_deref(),
                    Medium::Email => party.email.as_deref(),
                };
                vec![candidate(medium, text, party.language)]
            }
            None => vec![Err("nobody")],
        },
    }
}

fn of_person(medium: Medium, person: &Person) -> Result<Candidate, &'static str> {
    let text = match medium {
        Medium::Sms => person.mobile.as_deref(),
        Medium::Email => person.email.as_deref(),
    };
    candidate(medium, text, person.language)
}

fn candidate(
    medium: Medium,
    text: Option<&str>,
    language: Option<Locale>,
) -> Result<Candidate, &'static str> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    let to = match medium {
        Medium::Sms => Mobile::parse(text.ok_or("no_number")?)
            .map(Destination::Mobile)
            .map_err(|_| "invalid_number")?,
        Medium::Email => Email::parse(text.ok_or("no_address")?)
            .map(Destination::Email)
            .map_err(|_| "invalid_address")?,
    };
    Ok(Candidate { to, language })
}
