//! `event`: a named event comes.

use charkh::Input;
use charkh::values::{InputId, ItemRef};

use crate::commands::{StoreArgs, fields, item, submit};
use crate::config::Config;
use crate::exit::{Exit, Failure, Outcome};
use crate::wiring;

/// Tell an item about an event.
///
/// Example: engine-runner event order/7 shipped --set parcel=P-7 --store data
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The item, as `order/7`.
    #[arg(value_parser = item)]
    item: ItemRef,
    /// The event.
    name: String,
    /// What it carries; may be repeated.
    #[arg(long, value_name = "FIELD=VALUE")]
    set: Vec<String>,
    /// Your own id for this input: repeating it does nothing again.
    #[arg(long)]
    id: Option<String>,
    #[command(flatten)]
    store: StoreArgs,
}

pub(crate) async fn run(args: Args, config: Config) -> Outcome {
    let opened = wiring::open_existing(&config, &args.store.store).await?;
    let Some(instance) = opened.engine.instance(&args.item).await? else {
        let message = format!("{} is not in the store", args.item);
        return Err(Failure::new(Exit::Nothing, "not_started", message));
    };
    let definition = opened.engine.definition_of(&instance).await?;
    let payload = definition
        .model()
        .events
        .get(&args.name)
        .map(|event| event.payload.clone());
    let payload = payload.unwrap_or_default();
    let payload = fields(&args.set, |name| payload.get(name))?;
    let mut input = Input::event(args.item, &args.name, payload);
    input.id = args.id.map(InputId::new);
    let done = submit(&opened.engine, input).await;
    opened.close().await?;
    done.map(|()| Exit::Done)
}
