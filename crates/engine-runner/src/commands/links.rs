//! `links`: payment links.

mod by_party;
mod change;
mod compare;
mod create;
mod filter;
mod import;
mod list;
mod one;
mod wish;

use std::path::PathBuf;

use charkh::engine::LinkRow;
use charkh::persistence::{Store, Table};
use clap::Subcommand;
use filter::FilterArgs;

use crate::config::Config;
use crate::exit::{Exit, Failure, Outcome};
use crate::rows::{self, Half};

/// List payment links, look at one, make one, or do something about one.
///
/// Without a word it lists.
///
/// Example: engine-runner links --store data --status created --json
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: Option<What>,
    /// The store folder.
    #[arg(long, value_name = "DIR", required = true)]
    store: Option<PathBuf>,
    #[command(flatten)]
    filter: FilterArgs,
    /// Print JSON: `{"v": 1, …}`.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    List(list::ListArgs),
    Show(one::ShowArgs),
    Create(Box<create::CreateArgs>),
    Renew(create::RenewArgs),
    Check(change::CheckArgs),
    Cancel(change::CancelArgs),
    Resend(change::ResendArgs),
    Export(list::ExportArgs),
    Import(import::ImportArgs),
    Compare(compare::CompareArgs),
}

pub(crate) async fn run(args: Args, config: Config) -> Outcome {
    match (args.what, args.store) {
        (Some(What::List(args)), _) => list::list(args, config).await,
        (Some(What::Show(args)), _) => one::show(args, config).await,
        (Some(What::Create(args)), _) => create::create(*args, config).await,
        (Some(What::Renew(args)), _) => create::renew(args, config).await,
        (Some(What::Check(args)), _) => change::check(args, config).await,
        (Some(What::Cancel(args)), _) => change::cancel(args, config).await,
        (Some(What::Resend(args)), _) => change::resend(args, config).await,
        (Some(What::Export(args)), _) => list::export(args, config).await,
        (Some(What::Import(args)), _) => import::import(args, config).await,
        (Some(What::Compare(args)), _) => compare::compare(args, config).await,
        (None, Some(store)) => {
            let list = list::ListArgs {
                store,
                filter: args.filter,
                json: args.json,
            };
            list::list(list, config).await
        }
        (None, None) => Err(Failure::usage("store_missing", "no store is named")),
    }
}

/// Every link of a store.
async fn all(store: &dyn Store) -> Outcome<Vec<LinkRow>> {
    rows::all(store, Table::Links, Half::Open).await
}

/// The link that a person means: by its id, or by an item with one link.
pub(super) async fn named(store: &dyn Store, name: &str) -> Outcome<LinkRow> {
    let mut links = all(store).await?;
    if let Some(exact) = links.iter().position(|link| link.id.as_str() == name) {
        return Ok(links.swap_remove(exact));
    }
    let of_item = |link: &LinkRow| link.item.to_string() == name;
    let mut found: Vec<LinkRow> = links.into_iter().filter(of_item).collect();
    match (found.pop(), found.as_slice()) {
        (Some(link), []) => Ok(link),
        (None, _) => {
            let message = format!("there is no link `{name}` in the store");
            Err(Failure::new(Exit::Nothing, "no_link", message)
                .help("`engine-runner links list` shows their ids"))
        }
        (Some(last), others) => {
            let ids: Vec<&str> = others
                .iter()
                .chain([&last])
                .map(|link| link.id.as_str())
                .collect();
            let message = format!("`{name}` may be each of {}", ids.join(", "));
            Err(Failure::usage("no_link", message).help("write the id of one"))
        }
    }
}
