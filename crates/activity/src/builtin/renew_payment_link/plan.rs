//! Deciding on the new link: what the old one asked for, until another day. Pure.

use payment::Usage;

use super::{NAME, Ready};
use crate::builtin::create_payment_link::codes;
use crate::builtin::create_payment_link::plan::{
    Body, Refusal, Terms, check_amount, debtor, planned, refuse, usable_account,
};
use crate::message::languages;
use crate::on_link::{LINK_PAID, NO_LINK};
use crate::{Plan, PlanContext};

pub(super) fn plan(ready: &Ready, context: &PlanContext<'_>) -> Plan {
    planned(NAME, decide(ready, context))
}

fn decide(ready: &Ready, context: &PlanContext<'_>) -> Result<Body, Refusal> {
    let Some(old) = context.answers.link.as_deref() else {
        return refuse(NO_LINK, format!("`{}` has made no link yet", ready.of));
    };
    if old.status.is_paid() {
        return refuse(LINK_PAID, format!("link {} is paid", old.id));
    }
    let once = old.draft.usage == Usage::OneTime;
    if once && old.received.is_some_and(|received| received.is_positive()) {
        return refuse(
            codes::EARLIER_LINK_PAID,
            format!(
                "a part of link {} is paid: a person decides on the rest",
                old.id
            ),
        );
    }
    let account = usable_account(&old.draft.account, context)?;
    let party = debtor(context)?;
    check_amount(&old.draft.amount, account)?;
    let languages = languages(party.language, ready.language, context.locales);
    let terms = Terms {
        account,
        amount: old.draft.amount,
        expires: &ready.expires,
        description: old.draft.description.clone(),
        usage: old.draft.usage,
        receipt: old.draft.receipt.clone(),
        recipients: &ready.recipients,
        locale: languages.first().copied().unwrap_or_default(),
        extras: old.draft.extras.clone(),
        degrade: false,
    };
    let body = terms.body(party, context)?;
    Ok(Body {
        of: Some(ready.of.clone()),
        ..body
    })
}
