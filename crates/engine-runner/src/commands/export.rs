//! `export`: everything in a store, as JSON lines.

use std::io::ErrorKind as IoKind;

use charkh::persistence::{self, ErrorKind};

use crate::commands::StoreArgs;
use crate::exit::{Exit, Failure, Outcome};
use crate::wiring;

/// Get everything out of a store, as JSON lines.
///
/// One object a line, `kind` first: `store`, then every `commit` and `erasure` in order, then every `row`
/// that stands after them, then `end`. Only the journal is read, so this works on a damaged store too:
/// what cannot be read is a `gap`, and the command ends with 5.
///
/// Example: engine-runner export --store data > backup.jsonl
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    store: StoreArgs,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let folder = wiring::journal_of(&args.store.store)?;
    match persistence::export(&folder, &mut std::io::stdout().lock()) {
        Ok(report) if report.is_whole() => Ok(Exit::Done),
        Ok(report) => {
            let message = format!("{} gaps: what stood there is lost or damaged", report.gaps);
            Err(Failure::new(Exit::Failed, "store_damaged", message)
                .help("everything that could be read is in the export"))
        }
        // A reader who hangs up has read enough.
        Err(error) if error.kind() == &ErrorKind::Io(IoKind::BrokenPipe) => Ok(Exit::Done),
        Err(error) => Err(error.into()),
    }
}
