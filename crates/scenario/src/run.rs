//! Playing a scenario: one step after the other, time passing only as the steps say.

mod check;
mod pass;
mod seen;

use engine::Engine;
use payment::gateways::sandbox::SandboxError;
use state_machine::{Definition, Event};
use values::{ItemRef, Timestamp};

use crate::file::script::{Crash, Expect, Input, Place, Script, Step, StepKind};
use crate::report::{Failure, Report, Skip};
use crate::world::World;
use crate::{Coverage, Surroundings, story};

/// A failure tells at most so many lines of a story, the last ones.
const STORY_LINES_MAX: usize = 60;

/// A scenario that cannot be played at all. A scenario that fails is no error: its report says so.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The engine cannot be put together, or its store fails.
    #[error(transparent)]
    Engine(#[from] engine::Error),
    /// A gateway cannot be played as asked.
    #[error(transparent)]
    Gateway(#[from] SandboxError),
    /// There is no engine between two starts of it.
    #[error("there is no engine")]
    NoEngine,
}

/// Plays a scenario to its end, or to the first step that fails.
///
/// # Errors
///
/// [`RunError`] when the scenario cannot be played at all, such as a workflow that names an account
/// which the surroundings lack.
pub async fn run(
    script: &Script,
    definition: &Definition,
    around: &Surroundings,
) -> Result<Report, RunError> {
    let world = World::new(script, definition, around).await?;
    let mut playing = Playing {
        script,
        definition,
        world,
        skips: Vec::new(),
        done: 0,
        died: false,
        item: None,
    };
    let failures = match playing.play().await {
        Ok(()) => Vec::new(),
        Err(Halt::Error(error)) => return Err(error),
        Err(Halt::Failed { place, failures }) => playing.told(place, failures).await?,
    };
    playing.report(around, failures).await
}

/// What did not come out, before its place and the story are added.
#[derive(Debug, Clone)]
struct Finding {
    place: Option<Place>,
    what: String,
    expected: String,
    actual: String,
}

impl Finding {
    fn new(
        what: impl Into<String>,
        expected: impl Into<String>,
        actual: impl Into<String>,
    ) -> Finding {
        Finding {
            place: None,
            what: what.into(),
            expected: expected.into(),
            actual: actual.into(),
        }
    }
}

/// Why a scenario does not go on.
enum Halt {
    /// A step failed.
    Failed {
        place: Place,
        failures: Vec<Finding>,
    },
    /// It cannot be played.
    Error(RunError),
}

/// A step in the making: what it found, or why it cannot be played.
type Outcome<T = ()> = Result<T, Trouble>;

enum Trouble {
    Findings(Vec<Finding>),
    Error(RunError),
}

impl Trouble {
    fn one(finding: Finding) -> Trouble {
        Trouble::Findings(vec![finding])
    }
}

impl From<RunError> for Trouble {
    fn from(error: RunError) -> Trouble {
        Trouble::Error(error)
    }
}

/// Reading the store or the CRM failed.
impl From<engine::Error> for Trouble {
    fn from(error: engine::Error) -> Trouble {
        Trouble::Error(RunError::Engine(error))
    }
}

struct Playing<'a> {
    script: &'a Script,
    definition: &'a Definition,
    world: World,
    skips: Vec<Skip>,
    done: usize,
    /// The process died in the step that is played.
    died: bool,
    /// The item that the last step was about.
    item: Option<ItemRef>,
}

impl Playing<'_> {
    async fn play(&mut self) -> Result<(), Halt> {
        self.placed(Place { line: 1, column: 1 }, Playing::start)
            .await?;
        for step in &self.script.steps {
            self.world.stop.next_step();
            self.died = false;
            let outcome = self.step(step).await;
            at(step.place, outcome)?;
        }
        let last = self
            .script
            .steps
            .last()
            .map(|step| step.place)
            .unwrap_or_default();
        let outcome = self.promises().await;
        at(last, outcome)
    }

    async fn placed(
        &mut self,
        place: Place,
        work: impl AsyncFnOnce(&mut Self) -> Outcome,
    ) -> Result<(), Halt> {
        let outcome = work(self).await;
        at(place, outcome)
    }

    fn engine(&self) -> Result<&Engine, RunError> {
        self.world.engine()
    }

    /// Every item enters its lifecycle.
    async fn start(&mut self) -> Outcome {
        for item in &self.script.given.items {
            self.item = Some(item.reference.clone());
            let input = engine::Input::start(item.reference.clone())
                .in_workflow(&self.definition.model().workflow);
            if let Err(error) = self.engine()?.submit(input).await {
                let what = format!("start of {}", item.reference);
                return Err(Trouble::one(Finding::new(what, "taken", refusal(&error))));
            }
        }
        self.settle().await
    }

    async fn step(&mut self, step: &Step) -> Outcome {
        self.world
            .stop
            .die_after_gateway(step.crash == Some(Crash::AfterGateway));
        match &step.kind {
            StepKind::Input(input) => self.input(input, step.crash).await?,
            StepKind::Refused {
                input,
                code,
                because,
            } => {
                self.refused(input, code, because.as_deref()).await?;
            }
            StepKind::Advance(length) => {
                let target = self.later(*length)?;
                self.dies_first(step.crash).await?;
                self.pass_to(target).await?;
            }
            StepKind::Down(length) => {
                let target = self.later(*length)?;
                self.skip_to(target);
                self.world.restart().await?;
                self.settle().await?;
            }
            StepKind::To(target) => {
                self.dies_first(step.crash).await?;
                self.to(*target).await?;
            }
            StepKind::Until {
                item,
                state,
                within,
            } => {
                self.item = Some(item.clone());
                let limit = self.later(*within)?;
                self.pass_until(item, state, limit).await?;
            }
            StepKind::UntilIdle { within } => {
                let limit = self.later(*within)?;
                self.pass_until_idle(limit).await?;
            }
            StepKind::Gateway(plays) => self.world.play(plays).map_err(Trouble::Error)?,
            StepKind::Restart => {
                self.world.restart().await?;
                self.settle().await?;
            }
            StepKind::Expect(expect) => self.expect(expect).await?,
        }
        let missed = step.crash == Some(Crash::AfterGateway) && !self.died;
        self.world.stop.die_after_gateway(false);
        if missed {
            let actual = "no gateway was asked for a link in this step";
            return Err(Trouble::one(Finding::new("crash", "after_gateway", actual)));
        }
        Ok(())
    }

    async fn dies_first(&mut self, crash: Option<Crash>) -> Outcome {
        if crash == Some(Crash::AfterCommit) {
            self.world.restart().await?;
        }
        Ok(())
    }

    async fn input(&mut self, input: &Input, crash: Option<Crash>) -> Outcome {
        self.item = Some(input.item.clone());
        if let Err(error) = self.submit(input).await? {
            let what = words(&input.event);
            return Err(Trouble::one(Finding::new(what, "taken", refusal(&error))));
        }
        self.dies_first(crash).await?;
        self.settle().await
    }

    async fn refused(&mut self, input: &Input, code: &str, because: Option<&str>) -> Outcome {
        self.item = Some(input.item.clone());
        let expected = match because {
            Some(words) => format!("refused ({code}) because of `{words}`"),
            None => format!("refused ({code})"),
        };
        let actual = match self.submit(input).await? {
            Ok(reply) => format!("taken; the item is in {}", reply.state),
            Err(error) if error.code() != code => refusal(&error),
            Err(error) => {
                if because.is_none_or(|words| error.to_string().contains(words)) {
                    return self.settle().await;
                }
                refusal(&error)
            }
        };
        Err(Trouble::one(Finding::new(
            words(&input.event),
            expected,
            actual,
        )))
    }

    async fn submit(&self, input: &Input) -> Result<Result<engine::Reply, engine::Error>, Trouble> {
        let input = engine::Input::new(input.item.clone(), input.event.clone());
        Ok(Box::pin(self.engine()?.submit(input)).await)
    }

    async fn expect(&mut self, expect: &Expect) -> Outcome {
        self.item = Some(expect.item.clone());
        let seen = seen::Seen::of(&self.world, self.definition, &expect.item).await?;
        let mut findings = Vec::new();
        for check in &expect.checks {
            if let Some((expected, actual)) = seen.check(&self.world, &check.wanted).await? {
                let what = check.key.clone();
                findings.push(Finding {
                    place: Some(check.place),
                    what,
                    expected,
                    actual,
                });
            }
        }
        if findings.is_empty() {
            Ok(())
        } else {
            Err(Trouble::Findings(findings))
        }
    }

    /// What must hold at the end of every scenario, whatever it is about.
    async fn promises(&mut self) -> Outcome {
        let mut findings = Vec::new();
        let engine = self.engine()?;
        for item in &self.script.given.items {
            let reference = &item.reference;
            let replay = engine.replay(reference).await?;
            if !replay.same {
                let what = format!("replay of {reference}");
                findings.push(Finding::new(what, "the same item", "another item"));
            }
            let instance = engine.instance(reference).await?;
            if instance.is_some_and(|found| found.wake_source(self.definition).is_none()) {
                let what = format!("{reference} at the end");
                findings.push(Finding::new(what, "something can wake it", "nothing can"));
            }
        }
        for reference in self.world.audit().twice_live() {
            findings.push(Finding::new(
                reference,
                "one live link",
                "two live links at once",
            ));
        }
        if findings.is_empty() {
            Ok(())
        } else {
            Err(Trouble::Findings(findings))
        }
    }

    /// Failures with their places and the story of the item they are about.
    async fn told(&self, place: Place, findings: Vec<Finding>) -> Result<Vec<Failure>, RunError> {
        let first = self.script.given.items.first().map(|item| &item.reference);
        let mut told = match self.item.as_ref().or(first) {
            Some(item) => story(self.engine()?, item)
                .await?
                .render(&self.world.zone()),
            None => Vec::new(),
        };
        let earlier = told.len().saturating_sub(STORY_LINES_MAX);
        if earlier > 0 {
            told.drain(..earlier);
            told.insert(0, format!("… {earlier} earlier lines"));
        }
        let failure = |finding: Finding| Failure {
            place: finding.place.unwrap_or(place),
            what: finding.what,
            expected: finding.expected,
            actual: finding.actual,
            story: told.clone(),
        };
        Ok(findings.into_iter().map(failure).collect())
    }

    async fn report(
        mut self,
        around: &Surroundings,
        failures: Vec<Failure>,
    ) -> Result<Report, RunError> {
        let mut coverage = Coverage::of(self.definition);
        let mut stories = Vec::new();
        let mut trace = Vec::new();
        let engine = self.engine()?;
        for item in &self.script.given.items {
            let lines = engine.history(&item.reference).await?;
            coverage.visit(&lines);
            trace.extend(lines.last().map(|line| line.hash.clone()));
            stories.push(story(engine, &item.reference).await?);
        }
        coverage.links(&engine.links().await?);
        Ok(Report {
            file: self.script.file.clone(),
            name: self.script.name.clone(),
            workflow: self.definition.model().workflow.clone(),
            zone: around.zone,
            steps: self.script.steps.len(),
            began: self.script.clock,
            ended: self.world.now(),
            done: self.done,
            skips: std::mem::take(&mut self.skips),
            trace: trace.join(" "),
            coverage,
            stories,
            failures,
        })
    }

    fn later(&self, length: chrono::TimeDelta) -> Outcome<Timestamp> {
        let now = self.world.now();
        now.checked_add_signed(length).ok_or_else(|| {
            Trouble::one(Finding::new(
                "time",
                "a moment that a clock can show",
                "none",
            ))
        })
    }
}

fn at(place: Place, outcome: Outcome) -> Result<(), Halt> {
    match outcome {
        Ok(()) => Ok(()),
        Err(Trouble::Findings(failures)) => Err(Halt::Failed { place, failures }),
        Err(Trouble::Error(error)) => Err(Halt::Error(error)),
    }
}

fn refusal(error: &engine::Error) -> String {
    format!("refused ({}): {error}", error.code())
}

/// An input as a step writes it.
fn words(event: &Event) -> String {
    match event {
        Event::Action { name, actor, .. } => format!("do {name} as {actor}"),
        Event::Claim { actor } => format!("claim by {actor}"),
        Event::Release { actor } => format!("release by {actor}"),
        Event::EndWait { actor } => format!("end_wait by {actor}"),
        Event::Named { name, .. } => format!("event {name}"),
        Event::Hold { actor, .. } => format!("hold by {actor}"),
        Event::Resume { actor } => format!("resume by {actor}"),
        Event::Retry { actor, .. } => format!("retry by {actor}"),
        other => other.name().to_owned(),
    }
}
