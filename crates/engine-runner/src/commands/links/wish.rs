//! What a link is to be, as the command line says it, in the words of `create_payment_link`.

use std::path::{Path, PathBuf};

use charkh::workflow_file::Findings;
use charkh::workflow_file::syntax;
use serde_json::{Map, Value as Json, json};

use crate::exit::{Failure, Outcome};
use crate::{files, loading};

/// Until when; the account's default where nothing is said.
#[derive(Debug, clap::Args)]
pub(super) struct ExpiresArgs {
    /// Days to pay.
    #[arg(long, value_name = "N", conflicts_with = "until")]
    days: Option<String>,
    /// The last day to pay, Jalali or Gregorian, as `1405/06/31`.
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
}

impl ExpiresArgs {
    pub(super) fn setting(&self) -> Option<Json> {
        match (&self.days, &self.until) {
            (Some(days), _) => Some(json!({ "days": days })),
            (None, Some(date)) => Some(json!({ "date": date })),
            (None, None) => None,
        }
    }
}

/// Who is told; the party's mobile and e-mail where nothing is said.
#[derive(Debug, clap::Args)]
pub(super) struct RecipientArgs {
    /// Who gets a text message: `contact`, `manager`, `position:NAME`, `user:FIELD`, `field:NAME` or a
    /// number; may be repeated.
    #[arg(long, value_name = "WHO")]
    sms: Vec<String>,
    /// Who gets an e-mail: the same words, or an address; may be repeated.
    #[arg(long, value_name = "WHO")]
    email: Vec<String>,
}

impl RecipientArgs {
    pub(super) fn setting(&self) -> Outcome<Option<Json>> {
        let mut lists = Map::new();
        for (medium, who, constant) in [
            ("sms", &self.sms, "number"),
            ("email", &self.email, "address"),
        ] {
            let list: Vec<Json> = who
                .iter()
                .map(|who| recipient(who, constant))
                .collect::<Outcome<_>>()?;
            if !list.is_empty() {
                lists.insert(medium.to_owned(), Json::Array(list));
            }
        }
        Ok((!lists.is_empty()).then_some(Json::Object(lists)))
    }
}

fn recipient(who: &str, constant: &str) -> Outcome<Json> {
    if let "contact" | "manager" = who {
        return Ok(json!(who));
    }
    if let Some((word @ ("position" | "user" | "field"), name)) = who.split_once(':') {
        return Ok(json!({ word: name }));
    }
    let is_constant = match constant {
        "address" => who.contains('@'),
        _ => who.chars().any(char::is_numeric),
    };
    if is_constant {
        return Ok(json!({ constant: who }));
    }
    let message = format!("`{who}` is nobody");
    Err(Failure::usage("bad_recipient", message).help(format!(
        "write contact, manager, position:NAME, user:FIELD, field:NAME or a {constant}"
    )))
}

/// With which words.
#[derive(Debug, clap::Args)]
pub(super) struct WordArgs {
    /// A file with the text of the message, or, if it ends in .yaml, with texts by medium and language
    /// as in `message:`; the default message where nothing is said.
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    message: Option<PathBuf>,
    /// The text of the message; `{{ link.url }}` must be in it.
    #[arg(long)]
    text: Option<String>,
    /// What the payer sees it is for.
    #[arg(long, value_name = "TEXT")]
    pub(super) description: Option<String>,
    /// The language for people who have none of their own, as `fa`.
    #[arg(long, value_name = "CODE")]
    pub(super) language: Option<String>,
}

impl WordArgs {
    pub(super) fn message(&self) -> Outcome<Option<Json>> {
        match (&self.text, &self.message) {
            (Some(text), _) => Ok(Some(json!(text))),
            (None, Some(path)) => words(path).map(Some),
            (None, None) => Ok(None),
        }
    }
}

/// The words of a file: a text as it stands, or YAML.
fn words(path: &Path) -> Outcome<Json> {
    let source = files::read(path)?;
    let ending = path.extension().and_then(|ending| ending.to_str());
    if let Some("yaml" | "yml") = ending {
        let mut findings = Findings::new(source.name.clone());
        let document = syntax::parse(&source, &mut findings);
        return match document {
            Some(document) if !findings.has_errors() => Ok(document.root.to_json()),
            _ => Err(loading::refused(&source, &findings.finish())),
        };
    }
    match std::str::from_utf8(&source.bytes) {
        Ok(text) => Ok(json!(text.trim_start_matches('\u{feff}').trim_end())),
        Err(_) => Err(Failure::usage(
            "bad_message",
            format!("{} is not UTF-8", path.display()),
        )),
    }
}

/// What receipt a payment makes; one that waits for approval where nothing is said.
#[derive(Debug, clap::Args)]
pub(super) struct ReceiptArgs {
    /// The subtype of the receipt; the account's where nothing is said.
    #[arg(long, value_name = "TYPE")]
    receipt_type: Option<String>,
    /// Approve the receipt at once.
    #[arg(long)]
    approve: bool,
    /// The receipt field of the item that it is attached to.
    #[arg(long, value_name = "FIELD")]
    field: Option<String>,
    /// A payment makes no receipt.
    #[arg(long, conflicts_with_all = ["receipt_type", "approve", "field"])]
    no_receipt: bool,
}

impl ReceiptArgs {
    pub(super) fn setting(&self) -> Option<Json> {
        if self.no_receipt {
            return Some(json!("none"));
        }
        let mut rule = Map::new();
        if let Some(kind) = &self.receipt_type {
            rule.insert("type".to_owned(), json!(kind));
        }
        if self.approve {
            rule.insert("approve".to_owned(), json!("auto"));
        }
        if let Some(field) = &self.field {
            rule.insert("field".to_owned(), json!(field));
        }
        (!rule.is_empty()).then_some(Json::Object(rule))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::recipient;

    #[test]
    fn each_kind_of_recipient_has_its_word() {
        for (who, constant, setting) in [
            ("contact", "number", json!("contact")),
            ("manager", "address", json!("manager")),
            (
                "position:accountant",
                "number",
                json!({ "position": "accountant" }),
            ),
            ("user:owner", "address", json!({ "user": "owner" })),
            ("field:mobile", "number", json!({ "field": "mobile" })),
            ("۰۹۱۲۱۱۱۲۲۳۳", "number", json!({ "number": "۰۹۱۲۱۱۱۲۲۳۳" })),
            (
                "+989121112233",
                "number",
                json!({ "number": "+989121112233" }),
            ),
            (
                "a@b.example",
                "address",
                json!({ "address": "a@b.example" }),
            ),
        ] {
            assert_eq!(recipient(who, constant).unwrap(), setting);
        }
        assert!(recipient("somebody", "number").is_err());
        assert!(recipient("09121112233", "address").is_err());
    }
}
