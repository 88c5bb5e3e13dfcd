//! `explain`: what a code means and what an activity does, offline.

use crate::codes;
use crate::exit::{Exit, Failure, Outcome};
use crate::output;

/// Say more about a code or an activity.
///
/// Every error and warning has a code; here is what it means, why it is one, and how to mend it.
/// An activity's page has its settings, outcomes and codes. Without a word, all of them are listed.
///
/// Example: engine-runner explain create_payment_link
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The code, as `WF0201` or `store_locked`, or the activity.
    code: Option<String>,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let Some(code) = &args.code else {
        for page in codes::all() {
            output::print(&format!("{}  {}\n", page.code, page.title))?;
        }
        return Ok(Exit::Done);
    };
    let wanted = code.trim();
    let found = codes::all()
        .into_iter()
        .find(|page| page.code.eq_ignore_ascii_case(wanted));
    match found {
        Some(page) => {
            output::print(&format!("{}\n", page.text.trim_end()))?;
            Ok(Exit::Done)
        }
        None => {
            let failure = Failure::usage(
                "unknown_code",
                format!("there is no code or activity `{wanted}`"),
            );
            let known = codes::all();
            let nearest = charkh::workflow_file::diagnostic::nearest(
                wanted,
                known.iter().map(|page| page.code),
            );
            Err(match nearest {
                Some(meant) => failure.help(format!("did you mean `{meant}`?")),
                None => failure.help("`engine-runner explain` lists them all"),
            })
        }
    }
}
