//! Runs items: starts them, does what is due, and lets people act by the rules of a play.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use charkh::engine::{Error, Event};
use charkh::state_machine::Instance;
use charkh::values::{Fields, ItemRef, TimeDelta, Timestamp};
use charkh::{Engine, Input};
use tokio::task::JoinSet;

use crate::exit::{Exit, Failure, Outcome};
use crate::item_file::NewItem;
use crate::play_file::{Play, Rule, What};
use crate::store_clock::VirtualClock;
use crate::wiring::Opened;

/// Inputs handed to the engine side by side.
const AT_ONCE: usize = 64;

/// A virtual clock goes no further than this, so that a lifecycle without an end has one.
const VIRTUAL_DAYS_MAX: i64 = 3_650;

/// How often a run in real time looks at what has changed.
const LOOK: Duration = Duration::from_millis(50);

/// What is told while a run goes on.
pub(crate) trait Watch: Sync {
    /// So many items have ended, and this is the time of the run.
    fn progress(&self, ended: usize, now: Timestamp);
}

/// How a run went.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// What people tried and were refused, in order.
    pub(crate) refused: Vec<String>,
    /// The user stopped it.
    pub(crate) interrupted: bool,
    /// The virtual clock went as far as it may.
    pub(crate) cut_off: bool,
}

/// An act that waits for its time.
type Waiting = (Timestamp, ItemRef);

/// People, as the play has them.
pub(crate) struct Player {
    engine: Engine,
    play: Arc<Play>,
    waiting: BTreeMap<Waiting, (u64, usize)>,
    due_of: BTreeMap<ItemRef, Timestamp>,
    done: BTreeSet<(ItemRef, u64, usize)>,
    ended: BTreeSet<ItemRef>,
    run: Run,
}

impl Player {
    /// Nobody has done anything yet.
    pub(crate) fn new(engine: Engine, play: Play) -> Player {
        Player {
            engine,
            play: Arc::new(play),
            waiting: BTreeMap::new(),
            due_of: BTreeMap::new(),
            done: BTreeSet::new(),
            ended: BTreeSet::new(),
            run: Run::default(),
        }
    }

    /// Starts the items, each once however often the run is repeated.
    pub(crate) async fn start(&mut self, items: &[NewItem], workflow: &str) -> Outcome<()> {
        let inputs = items.iter().filter(|item| item.runs).map(|item| {
            let input = Input::start_with(
                item.reference.clone(),
                item.fields.clone(),
                item.party.clone(),
            );
            (input.with_id("run").in_workflow(workflow), None)
        });
        self.submit(inputs.collect()).await
    }

    /// Looks at everything that is in the store, for a run that goes on.
    pub(crate) async fn look_at_all(&mut self) -> Outcome<()> {
        let mut after: Option<ItemRef> = None;
        loop {
            let instances = self.engine.instances(after.as_ref()).await?;
            let Some(last) = instances.last() else {
                return Ok(());
            };
            after = Some(last.item.as_ref().clone());
            for instance in &instances {
                self.plan(instance);
            }
        }
    }

    /// Looks at items that were touched: which have ended, and what people will do with the rest.
    async fn look(&mut self, items: BTreeSet<ItemRef>) -> Outcome<()> {
        for item in items {
            if let Some(instance) = self.engine.instance(&item).await? {
                self.plan(&instance);
            }
        }
        Ok(())
    }

    fn plan(&mut self, instance: &Instance) {
        let item = instance.item.as_ref();
        if let Some(due) = self.due_of.remove(item) {
            self.waiting.remove(&(due, item.clone()));
        }
        if instance.ended.is_some() {
            self.ended.insert(item.clone());
        }
        if instance.ended.is_some() || instance.incident.is_some() || instance.held.is_some() {
            return;
        }
        let undone = |index: usize| !self.done.contains(&(item.clone(), instance.entry, index));
        let next = self
            .play
            .rules
            .iter()
            .enumerate()
            .find(|(index, rule)| rule.fits(instance) && undone(*index));
        if let Some((index, rule)) = next {
            let due = instance.entered_at + rule.after;
            self.waiting
                .insert((due, item.clone()), (instance.entry, index));
            self.due_of.insert(item.clone(), due);
        }
    }

    fn next(&self) -> Option<Timestamp> {
        self.waiting.keys().next().map(|(due, _)| *due)
    }

    /// Lets people do what is due; how many did something.
    async fn act(&mut self, now: Timestamp) -> Outcome<usize> {
        let mut inputs = Vec::new();
        while let Some(entry) = self.waiting.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let ((_, item), (visit, index)) = entry.remove_entry();
            self.due_of.remove(&item);
            self.done.insert((item.clone(), visit, index));
            let Some(rule) = self.play.rules.get(index) else {
                continue;
            };
            // The same act of the same entry has the same id, so that a resumed run acts once.
            let input = rule.input(item).with_id(format!("play-{visit}-{index}"));
            inputs.push((input, Some(rule.words())));
        }
        let acts = inputs.len();
        self.submit(inputs).await?;
        Ok(acts)
    }

    /// Hands inputs in, many side by side. A refused act is remembered and the run goes on.
    async fn submit(&mut self, inputs: Vec<(Input, Option<String>)>) -> Outcome<()> {
        let mut inputs = inputs.into_iter();
        let mut under_way = JoinSet::new();
        let mut look_again = BTreeSet::new();
        loop {
            while under_way.len() < AT_ONCE
                && let Some((input, words)) = inputs.next()
            {
                let engine = self.engine.clone();
                under_way.spawn(async move {
                    let item = input.item.clone();
                    (item, words, engine.submit(input).await)
                });
            }
            let Some(ended) = under_way.join_next().await else {
                break;
            };
            let (item, words, reply) = ended.map_err(|error| {
                Failure::new(Exit::Bug, "task", format!("a task ended badly: {error}"))
            })?;
            match (reply, words) {
                (Ok(reply), _) => {
                    // A repeated input commits nothing, so nobody else would look at the item.
                    if reply.repeated {
                        look_again.insert(item);
                    }
                }
                (Err(Error::Rejected(_) | Error::NoUser(_) | Error::InputReused { .. }), None) => {
                    // It runs already, started with other values: those it has count.
                    look_again.insert(item);
                }
                (Err(error @ (Error::Rejected(_) | Error::NoUser(_))), Some(words)) => {
                    self.run.refused.push(format!("{item}: {words}: {error}"));
                    look_again.insert(item);
                }
                (Err(error), _) => return Err(error.into()),
            }
        }
        self.look(look_again).await
    }

    /// Runs until nothing is due any more, jumping over waits.
    pub(crate) async fn run_virtual(
        mut self,
        opened: &Opened,
        clock: &VirtualClock,
        watch: &dyn Watch,
    ) -> Outcome<Run> {
        let last = self.engine.now() + TimeDelta::days(VIRTUAL_DAYS_MAX);
        let mut stop = std::pin::pin!(interrupted());
        loop {
            tokio::select! {
                biased;
                () = &mut stop => {
                    self.run.interrupted = true;
                    return Ok(self.run);
                }
                settled = self.engine.settle_together() => { settled?; }
            }
            self.look(opened.watched.take()).await?;
            watch.progress(self.ended.len(), self.engine.now());
            let now = self.engine.now();
            if self.act(now).await? > 0 {
                continue;
            }
            let next = [self.engine.next_due().await?, self.next()]
                .into_iter()
                .flatten()
                .min();
            match next {
                None => return Ok(self.run),
                Some(next) if next > last => {
                    self.run.cut_off = true;
                    return Ok(self.run);
                }
                Some(next) => clock.jump(next.max(now))?,
            }
        }
    }

    /// Runs in real time until nothing is due any more, or the user stops it.
    pub(crate) async fn run_real(mut self, opened: &Opened, watch: &dyn Watch) -> Outcome<Run> {
        let engine = self.engine.clone();
        let (finish, finished) = tokio::sync::oneshot::channel::<()>();
        let stopped = async move {
            // Dropping the other end is a way to say it too.
            let _ = finished.await;
        };
        let live = tokio::spawn(async move { engine.run(stopped).await });
        let mut stop = std::pin::pin!(interrupted());
        let result = loop {
            tokio::select! {
                () = &mut stop => {
                    self.run.interrupted = true;
                    break Ok(());
                }
                () = tokio::time::sleep(LOOK) => {}
            }
            match self.real_turn(opened, watch).await {
                Ok(false) if !live.is_finished() => {}
                Ok(_) => break Ok(()),
                Err(failure) => break Err(failure),
            }
        };
        drop(finish);
        let ended = live.await.map_err(|error| {
            Failure::new(
                Exit::Bug,
                "task",
                format!("the engine ended badly: {error}"),
            )
        })?;
        result?;
        ended?;
        Ok(self.run)
    }

    /// One look in real time; true when nothing is left to wait for.
    async fn real_turn(&mut self, opened: &Opened, watch: &dyn Watch) -> Outcome<bool> {
        let touched = opened.watched.take();
        let quiet = touched.is_empty();
        self.look(touched).await?;
        let now = self.engine.now();
        watch.progress(self.ended.len(), now);
        let acted = self.act(now).await?;
        Ok(quiet && acted == 0 && self.next().is_none() && self.engine.next_due().await?.is_none())
    }
}

impl Rule {
    fn input(&self, item: ItemRef) -> Input {
        match &self.what {
            What::Act {
                action,
                actor,
                fields,
            } => {
                let event = Event::Action {
                    name: action.clone(),
                    actor: actor.clone(),
                    fields: fields.clone(),
                    confirmed: true,
                };
                Input::new(item, event)
            }
            What::EndWait(actor) => Input::new(
                item,
                Event::EndWait {
                    actor: actor.clone(),
                },
            ),
            What::Event { name, payload } => Input::event(item, name, payload.clone()),
            What::Change(fields) => Input::changed(item, Fields::clone(fields)),
        }
    }

    fn words(&self) -> String {
        match &self.what {
            What::Act { action, actor, .. } => format!("{actor} could not choose {action}"),
            What::EndWait(actor) => format!("{actor} could not end the wait"),
            What::Event { name, .. } => format!("the event {name} was refused"),
            What::Change(_) => "the change was refused".to_owned(),
        }
    }
}

/// Ends when the user asks to stop.
pub(crate) async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Without a way to listen nobody can ask.
        std::future::pending::<()>().await;
    }
}
