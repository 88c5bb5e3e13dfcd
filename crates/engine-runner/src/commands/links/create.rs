//! A link that a person has made, or renewed, by hand.

use charkh::engine::{LinkRow, LinkWish, Renewal};
use charkh::state_machine::FINANCIAL_ENTITIES;
use charkh::values::{Calendar, InputId, ItemRef, Locale, UserId, Zone};
use serde_json::{Map, Value as Json, json};

use super::one::{self, Shown};
use super::{by_party, wish};
use crate::commands::{StoreArgs, item};
use crate::config::Config;
use crate::exit::{Exit, Failure, Outcome};
use crate::output;
use crate::wiring::{self, Opened, Time};

/// Make a payment link by hand, and tell people.
///
/// For an item it is over the item's final amount where it has one, and else over what the party owes.
/// With --party it belongs to no item: a small workflow of its own waits for the payment. Who gets it,
/// until when and with which words is as in `create_payment_link`: without a word, the party's mobile
/// and e-mail, the account's days, the default message, and a receipt that waits for approval.
///
/// Example: engine-runner links create --item invoice/INV-1042 --as ali --store data
/// Example: engine-runner links create --party parsplast --amount "1_500_000 IRR" --until 1405/06/31
///   --sms contact --sms position:accountant --sms ۰۹۱۲۰۰۰۰۰۰۰ --email manager --as ali --store data
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
#[command(group(clap::ArgGroup::new("whom").required(true).args(["item", "party"])))]
pub(super) struct CreateArgs {
    /// The item it is for, as `invoice/17`.
    #[arg(long, value_name = "ENTITY/ID", value_parser = item)]
    item: Option<ItemRef>,
    /// The party it is for, where it belongs to no item.
    #[arg(long, value_name = "PARTY")]
    party: Option<String>,
    /// The account the money goes to; may be left out where the project has one.
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// How much: money, `final`, `balance` or `field:NAME`.
    #[arg(long, value_name = "AMOUNT")]
    amount: Option<String>,
    #[command(flatten)]
    expires: wish::ExpiresArgs,
    #[command(flatten)]
    recipients: wish::RecipientArgs,
    #[command(flatten)]
    words: wish::WordArgs,
    #[command(flatten)]
    receipt: wish::ReceiptArgs,
    /// It may be paid any number of times, where the gateway can.
    #[arg(long)]
    reusable: bool,
    /// The state whose link it is, so that a wait for that state's link sees it.
    #[arg(long = "for", value_name = "STATE", requires = "item")]
    state: Option<String>,
    #[command(flatten)]
    act: Act,
}

/// Make a new link in the place of an earlier one, which is closed first.
///
/// Amount, account, receipt and recipients stay; a link that turns out paid is not renewed.
///
/// Example: engine-runner links renew invoice/INV-1042 --days 3 --as ali --store data
#[derive(Debug, clap::Args)]
pub(super) struct RenewArgs {
    /// The earlier link: its id, or an item with one link.
    link: String,
    #[command(flatten)]
    expires: wish::ExpiresArgs,
    #[command(flatten)]
    act: Act,
}

/// Who does it, and where.
#[derive(Debug, clap::Args)]
struct Act {
    /// Who does it; it stands in the item's history.
    #[arg(long = "as", value_name = "USER")]
    actor: String,
    /// Your own id for this wish: repeating it makes no second link.
    #[arg(long)]
    id: Option<String>,
    #[command(flatten)]
    store: StoreArgs,
    /// Print JSON: `{"v": 1, …}`.
    #[arg(long)]
    json: bool,
}

pub(super) async fn create(args: CreateArgs, config: Config) -> Outcome {
    let settings = args.settings(&config)?;
    let store = &args.act.store.store;
    let opened = match &args.party {
        None => wiring::open_existing(&config, store).await?,
        Some(party) => {
            by_party::check(&config, party, &args.act.actor)?;
            wiring::open(&config, Some(store.as_path()), Time::AsStored).await?
        }
    };
    let link = made(&args, &config, &opened, settings).await;
    tell(link, &args.act, &config, opened).await
}

pub(super) async fn renew(args: RenewArgs, config: Config) -> Outcome {
    let expires = args.expires.setting();
    let opened = wiring::open_existing(&config, &args.act.store.store).await?;
    let link = renewed(&args, &opened, expires).await;
    tell(link, &args.act, &config, opened).await
}

async fn made(
    args: &CreateArgs,
    config: &Config,
    opened: &Opened,
    settings: Json,
) -> Outcome<LinkRow> {
    let id = args.act.id.as_deref();
    let item = match (&args.item, &args.party) {
        (Some(item), _) => item.clone(),
        (None, Some(party)) => by_party::start(opened, config, party, id).await?,
        (None, None) => return Err(Failure::usage("no_item", "name an item or a party")),
    };
    let wish = LinkWish {
        item: item.clone(),
        settings,
        state: args.state.clone(),
        by: UserId::new(args.act.actor.clone()),
        id: id.map(InputId::from),
    };
    let link = opened.engine.create_link(wish).await;
    if let (Err(error), Some(_)) = (&link, &args.party)
        && error.code() != "link_creating"
    {
        by_party::withdraw(opened, &item).await?;
    }
    Ok(link?)
}

async fn renewed(args: &RenewArgs, opened: &Opened, expires: Option<Json>) -> Outcome<LinkRow> {
    let id = super::named(opened.watched.as_ref(), &args.link).await?.id;
    let renewal = Renewal {
        expires,
        by: UserId::new(args.act.actor.clone()),
        id: args.act.id.as_deref().map(InputId::from),
    };
    Ok(opened.engine.renew_link(&id, renewal).await?)
}

/// Does what is due because of it, and tells what there is now.
async fn tell(link: Outcome<LinkRow>, act: &Act, config: &Config, opened: Opened) -> Outcome {
    // Also what has failed may leave work: a link that nobody knows of is closed.
    let settled = opened.engine.settle().await;
    let shown = match &link {
        Ok(link) => Some(one::shown(&opened, link.id.as_str()).await),
        Err(_) => None,
    };
    opened.close().await?;
    link?;
    settled?;
    let Some(shown) = shown.transpose()? else {
        return Ok(Exit::Done);
    };
    if act.json {
        output::print_json("link", &shown)?;
    } else {
        output::print(&told(&shown, &config.project.zone))?;
    }
    Ok(Exit::Done)
}

/// The link, until when, and who was told.
fn told(shown: &Shown, zone: &Zone) -> String {
    let link = &shown.link;
    let until = zone.local_time_text(link.expires_at, Calendar::Jalali, Locale::En);
    let mut lines = vec![
        ("link", link.id.to_string()),
        ("amount", link.amount.to_string()),
        ("expires", until),
        ("url", link.url.clone()),
    ];
    if link.sendings > 0 {
        lines.push(("message", "sms to the payer, by the provider".to_owned()));
    }
    for message in &shown.messages {
        let medium = message.to.medium().name();
        let word = crate::commands::messages::status(message.status);
        let whom = format!(
            "{medium} to {} ({}), {word}",
            message.to.as_text(),
            message.recipient
        );
        lines.push(("message", whom));
    }
    for missed in &link.unreachable {
        let medium = missed.medium.name();
        let whom = format!("{medium} to {}: {}", missed.recipient, missed.code);
        lines.push(("not told", whom));
    }
    lines
        .iter()
        .map(|(name, value)| format!("{name:<9} {value}\n"))
        .collect()
}

impl CreateArgs {
    /// The wish in the words of `create_payment_link`.
    fn settings(&self, config: &Config) -> Outcome<Json> {
        let mut settings = Map::new();
        let mut set = |name: &str, value: Option<Json>| {
            if let Some(value) = value {
                settings.insert(name.to_owned(), value);
            }
        };
        set("account", Some(json!(self.account(config)?)));
        set("amount", Some(self.amount()));
        set("expires", self.expires.setting());
        set("recipients", self.recipients.setting()?);
        set("message", self.words.message()?);
        set(
            "description",
            self.words.description.as_ref().map(|text| json!(text)),
        );
        set(
            "language",
            self.words.language.as_ref().map(|code| json!(code)),
        );
        set("receipt", self.receipt.setting());
        set("usage", self.reusable.then(|| json!("reusable")));
        Ok(Json::Object(settings))
    }

    /// The account that is named, or the only one.
    fn account(&self, config: &Config) -> Outcome<String> {
        if let Some(name) = &self.account {
            return Ok(name.clone());
        }
        let mut names = config.project.accounts.keys();
        match (names.next(), names.next()) {
            (Some(only), None) => Ok(only.to_string()),
            _ => Err(Failure::usage("which_account", "to which account?")
                .help("add `--account NAME`, a name of the project file")),
        }
    }

    fn amount(&self) -> Json {
        let financial = self
            .item
            .as_ref()
            .is_some_and(|item| FINANCIAL_ENTITIES.contains(&item.entity()));
        match self.amount.as_deref() {
            None if financial => json!("final"),
            None => json!("balance"),
            Some(word @ ("final" | "balance")) => json!(word),
            Some(text) => match text.strip_prefix("field:") {
                Some(field) => json!({ "field": field }),
                None => json!({ "fixed": text }),
            },
        }
    }
}
