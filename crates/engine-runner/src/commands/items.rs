//! `items`: where the items of a store are.

use std::collections::BTreeMap;

use charkh::Engine;
use charkh::scenario::Story;
use charkh::state_machine::{End, Instance};
use charkh::values::{Calendar, ItemRef, Locale, Zone, format_duration};
use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::commands::{ListArgs, StoreArgs};
use crate::config::Config;
use crate::exit::{Exit, Outcome};
use crate::{output, table, wiring};

/// List the items of a store.
///
/// Example: engine-runner items --store data --state await_payment
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    list: ListArgs,
    /// Only items in this state.
    #[arg(long)]
    state: Option<String>,
}

pub(crate) async fn run(args: Args, config: Config) -> Outcome {
    let opened = wiring::open_existing(&config, &args.store.store).await?;
    let mut found = instances(&opened.engine, &[]).await?;
    opened.close().await?;
    found.retain(|instance| {
        args.state
            .as_ref()
            .is_none_or(|state| *state == instance.state)
    });
    if args.list.json {
        print_json(&found)?;
        return Ok(Exit::Done);
    }
    let zone = &config.project.zone;
    let rows: Vec<Vec<String>> = found
        .iter()
        .map(|instance| {
            vec![
                instance.item.to_string(),
                instance.state.clone(),
                zone.local_time_text(instance.entered_at, Calendar::Jalali, Locale::En),
                remark(instance),
            ]
        })
        .collect();
    output::print(&table::render(&["item", "state", "since", "remark"], &rows))?;
    Ok(Exit::Done)
}

/// Named items as they stand, or all of the store.
pub(super) async fn instances(engine: &Engine, named: &[ItemRef]) -> Outcome<Vec<Instance>> {
    let mut found = Vec::new();
    for item in named {
        found.extend(engine.instance(item).await?);
    }
    if !named.is_empty() {
        return Ok(found);
    }
    loop {
        let after = found
            .last()
            .map(|last: &Instance| last.item.as_ref().clone());
        let page = engine.instances(after.as_ref()).await?;
        if page.is_empty() {
            return Ok(found);
        }
        found.extend(page);
    }
}

/// What is special about an item.
fn remark(instance: &Instance) -> String {
    if let Some(incident) = &instance.incident {
        return format!("incident {}: {}", incident.code, incident.message);
    }
    if let Some(held) = &instance.held {
        return format!("held by {}: {}", held.by, held.reason);
    }
    if let Some(ended) = &instance.ended {
        return format!("ended: {}", outcome(ended.outcome));
    }
    if instance.activity.as_ref().is_some_and(|open| open.parked) {
        return "parked: nobody knows how it ended".to_owned();
    }
    instance
        .task
        .as_ref()
        .map(|task| format!("with {}", task.assigned))
        .unwrap_or_default()
}

fn outcome(end: End) -> &'static str {
    match end {
        End::Success => "success",
        End::Failed => "failed",
        End::Cancelled => "cancelled",
    }
}

/// An item in a list for programs.
#[derive(Debug, Serialize)]
struct ItemRow<'a> {
    item: String,
    state: &'a str,
    since: charkh::values::Timestamp,
    revision: u64,
    workflow: &'a str,
    ended: Option<&'static str>,
    incident: Option<&'a str>,
    parked: bool,
    fields: &'a charkh::values::Fields,
}

pub(super) fn print_json(instances: &[Instance]) -> Outcome<()> {
    let rows: Vec<ItemRow<'_>> = instances
        .iter()
        .map(|instance| ItemRow {
            item: instance.item.to_string(),
            state: &instance.state,
            since: instance.entered_at,
            revision: instance.revision,
            workflow: instance.definition.as_str(),
            ended: instance.ended.map(|ended| outcome(ended.outcome)),
            incident: instance
                .incident
                .as_ref()
                .map(|incident| incident.code.as_str()),
            parked: instance.activity.as_ref().is_some_and(|open| open.parked),
            fields: &instance.fields,
        })
        .collect();
    output::print_json("items", rows)
}

/// Many items in few lines: how many are where.
pub(super) fn summary(instances: &[Instance]) -> String {
    let mut counts: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for instance in instances {
        let remark = match (&instance.ended, &instance.incident) {
            (Some(ended), _) => format!("ended: {}", outcome(ended.outcome)),
            (None, Some(incident)) => format!("incident {}", incident.code),
            (None, None) => "open".to_owned(),
        };
        *counts.entry((&instance.state, remark)).or_default() += 1;
    }
    let rows: Vec<Vec<String>> = counts
        .into_iter()
        .map(|((state, remark), count)| vec![count.to_string(), state.to_owned(), remark])
        .collect();
    table::render(&["items", "state", "remark"], &rows)
}

/// An item's story, with where it stands now as its last line.
pub(super) fn told(instance: &Instance, story: &Story, zone: &Zone) -> String {
    let mut text = format!("{}", instance.item.bold());
    for name in ["number", "title"] {
        if let Some(value) = instance.fields.get(name) {
            text.push_str(&format!(" · {value}"));
        }
    }
    text.push('\n');
    for line in story.render(zone) {
        text.push_str(&format!("  {line}\n"));
    }
    let spent = |until: charkh::values::Timestamp| format_duration(until - instance.started_at);
    let last = match (&instance.ended, remark(instance)) {
        (Some(ended), _) => {
            let word = format!("ended in {} ({})", instance.state, outcome(ended.outcome));
            format!("{} after {}", word.bold(), spent(ended.at))
        }
        (None, remark) => {
            let word = format!("is in {}", instance.state);
            format!(
                "{}{}{remark}",
                word.bold(),
                if remark.is_empty() { "" } else { ", " }
            )
        }
    };
    text.push_str(&format!("  {last}\n"));
    text
}
