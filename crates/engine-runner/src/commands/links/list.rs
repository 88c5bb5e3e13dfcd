//! Many links: for people, as JSON, as CSV.

use std::path::{Path, PathBuf};

use charkh::engine::LinkRow;
use charkh::values::{Calendar, Locale, Timestamp};
use clap::ValueEnum;
use serde::Serialize;

use super::filter::{FilterArgs, Sum, sums};
use crate::commands::StoreArgs;
use crate::config::Config;
use crate::exit::{Exit, Failure, Outcome};
use crate::{output, table, wiring};

/// List payment links, with a sum per currency.
///
/// Example: engine-runner links list --store data --status paid --paid 1405/06/01..1405/06/31
#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// The store folder.
    #[arg(long, value_name = "DIR")]
    pub(super) store: PathBuf,
    #[command(flatten)]
    pub(super) filter: FilterArgs,
    /// Print JSON: `{"v": 1, …}`.
    #[arg(long)]
    pub(super) json: bool,
}

/// Write payment links as CSV or JSON, for a spreadsheet or a program.
///
/// Example: engine-runner links export --store data --format csv > links.csv
#[derive(Debug, clap::Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    filter: FilterArgs,
    /// The form.
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Csv,
    Json,
}

pub(super) async fn list(args: ListArgs, config: Config) -> Outcome {
    let (links, sums) = found(&args.store, args.filter, &config).await?;
    if args.json {
        return json(&links, &sums);
    }
    let zone = &config.project.zone;
    let rows: Vec<Vec<String>> = links
        .iter()
        .map(|link| {
            vec![
                link.item.to_string(),
                link.status.name().to_owned(),
                link.amount.to_string(),
                zone.local_time_text(link.expires_at, Calendar::Jalali, Locale::En),
                link.id.to_string(),
                link.url.clone(),
            ]
        })
        .collect();
    let mut text = table::render(
        &["item", "status", "amount", "expires", "link", "url"],
        &rows,
    );
    for Sum { links, amount } in &sums {
        let word = if *links == 1 { "link" } else { "links" };
        text.push_str(&format!("{links} {word} over {amount}\n"));
    }
    output::print(&text)?;
    Ok(Exit::Done)
}

pub(super) async fn export(args: ExportArgs, config: Config) -> Outcome {
    let (links, sums) = found(&args.store.store, args.filter, &config).await?;
    match args.format {
        Format::Json => json(&links, &sums),
        Format::Csv => {
            output::print(&csv(&links)?)?;
            Ok(Exit::Done)
        }
    }
}

async fn found(
    store: &Path,
    filter: FilterArgs,
    config: &Config,
) -> Outcome<(Vec<LinkRow>, Vec<Sum>)> {
    let filter = filter.read(&config.project.zone)?;
    let opened = wiring::open_existing(config, store).await?;
    let links = super::all(opened.watched.as_ref()).await;
    opened.close().await?;
    let mut links = links?;
    links.retain(|link| filter.fits(link));
    let sums = sums(&links)?;
    Ok((links, sums))
}

/// A list with its sums, as a document.
#[derive(Debug, Serialize)]
struct Document<'a> {
    v: u32,
    links: &'a [LinkRow],
    sums: &'a [Sum],
}

fn json(links: &[LinkRow], sums: &[Sum]) -> Outcome {
    let document = Document { v: 1, links, sums };
    let text = serde_json::to_string_pretty(&document)
        .map_err(|error| Failure::new(Exit::Bug, "json", error.to_string()))?;
    output::print(&format!("{text}\n"))?;
    Ok(Exit::Done)
}

const COLUMNS: [&str; 14] = [
    "link",
    "item",
    "party",
    "account",
    "gateway",
    "status",
    "amount",
    "currency",
    "created_at",
    "expires_at",
    "paid_at",
    "tracking_no",
    "description",
    "url",
];

fn csv(links: &[LinkRow]) -> Outcome<String> {
    let failed = |error: csv::Error| Failure::new(Exit::Bug, "csv", error.to_string());
    let moment = |at: Timestamp| at.to_rfc3339();
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS).map_err(failed)?;
    for link in links {
        let party = link.party.as_ref().map(ToString::to_string);
        writer
            .write_record([
                harmless(link.id.to_string()),
                harmless(link.item.to_string()),
                harmless(party.unwrap_or_default()),
                harmless(link.account.to_string()),
                link.gateway.clone(),
                link.status.name().to_owned(),
                link.amount.amount().to_string(),
                link.amount.currency().code().to_owned(),
                moment(link.created_at),
                moment(link.expires_at),
                link.paid_at.map(moment).unwrap_or_default(),
                harmless(link.tracking_no.clone().unwrap_or_default()),
                harmless(link.description.clone()),
                harmless(link.url.clone()),
            ])
            .map_err(failed)?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|error| Failure::new(Exit::Bug, "csv", error.to_string()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A text that no spreadsheet takes for a formula.
fn harmless(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn a_text_is_never_a_formula() {
        for text in ["=1+1", "+98", "-2", "@x"] {
            assert_eq!(harmless(text.to_owned()), format!("'{text}"));
        }
        assert_eq!(harmless("فاکتور ۱".to_owned()), "فاکتور ۱");
    }
}
