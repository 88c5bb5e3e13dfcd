//! `verify`: is a store whole.

use std::collections::BTreeSet;
use std::path::Path;

use charkh::payment::gateways::sandbox::read_ledger;
use charkh::persistence::{Store as _, VerifyReport};

use crate::commands::{ListArgs, StoreArgs, items};
use crate::config::Config;
use crate::exit::{Exit, Failure, Outcome};
use crate::lines::LineFile;
use crate::outbox::Line;
use crate::output;
use crate::wiring::{self, LEDGER, MESSAGES, Opened};

/// Check that a store is whole.
///
/// Reads the journal back against its checksums and hash chain, the index against the journal, plays
/// every item's history again, and counts live links and messages. Ends with 5 where something is wrong.
///
/// Example: engine-runner verify --store data
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    list: ListArgs,
}

pub(crate) async fn run(args: Args, config: Config) -> Outcome {
    let opened = wiring::open_existing(&config, &args.store.store).await?;
    let report = opened.watched.verify().await?;
    let replays = replay(&opened).await?;
    opened.close().await?;
    let folder = &args.store.store;
    let (links, twice_live) = ledger(&folder.join(LEDGER))?;
    let (messages, repeated) = messages(&folder.join(MESSAGES))?;
    let whole = replays.differing.is_empty() && twice_live.is_empty() && repeated.is_empty();
    if args.list.json {
        output::print_json(
            "verify",
            serde_json::json!({
                "whole": whole,
                "commits": report.records,
                "segments": report.segments,
                "rows": report.rows,
                "erased": report.erased,
                "sequence": report.sequence,
                "hash": hash(&report),
                "replayed": replays.same,
                "differing": replays.differing,
                "links": links,
                "twice_live": twice_live,
                "messages": messages,
                "repeated": repeated,
            }),
        )?;
    } else {
        output::print(&format!(
            "journal   {} commits in {} files, {} rows, chain {}\n\
             items     {} come out of their histories as they are stored, {} with erased parts\n\
             links     {links} at the sandbox, none live twice: {}\n\
             messages  {messages} sent, none twice: {}\n",
            report.records,
            report.segments,
            report.rows,
            hash(&report),
            replays.same,
            replays.erased,
            yes(&twice_live),
            yes(&repeated),
        ))?;
    }
    if whole {
        return Ok(Exit::Done);
    }
    let wrong: Vec<String> = [replays.differing, twice_live, repeated]
        .concat()
        .into_iter()
        .take(10)
        .collect();
    let message = format!("the store is not as it should be: {}", wrong.join(", "));
    Err(Failure::new(Exit::Failed, "store_differs", message))
}

fn yes(wrong: &[String]) -> &'static str {
    if wrong.is_empty() { "yes" } else { "NO" }
}

/// The first bytes of the chain, which name its state well enough for people.
fn hash(report: &VerifyReport) -> String {
    report
        .hash
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[derive(Default)]
struct Replays {
    same: usize,
    erased: usize,
    differing: Vec<String>,
}

async fn replay(opened: &Opened) -> Outcome<Replays> {
    let mut replays = Replays::default();
    for instance in items::instances(&opened.engine, &[]).await? {
        let replay = opened.engine.replay(&instance.item).await?;
        if replay.same {
            replays.same += 1;
        } else if replay.erased {
            replays.erased += 1;
        } else {
            replays.differing.push(instance.item.to_string());
        }
    }
    Ok(replays)
}

/// How many links the sandbox has, and references with two live ones at once.
fn ledger(path: &Path) -> Outcome<(usize, Vec<String>)> {
    if !path.exists() {
        return Ok((0, Vec::new()));
    }
    let audit = read_ledger(path)
        .map_err(|error| Failure::new(Exit::Failed, "ledger", error.to_string()))?;
    let twice = audit.twice_live().into_iter().map(str::to_owned).collect();
    Ok((audit.links.len(), twice))
}

/// How many messages were sent, and keys that were sent twice.
fn messages(path: &Path) -> Outcome<(usize, Vec<String>)> {
    if !path.exists() {
        return Ok((0, Vec::new()));
    }
    let lines = LineFile::read::<Line>(path)?;
    let mut seen = BTreeSet::new();
    let count = lines.len();
    let repeated = lines
        .into_iter()
        .map(|line| line.key)
        .filter(|key| !seen.insert(key.clone()));
    Ok((count, repeated.collect()))
}
