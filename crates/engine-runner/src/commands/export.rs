//! `export`: everything in a store, as JSON lines.

use charkh::persistence::{Store, Table};
use serde::Serialize;
use serde_json::Value as Json;

use crate::commands::StoreArgs;
use crate::config::Config;
use crate::exit::{Exit, Failure, Outcome};
use crate::{output, rows, wiring};

/// Get everything out of a store, as JSON lines.
///
/// One line per row: `{"v": 1, "table": …, "key": …, "open": …, "personal": …}`, and one per entry of
/// every history: `{"v": 1, "history": …, "sequence": …, "hash": …, …}`. Erased halves are null.
///
/// Example: engine-runner export --store data > backup.jsonl
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    store: StoreArgs,
}

/// Entries of a history read at once.
const PAGE: usize = 1_000;

pub(crate) async fn run(args: Args, config: Config) -> Outcome {
    let opened = wiring::open_existing(&config, &args.store.store).await?;
    let store = opened.watched.as_ref();
    for table in Table::ALL {
        let mut after = None;
        while let Some(found) = rows::page(store, table, after.take()).await? {
            after = found.last().map(|(key, _)| key.clone());
            let mut text = String::new();
            for (key, row) in &found {
                text.push_str(&line(&RowLine {
                    v: 1,
                    table: table.name(),
                    key: written(key),
                    open: half(&row.open)?,
                    personal: half(&row.personal)?,
                })?);
            }
            output::print(&text)?;
            if table == Table::Instances {
                for (subject, _) in &found {
                    history(store, subject).await?;
                }
            }
        }
    }
    opened.close().await?;
    Ok(Exit::Done)
}

async fn history(store: &dyn Store, subject: &[u8]) -> Outcome<()> {
    let mut after = 0;
    loop {
        let entries = store.history(subject, after, PAGE).await?;
        let Some(last) = entries.last() else {
            return Ok(());
        };
        after = last.version;
        let mut text = String::new();
        for entry in &entries {
            text.push_str(&line(&HistoryLine {
                v: 1,
                history: written(subject),
                sequence: entry.sequence,
                version: entry.version,
                hash: entry
                    .hash
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect(),
                erased: entry.erased,
                open: half(&entry.row.open)?,
                personal: half(&entry.row.personal)?,
            })?);
        }
        output::print(&text)?;
    }
}

/// A row of a table.
#[derive(Serialize)]
struct RowLine {
    v: u32,
    table: &'static str,
    key: String,
    open: Json,
    personal: Json,
}

/// An entry of a history.
#[derive(Serialize)]
struct HistoryLine {
    v: u32,
    history: String,
    sequence: u64,
    version: u64,
    hash: String,
    erased: bool,
    open: Json,
    personal: Json,
}

fn line(row: &impl Serialize) -> Outcome<String> {
    let mut text = serde_json::to_string(row)
        .map_err(|error| Failure::new(Exit::Bug, "json", error.to_string()))?;
    text.push('\n');
    Ok(text)
}

/// A key as text; bytes that are no text as `\x..`.
fn written(key: &[u8]) -> String {
    match std::str::from_utf8(key) {
        Ok(text) if !text.contains(|c: char| c.is_control() || c == '\\') => text.to_owned(),
        _ => key.escape_ascii().to_string(),
    }
}

/// A half of a row: the JSON it is, or the text of what is not JSON, such as a hash.
fn half(bytes: &[u8]) -> Outcome<Json> {
    if bytes.is_empty() {
        return Ok(Json::Null);
    }
    if let Ok(json) = serde_json::from_slice(bytes) {
        return Ok(json);
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Failure::new(Exit::Bug, "record", error.to_string()))?;
    Ok(Json::String(text.to_owned()))
}
