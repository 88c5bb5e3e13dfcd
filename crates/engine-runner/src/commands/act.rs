//! `act`: a person chooses an action.

use charkh::engine::Event;
use charkh::state_machine::{Action, Kind};
use charkh::values::{InputId, ItemRef, Locale, UserId};
use charkh::{Definition, Input};

use crate::commands::{StoreArgs, fields, item, submit};
use crate::config::Config;
use crate::exit::{Exit, Failure, Outcome};
use crate::wiring;

/// Choose an action of an item's task.
///
/// Whether the person may is decided as everywhere: by the task, the action's roles and its condition.
/// What is due because of it is done before the command ends.
///
/// Example: engine-runner act invoice/17 reject --as zahra --set reject_reason=تکراری --store data
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The item, as `invoice/17`.
    #[arg(value_parser = item)]
    item: ItemRef,
    /// The action.
    action: String,
    /// Who acts.
    #[arg(long = "as", value_name = "USER")]
    actor: String,
    /// A field to fill in; may be repeated.
    #[arg(long, value_name = "FIELD=VALUE")]
    set: Vec<String>,
    /// Answer the action's question with yes.
    #[arg(long)]
    yes: bool,
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
    let asked = action(&definition, &instance.state, &args.action).and_then(|action| {
        action
            .confirm
            .as_ref()
            .map(|question| question.get(Locale::En).to_owned())
    });
    let known = &definition.schema().item.fields;
    let event = Event::Action {
        name: args.action,
        actor: UserId::new(args.actor),
        fields: fields(&args.set, |name| known.get(name))?,
        confirmed: args.yes,
    };
    let mut input = Input::new(args.item, event);
    input.id = args.id.map(InputId::new);
    let done = submit(&opened.engine, input).await;
    opened.close().await?;
    match (done, asked) {
        (Ok(()), _) => Ok(Exit::Done),
        (Err(failure), Some(question)) if !args.yes => {
            Err(failure.help(format!("the action asks: {question} Add --yes to say yes")))
        }
        (Err(failure), _) => Err(failure),
    }
}

fn action<'a>(definition: &'a Definition, state: &str, name: &str) -> Option<&'a Action> {
    match &definition.state(state)?.kind {
        Kind::Task(task) => task.actions.iter().find(|action| action.name == name),
        _ => None,
    }
}
