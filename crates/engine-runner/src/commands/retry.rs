//! `retry`: an administrator tries again what is in incident.

use charkh::Input;
use charkh::values::{ItemRef, UserId};

use crate::commands::{StoreArgs, item, submit};
use crate::config::Config;
use crate::exit::{Exit, Outcome};
use crate::wiring;

/// Try again what is in incident.
///
/// An item is in incident when its workflow could not go on: a condition failed, or nobody knows how an
/// activity ended. Mend the cause first; the same input is applied again, with the same references.
///
/// Example: engine-runner retry invoice/17 --as reza --reason "the gateway says: not created" --store data
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The item, as `invoice/17`.
    #[arg(value_parser = item)]
    item: ItemRef,
    /// Who does it.
    #[arg(long = "as", value_name = "USER")]
    actor: String,
    /// Why; it is kept in the history.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    store: StoreArgs,
}

pub(crate) async fn run(args: Args, config: Config) -> Outcome {
    let opened = wiring::open_existing(&config, &args.store.store).await?;
    let input = Input::retry(args.item, UserId::new(args.actor), &args.reason);
    let done = submit(&opened.engine, input).await;
    opened.close().await?;
    done.map(|()| Exit::Done)
}
