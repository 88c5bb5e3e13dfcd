//! `timers`: what is due, and when.

use charkh::values::{Calendar, Locale};

use crate::commands::{ListArgs, StoreArgs};
use crate::config::Config;
use crate::exit::{Exit, Outcome};
use crate::{output, table, wiring};

/// List what is due, and when, the next first.
///
/// Example: engine-runner timers --store data
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    list: ListArgs,
}

pub(crate) async fn run(args: Args, config: Config) -> Outcome {
    let opened = wiring::open_existing(&config, &args.store.store).await?;
    let timers = opened.engine.timers().await?;
    opened.close().await?;
    if args.list.json {
        output::print_json("timers", timers)?;
        return Ok(Exit::Done);
    }
    let zone = &config.project.zone;
    let rows: Vec<Vec<String>> = timers
        .into_iter()
        .map(|timer| {
            let due = zone.local_time_text(timer.due, Calendar::Jalali, Locale::En);
            vec![due, timer.item.to_string(), timer.what]
        })
        .collect();
    output::print(&table::render(&["due", "item", "what"], &rows))?;
    Ok(Exit::Done)
}
