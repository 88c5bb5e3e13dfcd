//! How POD's names of a link are kept, and what we tell POD about it for ourselves.

use serde::{Deserialize, Serialize};
use values::{Currency, Money, Timestamp};

use super::invoice::{Invoice, is_number};
use crate::{GatewayError, ProviderRef};

/// What an invoice carries for us alone: enough to take a link up again after a lost answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Metadata {
    pub(super) reference: String,
    /// Whole rials.
    pub(super) amount: String,
    pub(super) expires_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) comment: Option<String>,
}

/// POD's names of a link, read from a [`ProviderRef`].
#[derive(Debug, Clone)]
pub(super) struct LinkName {
    pub(super) reference: String,
    pub(super) invoice_id: String,
    pub(super) bill_number: Option<String>,
    pub(super) unique_number: Option<String>,
    pub(super) amount: Option<Money>,
    pub(super) expires_at: Option<Timestamp>,
}

impl LinkName {
    /// Reads the names of a link of ours.
    pub(super) fn of(link: &ProviderRef, currency: Currency) -> Result<LinkName, GatewayError> {
        let invoice_id = invoice_id(link)?;
        let text = |key: &str| link.0.get(key).cloned();
        let reference = text("reference").ok_or_else(unknown_link)?;
        let rials = text("amount")
            .filter(|amount| is_number(amount))
            .and_then(|amount| amount.parse::<i128>().ok())
            .and_then(|rials| Money::from_minor(rials, Currency::Irr).ok());
        Ok(LinkName {
            reference,
            invoice_id,
            bill_number: text("bill_number"),
            unique_number: text("unique_number"),
            amount: rials.and_then(|rials| rials.convert_to(currency).ok()),
            expires_at: text("expires_at").and_then(|at| at.parse().ok()),
        })
    }
}

/// The invoice's id, the only name that an invoice of somebody else's needs.
pub(super) fn invoice_id(link: &ProviderRef) -> Result<String, GatewayError> {
    let id = link.0.get("invoice_id").filter(|id| is_number(id));
    id.cloned().ok_or_else(unknown_link)
}

/// An invoice by its number alone, such as one that somebody else has issued to us.
pub(super) fn invoice_named(number: &str) -> Option<ProviderRef> {
    let id = values::latin_digits(number.trim()).into_owned();
    is_number(&id).then(|| ProviderRef([("invoice_id".to_owned(), id)].into()))
}

fn unknown_link() -> GatewayError {
    GatewayError::permanent("unknown_link", "this is not the name of a link at POD")
}

/// The names of a link by its invoice and what we had POD keep.
pub(super) fn provider_ref(
    metadata: &Metadata,
    bill_number: &str,
    invoice: &Invoice,
) -> Option<ProviderRef> {
    let expires_at = metadata.expires_at;
    let names = [
        ("reference", metadata.reference.clone()),
        ("bill_number", bill_number.to_owned()),
        ("invoice_id", invoice.id()?),
        ("unique_number", invoice.text("uniqueNumber")?),
        ("amount", metadata.amount.clone()),
        (
            "expires_at",
            expires_at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
        ),
    ];
    let names = names.map(|(key, value)| (key.to_owned(), value));
    Some(ProviderRef(names.into()))
}
