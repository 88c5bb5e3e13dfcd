//! `messages`: what was written to whom.

use charkh::engine::{MessageRow, MessageStatus};
use charkh::persistence::Table;

use crate::commands::{ListArgs, StoreArgs};
use crate::config::Config;
use crate::exit::{Exit, Outcome};
use crate::rows::{self, Half};
use crate::{output, table, wiring};

/// List messages. Erased ones are left out.
///
/// Example: engine-runner messages --store data
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
    let messages: Vec<MessageRow> = rows::all(store, Table::Messages, Half::Personal).await?;
    opened.close().await?;
    if args.list.json {
        output::print_json("messages", messages)?;
        return Ok(Exit::Done);
    }
    let rows: Vec<Vec<String>> = messages
        .into_iter()
        .map(|message| {
            vec![
                message.item.to_string(),
                message.to.medium().name().to_owned(),
                message.to.as_text(),
                status(message.status).to_owned(),
                message.body.lines().next().unwrap_or_default().to_owned(),
            ]
        })
        .collect();
    output::print(&table::render(
        &["item", "medium", "to", "status", "text"],
        &rows,
    ))?;
    Ok(Exit::Done)
}

/// The word for how far a message has come.
pub(super) fn status(status: MessageStatus) -> &'static str {
    match status {
        MessageStatus::Queued => "queued",
        MessageStatus::Sent => "sent",
        MessageStatus::Failed => "failed",
    }
}
