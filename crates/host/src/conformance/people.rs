//! Promises about people and messages.

use values::{Locale, PartyId, UserId};

use super::{Broken, Given, check, good, some};
use crate::{MemberOf, Message, PartyRole};

pub(super) async fn members_are_the_active_users_in_a_stable_order(
    given: &Given,
) -> Result<(), Broken> {
    let role = MemberOf::Role(given.role.clone());
    for _ in 0..2 {
        let members = good(given.host.directory.members(&role).await)?;
        check(members == given.active, || {
            format!("{members:?}, not {:?}", given.active)
        })?;
    }
    let user = good(given.host.directory.user(&given.inactive).await)?;
    let user = some("deactivated user", user)?;
    check(!user.active, || "the deactivated user is active".to_owned())?;
    let nobody = MemberOf::Group("no such group".to_owned());
    let members = good(given.host.directory.members(&nobody).await)?;
    check(members.is_empty(), || format!("{members:?}"))
}

pub(super) async fn somebody_unknown_is_none(given: &Given) -> Result<(), Broken> {
    let directory = &given.host.directory;
    let user = good(directory.user(&UserId::from("no such user")).await)?;
    check(user.is_none(), || format!("{user:?}"))?;
    let party = good(directory.party(&PartyId::from("no such party")).await)?;
    check(party.is_none(), || format!("{party:?}"))?;
    let party = some("debtor", good(directory.party(&given.party).await)?)?;
    check(party.id == given.party, || format!("{party:?}"))
}

pub(super) async fn people_of_a_party_are_found_by_what_they_are_to_it(
    given: &Given,
) -> Result<(), Broken> {
    let directory = &given.host.directory;
    let people = good(
        directory
            .party_people(&given.party, &given.role_of_people)
            .await,
    )?;
    check(!people.is_empty(), || {
        "the bench promised somebody".to_owned()
    })?;
    let again = good(
        directory
            .party_people(&given.party, &given.role_of_people)
            .await,
    )?;
    check(people == again, || format!("{people:?}, then {again:?}"))?;
    let nobody = PartyRole::Position("no such position".to_owned());
    let people = good(directory.party_people(&given.party, &nobody).await)?;
    check(people.is_empty(), || format!("{people:?}"))
}

/// A message leaves once per key; two messages that read the same are two.
pub(super) async fn a_message_is_sent_once_per_key(given: &Given) -> Result<(), Broken> {
    let message = Message {
        to: given.destination.clone(),
        locale: Locale::Fa,
        subject: None,
        body: "لینک پرداخت شما آماده است".to_owned(),
    };
    let before = (given.messages_sent)();
    for (key, expected) in [("message-1", 1), ("message-1", 1), ("message-2", 2)] {
        good(given.host.messenger.send(key, &message).await)?;
        let sent = (given.messages_sent)().saturating_sub(before);
        check(sent == expected, || {
            format!("{sent} messages after {key}, not {expected}")
        })?;
    }
    Ok(())
}
