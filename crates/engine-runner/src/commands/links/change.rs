//! What a person does about one link.

use charkh::engine::LinkRow;
use charkh::values::UserId;

use crate::commands::StoreArgs;
use crate::config::Config;
use crate::exit::{Exit, Outcome};
use crate::{output, wiring};

/// A link and who does something about it.
#[derive(Debug, clap::Args)]
struct Act {
    /// The link: its id, or an item with one link.
    link: String,
    /// Who does it; it stands in the item's history.
    #[arg(long = "as", value_name = "USER")]
    actor: String,
    #[command(flatten)]
    store: StoreArgs,
    /// Print JSON: `{"v": 1, …}`.
    #[arg(long)]
    json: bool,
}

/// Ask the provider about a link now, and settle what it says.
///
/// Example: engine-runner links check invoice/INV-1042 --as ali --store data
#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    act: Act,
}

/// Close a link at its provider.
///
/// Example: engine-runner links cancel invoice/INV-1042 --as ali --store data
#[derive(Debug, clap::Args)]
pub(super) struct CancelArgs {
    #[command(flatten)]
    act: Act,
}

/// Tell the payer again, within the provider's limits.
///
/// Example: engine-runner links resend invoice/INV-1042 --as ali --store data
#[derive(Debug, clap::Args)]
pub(super) struct ResendArgs {
    #[command(flatten)]
    act: Act,
}

/// What is done.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Check,
    Cancel,
    Resend,
}

pub(super) async fn check(args: CheckArgs, config: Config) -> Outcome {
    done(Deed::Check, args.act, config).await
}

pub(super) async fn cancel(args: CancelArgs, config: Config) -> Outcome {
    done(Deed::Cancel, args.act, config).await
}

pub(super) async fn resend(args: ResendArgs, config: Config) -> Outcome {
    done(Deed::Resend, args.act, config).await
}

async fn done(deed: Deed, act: Act, config: Config) -> Outcome {
    let opened = wiring::open_existing(&config, &act.store.store).await?;
    let link = link(deed, &act, &opened).await;
    opened.close().await?;
    let link = link?;
    if act.json {
        output::print_json("link", &link)?;
    } else {
        let status = link.status.name();
        output::print(&format!("{} of {} is {status}\n", link.id, link.item))?;
    }
    Ok(Exit::Done)
}

async fn link(deed: Deed, act: &Act, opened: &wiring::Opened) -> Outcome<LinkRow> {
    let id = super::named(opened.watched.as_ref(), &act.link).await?.id;
    let by = UserId::new(act.actor.clone());
    let engine = &opened.engine;
    let link = match deed {
        Deed::Check => engine.check_link(&id, &by).await?,
        Deed::Cancel => engine.cancel_link(&id, &by).await?,
        Deed::Resend => engine.resend_link(&id, &by).await?,
    };
    // What follows from it, such as a message, is done before the command ends.
    engine.settle().await?;
    Ok(link)
}
