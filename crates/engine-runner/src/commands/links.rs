//! `links`: payment links.

use charkh::engine::LinkRow;
use charkh::persistence::Table;
use charkh::values::{Calendar, Locale};

use crate::commands::{ListArgs, StoreArgs};
use crate::config::Config;
use crate::exit::{Exit, Outcome};
use crate::rows::{self, Half};
use crate::{output, table, wiring};

/// List payment links.
///
/// Example: engine-runner links --store data --json
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    list: ListArgs,
}

pub(crate) async fn run(args: Args, config: Config) -> Outcome {
    let opened = wiring::open_existing(&config, &args.store.store).await?;
    let store = opened.watched.as_ref();
    let links: Vec<LinkRow> = rows::all(store, Table::Links, Half::Open).await?;
    opened.close().await?;
    if args.list.json {
        output::print_json("links", links)?;
        return Ok(Exit::Done);
    }
    let zone = &config.project.zone;
    let rows: Vec<Vec<String>> = links
        .into_iter()
        .map(|link| {
            vec![
                link.item.to_string(),
                link.status.name().to_owned(),
                link.amount.to_string(),
                zone.local_time_text(link.expires_at, Calendar::Jalali, Locale::En),
                link.url,
            ]
        })
        .collect();
    output::print(&table::render(
        &["item", "status", "amount", "expires", "url"],
        &rows,
    ))?;
    Ok(Exit::Done)
}
