//! `history`: what happened to an item.

use charkh::scenario::story;
use charkh::values::ItemRef;

use crate::commands::{ListArgs, StoreArgs, item, items};
use crate::config::Config;
use crate::exit::{Exit, Failure, Outcome};
use crate::{output, wiring};

/// Tell what happened to an item.
///
/// Example: engine-runner history invoice/17 --store data
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The item, as `invoice/17`.
    #[arg(value_parser = item)]
    item: ItemRef,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    list: ListArgs,
}

pub(crate) async fn run(args: Args, config: Config) -> Outcome {
    let opened = wiring::open_existing(&config, &args.store.store).await?;
    let engine = &opened.engine;
    let Some(instance) = engine.instance(&args.item).await? else {
        let message = format!("{} is not in the store", args.item);
        return Err(Failure::new(Exit::Nothing, "not_started", message));
    };
    if args.list.json {
        output::print_json("history", engine.history(&args.item).await?)?;
    } else {
        let story = story(engine, &args.item).await?;
        output::print(&items::told(&instance, &story, &config.project.zone))?;
    }
    opened.close().await?;
    Ok(Exit::Done)
}
