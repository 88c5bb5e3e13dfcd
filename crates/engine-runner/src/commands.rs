//! The commands, one file each.

pub(crate) mod act;
pub(crate) mod attention;
pub(crate) mod check;
pub(crate) mod event;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod graph;
pub(crate) mod history;
pub(crate) mod init;
pub(crate) mod items;
pub(crate) mod links;
pub(crate) mod listen;
pub(crate) mod messages;
pub(crate) mod retry;
pub(crate) mod run;
pub(crate) mod sandbox;
pub(crate) mod schema;
pub(crate) mod test;
pub(crate) mod timers;
pub(crate) mod verify;

use std::path::PathBuf;

use charkh::values::{FieldType, Fields, ItemRef, Value};
use charkh::{Engine, Input};

use crate::exit::{Failure, Outcome};
use crate::output;

/// The store that a command looks into.
#[derive(Debug, clap::Args)]
pub(crate) struct StoreArgs {
    /// The store folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) store: PathBuf,
}

/// How a list is printed.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Print JSON: `{"v": 1, …}`.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Reads `field=value` pairs, each by the type that the field has.
pub(crate) fn fields<'a>(
    pairs: &[String],
    kind: impl Fn(&str) -> Option<&'a FieldType>,
) -> Outcome<Fields> {
    let mut fields = Fields::new();
    for pair in pairs {
        let Some((name, typed)) = pair.split_once('=') else {
            let message = format!("`{pair}` is not of the form field=value");
            return Err(Failure::usage("bad_set", message));
        };
        let Some(kind) = kind(name) else {
            let message = format!("there is no field `{name}`");
            return Err(Failure::usage("RN0104", message));
        };
        let value = Value::parse(typed, kind, None)
            .map_err(|error| Failure::usage("RN0105", format!("field `{name}`: {error}")))?;
        fields.insert(name.to_owned(), value);
    }
    Ok(fields)
}

/// Hands an input in, does what is due because of it, and tells where the item is.
pub(crate) async fn submit(engine: &Engine, input: Input) -> Outcome<()> {
    let item = input.item.clone();
    let reply = engine.submit(input).await?;
    if reply.repeated {
        output::complain("note: this input was applied before; nothing is done again\n");
    }
    if reply.declined {
        output::complain("note: the event is recorded, but no condition let it through\n");
    }
    engine.settle().await?;
    let Some(instance) = engine.instance(&item).await? else {
        return Ok(());
    };
    let mut text = format!("{item} is in {}", instance.state);
    if let Some(incident) = &instance.incident {
        text.push_str(&format!(": {} [{}]", incident.message, incident.code));
    }
    output::print(&format!("{text}\n"))
}

/// An item as the command line names it.
pub(crate) fn item(text: &str) -> Result<ItemRef, String> {
    text.parse()
        .map_err(|error: charkh::values::IdError| error.to_string())
}
