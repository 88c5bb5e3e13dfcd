//! Links that belong to a party and to no item: each is an item of a small workflow of its own.

use charkh::engine::Error;
use charkh::values::{Fields, InputId, ItemRef, PartyId, UserId, check_id};
use charkh::workflow_file::{Loaded, load};
use charkh::{Catalog, Input, MemoryItem, SourceFile};

use crate::config::Config;
use crate::exit::{Exit, Failure, Outcome};
use crate::loading;
use crate::wiring::Opened;

/// The workflow, and the entity of its items.
const WORKFLOW: &str = "payment_link";

/// What waits for the payment.
const TEXT: &str = include_str!("../../payment_link.yaml");

/// Refuses a party or a person that nobody knows, before anything is opened.
pub(super) fn check(config: &Config, party: &str, by: &str) -> Outcome<()> {
    let mut people = config.project.people.iter();
    if !people.any(|known| known.id.as_str() == by) {
        return Err(Error::NoUser(UserId::from(by)).into());
    }
    let mut parties = config.project.parties.iter();
    if parties.any(|known| known.party.id.as_str() == party) {
        return Ok(());
    }
    let message = format!("the project has no party `{party}`");
    Err(Failure::new(Exit::Nothing, "no_party", message)
        .help("`parties` of the project file lists them"))
}

/// Starts an item for the link; one with the caller's id is there already when the wish is repeated.
pub(super) async fn start(
    opened: &Opened,
    config: &Config,
    party: &str,
    id: Option<&str>,
) -> Outcome<ItemRef> {
    let loaded = workflow(config)?;
    let engine = &opened.engine;
    engine.deploy(loaded.definition).await?;
    let item = match id {
        Some(id) => named(id)?,
        None => next(opened).await?,
    };
    let party = PartyId::from(party);
    let record = MemoryItem {
        party: Some(party.clone()),
        ..MemoryItem::default()
    };
    opened.crm.add(vec![(item.clone(), record)]).await?;
    let mut input = Input::start_with(item.clone(), Fields::new(), Some(party));
    input.workflow = Some(WORKFLOW.to_owned());
    input.id = Some(InputId::from("start"));
    engine.submit(input).await?;
    Ok(item)
}

/// Ends the item of a link that could not be made, unless it has one.
pub(super) async fn withdraw(opened: &Opened, item: &ItemRef) -> Outcome<()> {
    let instance = opened.engine.instance(item).await?;
    if instance.is_none_or(|instance| instance.ended.is_some() || !instance.links.is_empty()) {
        return Ok(());
    }
    let input = Input::event(item.clone(), "withdrawn", Fields::new());
    opened.engine.submit(input).await?;
    Ok(())
}

fn workflow(config: &Config) -> Outcome<Loaded> {
    let source = SourceFile::new("payment_link.yaml", TEXT.as_bytes().to_vec());
    load(&source, &Catalog::builtin(), config.declared())
        .map_err(|diagnostics| loading::refused(&source, &diagnostics))
}

fn named(id: &str) -> Outcome<ItemRef> {
    check_id(id)
        .and_then(|()| ItemRef::new(WORKFLOW, id))
        .map_err(|error| Failure::usage("bad_id", error.to_string()))
}

/// An item that is not there yet: the number after the greatest.
async fn next(opened: &Opened) -> Outcome<ItemRef> {
    let mut greatest = 0_u64;
    // The first text that an id can start with stands before every id.
    let mut after = named("!")?;
    loop {
        let instances = opened.engine.instances(Some(&after)).await?;
        let own = instances.iter().map(|instance| instance.item.as_ref());
        let own: Vec<&ItemRef> = own.take_while(|item| item.entity() == WORKFLOW).collect();
        let numbers = own.iter().filter_map(|item| item.id().parse().ok());
        greatest = numbers.fold(greatest, u64::max);
        match own.last() {
            Some(last) => after = (*last).clone(),
            None => return named(&greatest.saturating_add(1).to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use charkh::workflow_file::load;
    use charkh::{Catalog, SourceFile};

    use super::{TEXT, WORKFLOW};

    #[test]
    fn the_workflow_is_one_that_the_loader_takes_without_a_word() {
        let source = SourceFile::new("payment_link.yaml", TEXT.as_bytes().to_vec());
        let loaded = load(&source, &Catalog::builtin(), None).unwrap();
        assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
        assert_eq!(loaded.model.workflow, WORKFLOW);
        assert_eq!(loaded.model.entity, WORKFLOW);
        let labels = loaded.model.states.iter().map(|state| state.label.as_ref());
        for label in labels.chain([Some(&loaded.model.label)]) {
            let text = serde_json::to_value(label.unwrap()).unwrap();
            for language in ["en", "fa", "ru"] {
                assert!(text.get(language).is_some(), "{text}");
            }
        }
    }
}
