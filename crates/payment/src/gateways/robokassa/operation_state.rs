//! The answer to the question for one operation: XML, of which only elements and text are let in.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::Event;
use transport::{HttpRequest, HttpResponse};
use values::{Money, Timestamp};

use super::exchange;
use super::settings::Shop;
use super::signature::state_base;
use super::text::{amount, encode, moment};
use crate::{Conversation, GatewayError};

/// Deeper answers, or ones with more leaves, are not this provider's.
const DEPTH_MAX: usize = 8;
const LEAVES_MAX: usize = 500;

const ROOT: &str = "OperationStateResponse";

/// What the provider knows of a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operation {
    /// Nothing, or nobody has confirmed a payment yet.
    Absent,
    /// Two operations under one number.
    Doubled,
    /// One operation.
    Known(Box<State>),
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct State {
    /// Its code, from 5 to 100.
    pub(super) code: String,
    /// When it came to be so.
    pub(super) at: Option<Timestamp>,
    /// What the shop was to get.
    pub(super) out_sum: Option<Money>,
    /// The provider's own key of it.
    pub(super) key: Option<String>,
    /// Our parameters by their names in small letters.
    pub(super) own: BTreeMap<String, String>,
}

/// Asks for one number.
pub(super) fn ask(shop: &Shop, inv_id: &str) -> Conversation<Operation> {
    Conversation::read(request(shop, inv_id), |response| {
        Conversation::Ended(read(&response))
    })
}

fn request(shop: &Shop, inv_id: &str) -> HttpRequest {
    let options = &shop.options;
    let login = &options.merchant_login;
    let base = state_base(login, inv_id, shop.password2.reveal());
    exchange::get(format!(
        "{}/Merchant/WebService/Service.asmx/OpStateExt?MerchantLogin={}&InvoiceID={inv_id}&Signature={}",
        options.auth_url,
        encode(login),
        options.hash.hex(&base),
    ))
}

fn read(response: &HttpResponse) -> Result<Operation, GatewayError> {
    let body = exchange::read(response)?;
    let leaves = leaves(body).ok_or_else(exchange::unreadable)?;
    let code = leaves.one("Result/Code").ok_or_else(exchange::unreadable)?;
    let failed = |error: GatewayError| {
        let provider_code = Some(code.to_owned());
        Err(GatewayError {
            provider_code,
            ..error
        })
    };
    match code {
        "0" => leaves
            .state()
            .map(|state| Operation::Known(Box::new(state)))
            .ok_or_else(exchange::unreadable),
        "3" => Ok(Operation::Absent),
        "4" => Ok(Operation::Doubled),
        "1" => failed(GatewayError::permanent(
            "signature_refused",
            "the provider does not accept our signature",
        )),
        "2" => failed(GatewayError::permanent(
            "shop_not_found",
            "the provider does not know the shop, or it is not active",
        )),
        _ => failed(GatewayError::retryable(
            "provider_error",
            "the provider cannot say",
        )),
    }
}

/// The texts of an answer by the path of their element below the root.
struct Leaves(Vec<(String, String)>);

impl Leaves {
    /// A text that stands there once.
    fn one(&self, path: &str) -> Option<&str> {
        let mut found = self.0.iter().filter(|(known, _)| known == path);
        let (_, text) = found.next()?;
        found.next().is_none().then_some(text.as_str())
    }

    fn state(&self) -> Option<State> {
        let key = self.one("Info/OpKey").filter(|key| !key.is_empty());
        let foreign = ["USD", "EUR", "KZT"];
        let label = self.one("Info/OutCurrLabel").unwrap_or_default();
        let out_sum = self.one("Info/OutSum").and_then(amount);
        Some(State {
            code: self.one("State/Code")?.to_owned(),
            at: self.one("State/StateDate").and_then(moment),
            out_sum: out_sum.filter(|_| !foreign.contains(&label)),
            key: key.map(str::to_owned),
            own: self.own(),
        })
    }

    /// Names and values alternate; a name twice leaves its first value out too.
    fn own(&self) -> BTreeMap<String, String> {
        let of = |path: &str| -> Vec<&String> {
            let leaves = self.0.iter().filter(|(known, _)| known == path);
            leaves.map(|(_, text)| text).collect()
        };
        let (names, values) = (of("UserField/Field/Name"), of("UserField/Field/Value"));
        if names.len() != values.len() {
            return BTreeMap::new();
        }
        let pairs = names.into_iter().zip(values);
        pairs
            .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
            .collect()
    }
}

/// Walks the answer. A document type, an entity of its own, an instruction, anything after the root or
/// a broken nesting makes it unreadable.
fn leaves(body: &[u8]) -> Option<Leaves> {
    let text = std::str::from_utf8(body).ok()?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut walk = Walk::default();
    loop {
        match reader.read_event().ok()? {
            Event::Start(tag) => walk.open(tag.local_name().as_ref())?,
            Event::Empty(tag) => {
                walk.open(tag.local_name().as_ref())?;
                walk.close()?;
            }
            Event::End(_) => walk.close()?,
            Event::Text(part) => walk.write(&part.xml10_content())?,
            Event::CData(part) => walk.write(&part.xml10_content())?,
            Event::GeneralRef(entity) => walk.write(predefined(&entity)?.as_str())?,
            Event::Decl(_) | Event::Comment(_) => {}
            Event::Eof => return walk.end(),
            _ => return None,
        }
    }
}

/// The five entities that XML itself has, and characters by number.
fn predefined(entity: &quick_xml::events::BytesRef<'_>) -> Option<String> {
    if let Some(character) = entity.resolve_char_ref().ok()? {
        return Some(character.to_string());
    }
    let text = match entity.xml10_content().as_ref() {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        _ => return None,
    };
    Some(text.to_owned())
}

/// Where a walk through the answer stands.
#[derive(Default)]
struct Walk {
    path: Vec<String>,
    text: String,
    /// Whether the element that is open has had children.
    parent: bool,
    leaves: Vec<(String, String)>,
    ended: bool,
}

impl Walk {
    fn open(&mut self, name: &str) -> Option<()> {
        let root = self.path.is_empty();
        if self.ended || self.path.len() >= DEPTH_MAX || root && name != ROOT {
            return None;
        }
        self.path.push(name.to_owned());
        self.text.clear();
        self.parent = false;
        Some(())
    }

    fn write(&mut self, text: &str) -> Option<()> {
        if self.path.is_empty() && !text.trim().is_empty() {
            return None;
        }
        self.text.push_str(text);
        Some(())
    }

    fn close(&mut self) -> Option<()> {
        if !self.parent {
            let below = self.path.get(1..)?.join("/");
            self.leaves.push((below, self.text.trim().to_owned()));
        }
        self.path.pop()?;
        self.ended = self.path.is_empty();
        self.parent = true;
        self.text.clear();
        (self.leaves.len() <= LEAVES_MAX).then_some(())
    }

    fn end(self) -> Option<Leaves> {
        self.ended.then_some(Leaves(self.leaves))
    }
}

#[cfg(test)]
#[path = "operation_state_tests.rs"]
mod tests;
