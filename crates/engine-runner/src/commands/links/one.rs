//! One link.

use charkh::engine::{LinkRow, MessageRow, PaymentRow, ReceiptRow};
use charkh::persistence::Table;
use charkh::values::{Calendar, Locale, Timestamp, Zone};
use serde::Serialize;

use crate::commands::StoreArgs;
use crate::config::Config;
use crate::exit::{Exit, Outcome};
use crate::rows::{self, Half};
use crate::{output, wiring};

/// Show a payment link with its payments, receipts and messages.
///
/// Example: engine-runner links show invoice/INV-1042 --store data
#[derive(Debug, clap::Args)]
pub(super) struct ShowArgs {
    /// The link: its id, or an item with one link.
    link: String,
    #[command(flatten)]
    store: StoreArgs,
    /// Print JSON: `{"v": 1, …}`.
    #[arg(long)]
    json: bool,
}

/// A link with what belongs to it.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    #[serde(flatten)]
    pub(super) link: LinkRow,
    paid: Vec<PaymentRow>,
    receipts: Vec<ReceiptRow>,
    pub(super) messages: Vec<MessageRow>,
}

pub(super) async fn show(args: ShowArgs, config: Config) -> Outcome {
    let opened = wiring::open_existing(&config, &args.store.store).await?;
    let shown = shown(&opened, &args.link).await;
    opened.close().await?;
    let shown = shown?;
    if args.json {
        output::print_json("link", &shown)?;
    } else {
        output::print(&shown.told(&config.project.zone))?;
    }
    Ok(Exit::Done)
}

pub(super) async fn shown(opened: &wiring::Opened, name: &str) -> Outcome<Shown> {
    let store = opened.watched.as_ref();
    let link = super::named(store, name).await?;
    let mut paid: Vec<PaymentRow> = rows::all(store, Table::Payments, Half::Open).await?;
    paid.retain(|row| row.link == link.id);
    let mut receipts: Vec<ReceiptRow> = rows::all(store, Table::Receipts, Half::Open).await?;
    receipts.retain(|row| row.link.as_ref() == Some(&link.id));
    let mut messages: Vec<MessageRow> = rows::all(store, Table::Messages, Half::Personal).await?;
    messages.retain(|row| row.link.as_ref() == Some(&link.id));
    Ok(Shown {
        link,
        paid,
        receipts,
        messages,
    })
}

impl Shown {
    fn told(&self, zone: &Zone) -> String {
        let link = &self.link;
        let at = |at: Timestamp| zone.local_time_text(at, Calendar::Jalali, Locale::En);
        let mut lines = vec![
            ("link", link.id.to_string()),
            ("item", link.item.to_string()),
            ("status", link.status.name().to_owned()),
            ("amount", link.amount.to_string()),
            ("account", format!("{} ({})", link.account, link.gateway)),
            ("for", link.description.clone()),
            ("made", at(link.created_at)),
            ("expires", at(link.expires_at)),
            ("url", link.url.clone()),
        ];
        if let Some(person) = &link.asked_by {
            lines.push(("by hand", person.to_string()));
        }
        if let Some(newer) = &link.replaced_by {
            lines.push(("renewed", format!("by {newer}")));
        }
        for (name, value) in &link.provider_ref.0 {
            lines.push(("provider", format!("{name} {value}")));
        }
        for payment in &self.paid {
            let fact = &payment.fact;
            let text = format!(
                "{} at {}, transaction {}",
                fact.amount,
                at(fact.paid_at),
                fact.transaction
            );
            lines.push(("paid", text));
        }
        for row in &self.receipts {
            let word = if row.registered {
                "registered"
            } else {
                "not registered yet"
            };
            lines.push(("receipt", format!("{}, {word}", row.receipt.id)));
        }
        for message in &self.messages {
            let word = crate::commands::messages::status(message.status);
            let medium = message.to.medium().name();
            lines.push((
                "message",
                format!("{medium} to {}, {word}", message.to.as_text()),
            ));
        }
        lines
            .iter()
            .map(|(name, value)| format!("{name:<9} {value}\n"))
            .collect()
    }
}
