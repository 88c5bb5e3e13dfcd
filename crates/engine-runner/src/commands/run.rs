//! `run`: items through a workflow.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use charkh::engine::SystemClock;
use charkh::scenario::story;
use charkh::values::{Calendar, ItemRef, Locale, Timestamp, Zone, parse_timestamp};
use charkh::workflow_file::Loaded;
use charkh::{Clock, MemoryItem};
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::commands::items;
use crate::config::Config;
use crate::exit::{Exit, Failure, Outcome};
use crate::item_file::{self, NewItem};
use crate::play_file::{self, Play};
use crate::player::{Player, Run, Watch};
use crate::wiring::{self, Opened, Time};
use crate::{loading, output};

/// Run items through a workflow.
///
/// Items come from a JSON, YAML or CSV file; people's actions from a play. With a store folder, a run
/// that was killed goes on where it was: items start once, people act once, links are made once.
/// Without one, everything is in memory. A real clock waits; a virtual one jumps over waits, and starts
/// where the play says.
///
/// Example: engine-runner run workflows/invoice.yaml --items examples/invoice.json
///   --play examples/invoice.play.yaml --clock virtual --store data
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// The workflow.
    workflow: PathBuf,
    /// The items: .json, .yaml or .csv.
    #[arg(long, value_name = "FILE")]
    items: Option<PathBuf>,
    /// What people do.
    #[arg(long, value_name = "FILE")]
    play: Option<PathBuf>,
    /// The store folder; it is made where it is missing.
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Which time the run lives in.
    #[arg(long, value_enum, default_value_t = ClockKind::Real)]
    clock: ClockKind,
    /// Where a virtual clock starts, as `1405/06/01 09:00`; the play's where nothing is said.
    #[arg(long, value_name = "MOMENT")]
    at: Option<String>,
    /// Print the items as JSON instead of their stories: `{"v": 1, …}`.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ClockKind {
    Real,
    Virtual,
}

/// So many items have their story told; more get a line each in a summary.
const STORIES_MAX: usize = 5;

pub(crate) async fn run(args: Args, config: Config) -> Outcome {
    let loaded = loading::workflow(&args.workflow, &config)?;
    let items = match &args.items {
        Some(file) => item_file::read(file, &loaded, &config.project)?,
        None => Vec::new(),
    };
    let play = match &args.play {
        Some(file) => play_file::read(file, &loaded, &config.project)?,
        None => Play::default(),
    };
    let stored = args.store.as_deref().is_some_and(wiring::is_store);
    if items.is_empty() && !stored {
        return Err(
            Failure::new(Exit::Nothing, "no_items", "there are no items to run")
                .help("name a file of items with --items, or a store with --store"),
        );
    }
    let time = time(&args, &play, &config)?;
    let opened = wiring::open(&config, args.store.as_deref(), time).await?;
    let run = play_all(&opened, &config, (&loaded, &items, play), &args).await;
    let told = match &run {
        Ok(run) => tell(&opened, &config, (&items, run), args.json).await,
        Err(_) => Ok(()),
    };
    opened.close().await?;
    let run = run?;
    told?;
    Ok(if run.interrupted {
        Exit::Interrupted
    } else {
        Exit::Done
    })
}

fn time(args: &Args, play: &Play, config: &Config) -> Outcome<Time> {
    let at = match &args.at {
        Some(text) => Some(
            parse_timestamp(text, &config.project.zone)
                .map_err(|error| Failure::usage("RN0204", error.to_string()))?,
        ),
        None => None,
    };
    match args.clock {
        ClockKind::Real if at.is_some() => Err(Failure::usage(
            "at_needs_virtual",
            "--at sets a virtual clock",
        )
        .help("add `--clock virtual`")),
        ClockKind::Real => Ok(Time::Real),
        ClockKind::Virtual => Ok(Time::Virtual(
            at.or(play.clock).unwrap_or_else(|| SystemClock.now()),
        )),
    }
}

async fn play_all(
    opened: &Opened,
    config: &Config,
    (loaded, items, play): (&Loaded, &[NewItem], Play),
    args: &Args,
) -> Outcome<Run> {
    opened.engine.deploy(loaded.definition.clone()).await?;
    opened
        .crm
        .add_party_fields(&config.project, &loaded.model)?;
    add_records(opened, items).await?;
    let mut player = Player::new(opened.engine.clone(), play);
    player.start(items, &loaded.model.workflow).await?;
    player.look_at_all().await?;
    let running = items.iter().filter(|item| item.runs).count();
    let progress = Progress::new(running, config.project.zone);
    let run = match &opened.clock {
        Some(clock) => player.run_virtual(opened, clock, &progress).await,
        None => player.run_real(opened, &progress).await,
    };
    progress.bar.finish_and_clear();
    let run = run?;
    notes(&run, args.store.as_deref());
    Ok(run)
}

/// What the CRM knows of the items, before anything starts.
async fn add_records(opened: &Opened, items: &[NewItem]) -> Outcome<()> {
    let records = items.iter().map(|item| {
        let record = MemoryItem {
            fields: item.fields.clone(),
            party: item.party.clone(),
            parent: item.parent.clone(),
            ..MemoryItem::default()
        };
        (item.reference.clone(), record)
    });
    opened.crm.add(records.collect()).await
}

/// What is worth knowing beside the result.
fn notes(run: &Run, store: Option<&Path>) {
    for refused in &run.refused {
        output::complain(&format!("note: {refused}\n"));
    }
    if run.cut_off {
        output::complain("note: ten years have passed on the virtual clock; the run ends here\n");
    }
    if run.interrupted {
        output::complain(match store {
            Some(_) => "stopped; the same command goes on where it was\n",
            None => "stopped; without --store nothing is kept\n",
        });
    }
}

/// A bar on a terminal, and nothing anywhere else.
struct Progress {
    bar: ProgressBar,
    zone: Zone,
    shown: AtomicUsize,
}

impl Progress {
    fn new(items: usize, zone: Zone) -> Progress {
        let bar = if output::is_watched() && items > STORIES_MAX {
            let length = u64::try_from(items).unwrap_or(u64::MAX);
            ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr())
        } else {
            ProgressBar::hidden()
        };
        let bar = match ProgressStyle::with_template("{bar:40} {pos}/{len} ended · {msg}") {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        };
        Progress {
            bar,
            zone,
            shown: AtomicUsize::new(0),
        }
    }
}

impl Watch for Progress {
    fn progress(&self, ended: usize, now: Timestamp) {
        if self.bar.is_hidden() {
            return;
        }
        self.bar
            .set_message(self.zone.local_time_text(now, Calendar::Jalali, Locale::En));
        if self.shown.swap(ended, Ordering::Relaxed) != ended {
            self.bar
                .set_position(u64::try_from(ended).unwrap_or(u64::MAX));
        }
    }
}

/// The stories of the items, or a summary where there are many.
async fn tell(
    opened: &Opened,
    config: &Config,
    (items, run): (&[NewItem], &Run),
    json: bool,
) -> Outcome<()> {
    let named: Vec<ItemRef> = items
        .iter()
        .filter(|item| item.runs)
        .map(|item| item.reference.clone())
        .collect();
    let instances = items::instances(&opened.engine, &named).await?;
    if json {
        return items::print_json(&instances);
    }
    if instances.len() > STORIES_MAX {
        return output::print(&items::summary(&instances));
    }
    for (index, instance) in instances.iter().enumerate() {
        if index > 0 {
            output::print("\n")?;
        }
        let story = story(&opened.engine, &instance.item).await?;
        output::print(&items::told(instance, &story, &config.project.zone))?;
    }
    // Whoever waits should know for what.
    if !run.interrupted && instances.iter().any(|instance| instance.ended.is_none()) {
        output::complain(
            "note: nothing is due any more; what is open waits for people or events\n",
        );
    }
    Ok(())
}
