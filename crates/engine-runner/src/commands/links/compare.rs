//! The providers' books beside ours.

use std::time::Duration;

use charkh::engine::{
    Comparison, Difference, DifferenceKind, DifferenceReport, LinkFilter, Window,
};
use charkh::values::{AccountName, TimeDelta, Timestamp, Zone, parse_date, parse_timestamp};

use crate::commands::StoreArgs;
use crate::config::Config;
use crate::exit::{Exit, Failure, Outcome};
use crate::{output, table, wiring};

/// How far back is compared when nobody says.
const DAYS: i64 = 30;

/// Between two requests to a provider.
const PAUSE: Duration = Duration::from_millis(100);

/// Compare the providers' books with ours. Nothing differs when all is well.
///
/// Every link made in the span is read at its provider, and, where the provider can list its links, its list
/// is read too. A link that is not known here goes to the attention list. Exit code 1 when anything differs.
///
/// Example: engine-runner links compare --store data --since 1405/06/01 --until 1405/06/31
#[derive(Debug, clap::Args)]
pub(super) struct CompareArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// Links into this account alone.
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// Links made from this day or moment on; thirty days back where nothing is said.
    #[arg(long, value_name = "FROM")]
    since: Option<String>,
    /// Links made up to this day or moment; now where nothing is said.
    #[arg(long, value_name = "TO")]
    until: Option<String>,
    /// Settle what differs by what the provider says of it.
    #[arg(long)]
    settle: bool,
    /// Print JSON: `{"v": 1, …}`.
    #[arg(long)]
    json: bool,
}

pub(super) async fn compare(args: CompareArgs, config: Config) -> Outcome {
    let zone = &config.project.zone;
    if let Some(account) = &args.account
        && !config
            .project
            .accounts
            .keys()
            .any(|name| name.as_str() == account)
    {
        let message = format!("the project has no account `{account}`");
        return Err(Failure::usage("bad_filter", message));
    }
    let from = args
        .since
        .as_deref()
        .map(|text| moment(text, zone, Side::From));
    let to = args
        .until
        .as_deref()
        .map(|text| moment(text, zone, Side::To));
    let (from, to) = (from.transpose()?, to.transpose()?);
    let opened = wiring::open_existing(&config, &args.store.store).await?;
    let now = opened.engine.now();
    let wanted = Comparison {
        filter: LinkFilter {
            account: args.account.as_deref().map(AccountName::from),
            created: Window {
                from: Some(from.unwrap_or(now - TimeDelta::days(DAYS))),
                to,
            },
            ..LinkFilter::default()
        },
        settle: args.settle,
        pause: Some(PAUSE),
    };
    let report = opened.engine.compare_links(&wanted).await;
    if args.settle && report.is_ok() {
        // What follows from it, such as a receipt, is done before the command ends.
        opened.engine.settle().await?;
    }
    opened.close().await?;
    let report = report?;
    if args.json {
        output::print_json("report", &report)?;
    } else {
        output::print(&text(&report))?;
    }
    Ok(if report.is_empty() {
        Exit::Done
    } else {
        Exit::TestsFailed
    })
}

/// Which end of the span a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    From,
    To,
}

/// A day or a moment; the last day belongs to the span.
fn moment(text: &str, zone: &Zone, side: Side) -> Outcome<Timestamp> {
    if let Ok(day) = parse_date(text) {
        return Ok(match side {
            Side::From => zone.start_of_day(day.date),
            Side::To => zone.end_of_date(day.date),
        });
    }
    parse_timestamp(text, zone).map_err(|error| Failure::usage("bad_filter", error.to_string()))
}

fn text(report: &DifferenceReport) -> String {
    let rows: Vec<Vec<String>> = report.differences.iter().map(row).collect();
    let mut text = String::new();
    if !rows.is_empty() {
        text = table::render(&["account", "link", "difference", "ours", "theirs"], &rows);
    }
    if report.more > 0 {
        text.push_str(&format!("and {} more\n", report.more));
    }
    text.push_str(&format!(
        "{} links read, {} on the providers' lists: {}\n",
        report.compared,
        report.listed,
        if report.is_empty() {
            "nothing differs".to_owned()
        } else {
            format!(
                "{} differences",
                report.differences.len().saturating_add(report.more)
            )
        }
    ));
    for it in &report.by_hand {
        let whose = if it.ours {
            "recorded by hand"
        } else {
            "only the provider has it"
        };
        let payment = &it.payment;
        text.push_str(&format!(
            "note: payment {} of {} for {}: {whose}\n",
            payment.transaction, payment.amount, it.link
        ));
    }
    if !report.silent.is_empty() {
        let links: Vec<&str> = report
            .silent
            .iter()
            .map(|link| link.as_str())
            .take(20)
            .collect();
        let more = report.silent.len().saturating_sub(links.len());
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        text.push_str(&format!(
            "note: the provider cannot say how these are: {}{more}\n",
            links.join(", ")
        ));
    }
    for account in &report.unlisted {
        text.push_str(&format!(
            "note: account {account}: the provider cannot list what it has\n"
        ));
    }
    text
}

fn row(difference: &Difference) -> Vec<String> {
    let none = String::new;
    let payment = |payment: &charkh::payment::PaymentFact| {
        format!("{} {}", payment.transaction, payment.amount)
    };
    let (what, ours, theirs) = match &difference.kind {
        DifferenceKind::UnknownLink {
            name,
            amount,
            status,
            ..
        } => {
            let amount = amount.map(|amount| amount.to_string()).unwrap_or_default();
            (
                "unknown link",
                none(),
                format!("{name} {amount} {}", status.name()),
            )
        }
        DifferenceKind::NotThere { ours } => ("not there", ours.name().to_owned(), none()),
        DifferenceKind::Amount { ours, theirs, .. } => {
            ("amount", ours.to_string(), theirs.to_string())
        }
        DifferenceKind::Status { ours, theirs } => {
            ("status", ours.name().to_owned(), theirs.name().to_owned())
        }
        DifferenceKind::NotRecorded { payment: it } => ("not recorded", none(), payment(it)),
        DifferenceKind::NotConfirmed { payment: it } => ("not confirmed", payment(it), none()),
        DifferenceKind::NotRead { code, message } => {
            ("not read", none(), format!("{code}: {message}"))
        }
        DifferenceKind::NotListed { code, message } => {
            ("not listed", none(), format!("{code}: {message}"))
        }
        DifferenceKind::NotCompared { links } => ("not compared", format!("{links} links"), none()),
        other => ("other", format!("{other:?}"), none()),
    };
    let link = difference.link.as_ref().map(ToString::to_string);
    vec![
        difference.account.to_string(),
        link.unwrap_or_default(),
        what.to_owned(),
        ours,
        theirs,
    ]
}
