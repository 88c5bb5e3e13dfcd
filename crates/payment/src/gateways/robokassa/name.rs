//! How a link is named: in our [`ProviderRef`], and in the parameters of ours that the provider
//! carries along and gives back.

use std::collections::BTreeMap;

use values::Timestamp;

use super::settings::{Interface, Shop};
use super::text::{day, moscow_day, unix};
use crate::{GatewayError, LinkRequest, ProviderRef, Usage};

/// Our reference, in every call and every list of the provider.
pub(super) const OWN_REFERENCE: &str = "shp_ref";
/// The expiry in Unix seconds, so that a late payment is seen as late.
pub(super) const OWN_UNTIL: &str = "shp_until";
/// Marks a link that may be paid many times.
pub(super) const OWN_USE: &str = "shp_use";
/// What [`OWN_USE`] says then.
pub(super) const REUSABLE: &str = "reusable";

/// One link of ours, as far as it can be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LinkName {
    pub(super) reference: String,
    pub(super) inv_id: String,
    pub(super) via: Interface,
    /// The provider's own id of an invoice.
    pub(super) id: Option<String>,
    pub(super) until: Option<Timestamp>,
    /// The day in Moscow on which it was made, for the list.
    pub(super) made_on: Option<String>,
    pub(super) reusable: bool,
}

impl LinkName {
    /// The name of a link that is about to be made.
    pub(super) fn new(shop: &Shop, request: &LinkRequest) -> LinkName {
        LinkName {
            reference: request.reference.clone(),
            inv_id: shop.order_no(&request.reference),
            via: shop.options.interface,
            id: None,
            until: unix(&request.expires_at.timestamp().to_string()),
            made_on: None,
            reusable: request.usage == Usage::Reusable,
        }
    }

    /// The same, made at that time.
    pub(super) fn made_at(mut self, at: Timestamp) -> LinkName {
        self.made_on = Some(moscow_day(at));
        self
    }

    /// The parameters of ours, sorted; `prefix` is `shp_` as an interface spells it.
    pub(super) fn own(&self, prefix: &str) -> Vec<(String, String)> {
        let until = self.until.map(|until| until.timestamp().to_string());
        let pairs = [
            ("ref", Some(self.reference.clone())),
            ("until", until),
            ("use", self.reusable.then(|| REUSABLE.to_owned())),
        ];
        pairs
            .into_iter()
            .filter_map(|(name, value)| Some((format!("{prefix}{name}"), value?)))
            .collect()
    }

    /// What the parameters of ours say about a link, where they name one.
    pub(super) fn from_own(
        own: &BTreeMap<String, String>,
        inv_id: &str,
        via: Interface,
    ) -> Option<LinkName> {
        Some(LinkName {
            reference: own.get(OWN_REFERENCE)?.clone(),
            inv_id: inv_id.to_owned(),
            via,
            id: None,
            until: own.get(OWN_UNTIL).and_then(|text| unix(text)),
            made_on: None,
            reusable: own.get(OWN_USE).is_some_and(|word| word == REUSABLE),
        })
    }

    /// The name as the engine keeps it.
    pub(super) fn provider_ref(&self) -> ProviderRef {
        let via = match self.via {
            Interface::InvoiceApi => "invoice_api",
            Interface::Classic => "classic",
        };
        let until = self.until.map(|until| until.timestamp().to_string());
        let pairs = [
            ("reference", Some(self.reference.clone())),
            ("inv_id", Some(self.inv_id.clone())),
            ("via", Some(via.to_owned())),
            ("id", self.id.clone()),
            ("until", until),
            ("made_on", self.made_on.clone()),
            ("use", self.reusable.then(|| REUSABLE.to_owned())),
        ];
        let named = |(key, value): (&str, Option<String>)| Some((key.to_owned(), value?));
        ProviderRef(pairs.into_iter().filter_map(named).collect())
    }

    /// Reads a name back; the number must be the one of the reference.
    pub(super) fn read(shop: &Shop, link: &ProviderRef) -> Result<LinkName, GatewayError> {
        let unknown =
            || GatewayError::permanent("unknown_link", "the link is none of this account");
        let get = |key: &str| link.0.get(key).cloned();
        let (Some(reference), Some(inv_id), Some(via)) =
            (get("reference"), get("inv_id"), get("via"))
        else {
            return Err(unknown());
        };
        let via = match via.as_str() {
            "invoice_api" => Interface::InvoiceApi,
            "classic" => Interface::Classic,
            _ => return Err(unknown()),
        };
        if !shop.is_number_of(&reference, &inv_id) {
            return Err(unknown());
        }
        Ok(LinkName {
            reference,
            inv_id,
            via,
            id: get("id"),
            until: get("until").and_then(|text| unix(&text)),
            made_on: get("made_on").filter(|text| day(text).is_some()),
            reusable: get("use").is_some_and(|word| word == REUSABLE),
        })
    }

    /// Whether its time is up.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| now >= until)
    }
}
