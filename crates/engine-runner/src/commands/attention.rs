//! `attention`: what a person must look at.

use std::path::PathBuf;

use charkh::engine::{AttentionRow, RecordedPayment};
use charkh::values::{Calendar, ItemRef, Locale, Money, UserId, parse_timestamp};
use clap::Subcommand;

use crate::commands::{StoreArgs, item, links};
use crate::config::Config;
use crate::exit::{Exit, Failure, Outcome};
use crate::wiring::Opened;
use crate::{output, table, wiring};

/// List what a person must look at, or settle it.
///
/// Without a word it lists.
///
/// Example: engine-runner attention --store data
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    list: Option<ListArgs>,
}

#[derive(Debug, Subcommand)]
enum What {
    List(ListArgs),
    Resolve(Box<ResolveArgs>),
}

/// List what a person must look at: the item, the reason by which it is resolved, and what happened.
///
/// Example: engine-runner attention list --store data --json
#[derive(Debug, clap::Args)]
struct ListArgs {
    /// The store folder.
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
    /// Print JSON: `{"v": 1, …}`.
    #[arg(long)]
    json: bool,
}

/// Settle something on the list: with a note, or by recording the payment that was made.
///
/// A recorded payment takes the way of a provider's word: it counts once, makes its receipt and moves
/// the item.
///
/// Example: engine-runner attention resolve invoice/17 --reason unknown_link --as ali --note "seen" --store data
/// Example: engine-runner attention resolve invoice/17 --as ali --record-payment 8812 450_000_000IRR --store data
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
struct ResolveArgs {
    /// The item, as `invoice/17`.
    #[arg(value_parser = item)]
    item: ItemRef,
    /// Which of the item's reasons, where it has several.
    #[arg(long)]
    reason: Option<String>,
    /// Who settles it; it stands in the item's history.
    #[arg(long = "as", value_name = "USER")]
    actor: String,
    /// On what evidence.
    #[arg(long, default_value = "")]
    note: String,
    /// Record a payment of the item's link: the transaction's number and the amount.
    #[arg(long, num_args = 2, value_names = ["TRANSACTION", "AMOUNT"])]
    record_payment: Option<Vec<String>>,
    /// The link that was paid, where the item has several.
    #[arg(long, requires = "record_payment")]
    link: Option<String>,
    /// When it was paid, as `1405/06/02 13:00`; now where nothing is said.
    #[arg(long, value_name = "MOMENT", requires = "record_payment")]
    paid_at: Option<String>,
    /// What the payer has as tracking number.
    #[arg(long, requires = "record_payment")]
    tracking_no: Option<String>,
    /// It came beside the payment that has settled the link.
    #[arg(long, requires = "record_payment")]
    further: bool,
    #[command(flatten)]
    store: StoreArgs,
}

pub(crate) async fn run(args: Args, config: Config) -> Outcome {
    match (args.what, args.list) {
        (Some(What::List(args)), _) | (None, Some(args)) => list(args, config).await,
        (Some(What::Resolve(args)), _) => resolve(*args, config).await,
        (None, None) => {
            Err(Failure::usage("store_missing", "no store is named").help("add `--store DIR`"))
        }
    }
}

async fn list(args: ListArgs, config: Config) -> Outcome {
    let opened = wiring::open_existing(&config, &args.store).await?;
    let rows = opened.engine.attention().await;
    opened.close().await?;
    let rows = rows?;
    if args.json {
        output::print_json("attention", rows)?;
        return Ok(Exit::Done);
    }
    let zone = &config.project.zone;
    let rows: Vec<Vec<String>> = rows
        .into_iter()
        .map(|row| {
            let since = zone.local_time_text(row.since, Calendar::Jalali, Locale::En);
            vec![
                row.item.to_string(),
                row.reason,
                row.code,
                since,
                row.message,
            ]
        })
        .collect();
    output::print(&table::render(
        &["item", "reason", "code", "since", "what happened"],
        &rows,
    ))?;
    Ok(Exit::Done)
}

async fn resolve(args: ResolveArgs, config: Config) -> Outcome {
    let opened = wiring::open_existing(&config, &args.store.store).await?;
    let told = match &args.record_payment {
        Some(words) => record(&args, words, &opened, &config).await,
        None => settle(&args, &opened).await,
    };
    opened.close().await?;
    output::print(&told?)?;
    Ok(Exit::Done)
}

/// Takes something off the list.
async fn settle(args: &ResolveArgs, opened: &Opened) -> Outcome<String> {
    if args.note.trim().is_empty() {
        return Err(
            Failure::usage("note_missing", "nothing is resolved without a reason")
                .help("add `--note`, or `--record-payment TRANSACTION AMOUNT`"),
        );
    }
    let reason = match &args.reason {
        Some(reason) => reason.clone(),
        None => only_reason(args, opened.engine.attention().await?)?,
    };
    let by = UserId::new(args.actor.clone());
    opened
        .engine
        .resolve_attention(&args.item, &reason, &by, &args.note)
        .await?;
    opened.engine.settle().await?;
    Ok(format!("{}: {reason} is resolved\n", args.item))
}

fn only_reason(args: &ResolveArgs, rows: Vec<AttentionRow>) -> Outcome<String> {
    let mut reasons: Vec<String> = rows
        .into_iter()
        .filter(|row| row.item == args.item)
        .map(|row| row.reason)
        .collect();
    match (reasons.pop(), reasons.as_slice()) {
        (Some(reason), []) => Ok(reason),
        (None, _) => {
            let message = format!("nothing about {} is on the list", args.item);
            Err(Failure::new(Exit::Nothing, "no_attention", message))
        }
        (Some(last), others) => {
            let message = format!("{}, {last}: which of them?", others.join(", "));
            Err(Failure::usage("which_reason", message).help("add `--reason`"))
        }
    }
}

/// Records a payment of the item's link.
async fn record(
    args: &ResolveArgs,
    words: &[String],
    opened: &Opened,
    config: &Config,
) -> Outcome<String> {
    let [transaction, amount] = words else {
        return Err(Failure::usage(
            "bad_payment",
            "write the transaction and the amount",
        ));
    };
    let bad = |message: String| Failure::usage("bad_payment", message);
    let name = args.link.clone().unwrap_or_else(|| args.item.to_string());
    let link = links::named(opened.watched.as_ref(), &name).await?;
    if link.item != args.item {
        return Err(bad(format!("link {} is of {}", link.id, link.item)));
    }
    let amount = Money::parse(amount)
        .or_else(|_| Money::parse_in(amount, link.amount.currency()))
        .map_err(|error| bad(error.to_string()))?;
    let paid_at = match &args.paid_at {
        Some(text) => {
            parse_timestamp(text, &config.project.zone).map_err(|error| bad(error.to_string()))?
        }
        None => opened.engine.now(),
    };
    let payment = RecordedPayment {
        transaction: transaction.clone(),
        amount,
        paid_at,
        tracking_no: args.tracking_no.clone(),
        by: UserId::new(args.actor.clone()),
        note: args.note.clone(),
    };
    let engine = &opened.engine;
    let link = if args.further {
        engine.record_further_payment(&link.id, payment).await?
    } else {
        engine.record_payment(&link.id, payment).await?
    };
    opened.engine.settle().await?;
    let status = link.status.name();
    Ok(format!("{} of {} is {status}\n", link.id, link.item))
}
