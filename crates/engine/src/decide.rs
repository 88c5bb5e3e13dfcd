//! Deciding, purely: the core's step, and the plans of the activities it enters, until the item rests.

use std::borrow::Cow;

use activity::{
    Accounts, Answers, Changes, LinkDraft, MessageDraft, Outcome, OutsideNumber, OutsideReceipt,
    Plan, PlanContext, Request, UnreachableRecipient,
};
use host::{Change, Receipt};
use state_machine::{
    ActivityEnd, Effect, Entered, Event, Incident, IncidentClass, Instance, Link, LinkMade,
    PaymentEvent, Rejection, TraceEntry, step,
};
use values::{Fields, LinkId, Locale, MessageId, Timestamp, Value};

use crate::receipt::outside_receipt;
use crate::record::{Cause, LinkRow, MessageRow, Told};
use crate::workflow::Workflow;

/// What deciding may look at besides the cause.
#[derive(Clone, Copy)]
pub(crate) struct Situation<'a> {
    pub(crate) workflow: &'a Workflow,
    pub(crate) instance: &'a Instance,
    pub(crate) accounts: &'a Accounts,
    pub(crate) locales: &'a [Locale],
    pub(crate) activities_max: usize,
}

/// A decision, or what it still has to be told.
pub(crate) enum Verdict {
    /// The activity of the state entered next needs answers.
    Ask(Box<Question>),
    /// Decided.
    Done(Box<Decided>),
}

/// What an activity needs to be told, for the instance as it would be.
pub(crate) struct Question {
    pub(crate) needs: Vec<activity::Need>,
    pub(crate) instance: Instance,
}

/// Everything that one commit must hold.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Decided {
    pub(crate) instance: Instance,
    /// A request to store and perform.
    pub(crate) intent: Option<Intent>,
    /// The stored request is to be performed again.
    pub(crate) reopen: bool,
    pub(crate) timers_set: Vec<TimerChange>,
    pub(crate) timers_cancelled: Vec<TimerChange>,
    pub(crate) messages: Vec<MessageRow>,
    pub(crate) links: Vec<LinkRow>,
    pub(crate) receipts: Vec<Receipt>,
    /// Numbers of money that came another way and count from now on.
    pub(crate) numbers: Vec<OutsideNumber>,
    /// Links whose place a new one takes, as far as they were closed for it.
    pub(crate) superseded: Vec<LinkId>,
    pub(crate) host_changes: Vec<Change>,
    pub(crate) path: Vec<Entered>,
    pub(crate) trace: Vec<TraceEntry>,
    pub(crate) notes: Vec<String>,
    pub(crate) code: Option<String>,
    pub(crate) declined: bool,
}

/// A request of an activity entry.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Intent {
    pub(crate) state: String,
    pub(crate) entry: u64,
    pub(crate) reference: String,
    pub(crate) request: Request,
}

/// A timer set or cancelled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TimerChange {
    pub(crate) name: String,
    pub(crate) entry: u64,
    pub(crate) due: Timestamp,
}

/// Decides. The same situation, cause and answers give the same decision, now and in a replay.
pub(crate) fn decide(
    situation: Situation<'_>,
    cause: &Cause,
    told: &Told,
) -> Result<Verdict, Rejection> {
    let mut deciding = Deciding::new(situation, told);
    let Some(event) = deciding.first_event(cause)? else {
        return Ok(deciding.ask());
    };
    deciding.run(event, cause)
}

impl Decided {
    fn from(instance: Instance) -> Decided {
        Decided {
            instance,
            intent: None,
            reopen: false,
            timers_set: Vec::new(),
            timers_cancelled: Vec::new(),
            messages: Vec::new(),
            links: Vec::new(),
            receipts: Vec::new(),
            numbers: Vec::new(),
            superseded: Vec::new(),
            host_changes: Vec::new(),
            path: Vec::new(),
            trace: Vec::new(),
            notes: Vec::new(),
            code: None,
            declined: false,
        }
    }
}

struct Deciding<'a> {
    situation: Situation<'a>,
    told: &'a Told,
    answered: usize,
    decided: Decided,
    now: Timestamp,
}

impl<'a> Deciding<'a> {
    fn new(situation: Situation<'a>, told: &'a Told) -> Deciding<'a> {
        Deciding {
            situation,
            told,
            answered: 0,
            decided: Decided::from(situation.instance.clone()),
            now: told.context.now,
        }
    }

    /// The event the core is given first; `None` when concluding needs answers.
    fn first_event<'c>(&mut self, cause: &'c Cause) -> Result<Option<Cow<'c, Event>>, Rejection> {
        let instance = self.situation.instance;
        let open = |entry: u64| entry == instance.entry && instance.activity.is_some();
        match cause {
            Cause::Event(event) => Ok(Some(Cow::Borrowed(event))),
            Cause::Ended { entry, outcome } if open(*entry) => {
                let event = self.finished(*entry, (**outcome).clone());
                Ok(Some(Cow::Owned(event)))
            }
            Cause::Concluded(concluded) if open(concluded.entry) => {
                let Some(prepared) = self.situation.workflow.prepared.get(&instance.state) else {
                    return Err(Rejection::Stale);
                };
                let Some(answers) = self.answers(&prepared.needs()) else {
                    return Ok(None);
                };
                let facts = instance.facts(&self.told.context);
                let context = self.plan_context(&facts, &answers, instance);
                let outcome = prepared.conclude(&context, &concluded.request, &concluded.result);
                let event = self.finished(concluded.entry, outcome);
                Ok(Some(Cow::Owned(event)))
            }
            Cause::Ended { .. } | Cause::Concluded(_) => Err(Rejection::Stale),
        }
    }

    fn run(mut self, event: Cow<'_, Event>, cause: &Cause) -> Result<Verdict, Rejection> {
        let workflow = self.situation.workflow;
        let mut next = Some(event);
        let mut activities = 0;
        while let Some(event) = next.take() {
            let before = &self.decided.instance;
            let step = step(&workflow.definition, before, &event, &self.told.context)?;
            let Some((state, entry)) = self.take(step) else {
                continue;
            };
            activities += 1;
            if activities > self.situation.activities_max {
                return livelock(self.situation, self.told, cause);
            }
            match self.plan(&state, entry) {
                Some(Plan::Perform(request)) => {
                    let reference = self.reference();
                    self.decided.intent = Some(Intent {
                        state,
                        entry,
                        reference,
                        request,
                    });
                }
                Some(Plan::Finish(outcome)) => {
                    next = Some(Cow::Owned(self.finished(entry, *outcome)));
                }
                None => return Ok(self.ask()),
            }
        }
        Ok(Verdict::Done(Box::new(self.decided)))
    }

    /// Takes a step in; the activity it opened, if the instance rests in one.
    fn take(&mut self, step: state_machine::Step) -> Option<(String, u64)> {
        let mut opened = None;
        for effect in step.effects {
            match effect {
                Effect::OpenActivity { state, entry } => opened = Some((state, entry)),
                Effect::CloseActivity { .. } => self.decided.intent = None,
                Effect::ReopenActivity { .. } => self.decided.reopen = true,
                Effect::SetTimer { name, entry, due } => {
                    self.decided
                        .timers_set
                        .push(TimerChange { name, entry, due });
                }
                Effect::CancelTimer { name, entry, due } => {
                    let timer = TimerChange { name, entry, due };
                    let set = &mut self.decided.timers_set;
                    match set.iter().position(|other| *other == timer) {
                        Some(index) => drop(set.remove(index)),
                        None => self.decided.timers_cancelled.push(timer),
                    }
                }
                Effect::Notify { notice, state, to } => {
                    let notice = notice.to_owned();
                    self.decided
                        .host_changes
                        .push(Change::Notify { notice, state, to });
                }
                Effect::WriteFields(fields) => {
                    self.decided.host_changes.push(Change::SetFields { fields });
                }
                Effect::WriteStage(stage) => {
                    self.decided.host_changes.push(Change::SetStage { stage });
                }
                _ => {}
            }
        }
        self.decided.instance = step.instance;
        self.decided.path.extend(step.path);
        self.decided.trace.extend(step.trace);
        self.decided.declined |= step.declined;
        let overtaken = step.overtaken.iter();
        self.decided.notes.extend(
            overtaken.map(|kept| format!("kept {} dropped: {}", kept.input, kept.rejection)),
        );
        opened.filter(|(_, entry)| *entry == self.decided.instance.entry)
    }

    fn plan(&mut self, state: &str, entry: u64) -> Option<Plan> {
        let workflow = self.situation.workflow;
        let Some(prepared) = workflow.prepared.get(state) else {
            let message = format!("`{state}` has no prepared activity at entry {entry}");
            return Some(Plan::Finish(Box::new(Outcome::error(
                "no_activity",
                message,
            ))));
        };
        let answers = self.answers(&prepared.needs())?;
        let instance = &self.decided.instance;
        let facts = instance.facts(&self.told.context);
        Some(prepared.plan(&self.plan_context(&facts, &answers, instance)))
    }

    fn plan_context<'c>(
        &'c self,
        facts: &'c expression::Facts,
        answers: &'c Answers,
        instance: &'c Instance,
    ) -> PlanContext<'c> {
        PlanContext {
            facts,
            answers,
            state: &instance.state,
            entered_at: instance.entered_at,
            reference: reference_of(instance),
            zone: &self.told.context.zone,
            locales: self.situation.locales,
        }
    }

    /// The next answers, if they are needed and there; `None` asks for them.
    fn answers(&mut self, needs: &[activity::Need]) -> Option<Cow<'a, Answers>> {
        if needs.is_empty() {
            return Some(Cow::Owned(Answers::default()));
        }
        let answers = self.told.answers.get(self.answered)?;
        self.answered += 1;
        Some(Cow::Borrowed(answers))
    }

    fn ask(self) -> Verdict {
        let instance = self.decided.instance;
        let needs = self
            .situation
            .workflow
            .prepared
            .get(&instance.state)
            .map(|prepared| prepared.needs())
            .unwrap_or_default();
        Verdict::Ask(Box::new(Question { needs, instance }))
    }

    fn reference(&self) -> String {
        reference_of(&self.decided.instance).to_owned()
    }

    /// An outcome as the event for the core; what it changes elsewhere is noted for the commit.
    fn finished(&mut self, entry: u64, outcome: Outcome) -> Event {
        let outcome = self.once(outcome);
        let Outcome {
            name,
            code,
            message,
            changes,
            ..
        } = outcome;
        let state = &self.decided.instance.state;
        self.decided.notes.push(match &code {
            Some(code) => format!("{state}: {name} ({code})"),
            None => format!("{state}: {name}"),
        });
        if code.is_some() {
            self.decided.code.clone_from(&code);
        }
        let Changes {
            mut set,
            stage,
            link,
            messages,
            unreachable,
            delivery_failed,
            host_writes,
            receipt,
            supersedes,
            numbers,
        } = changes;
        self.decided.numbers.extend(numbers);
        self.decided.superseded.extend(supersedes);
        if let Some(receipt) = receipt {
            self.outside(*receipt, &mut set);
        }
        let link = link.map(|draft| self.link(entry, draft, unreachable));
        let link_id = link.as_ref().map(|link| link.id.clone());
        for (index, draft) in messages.into_iter().enumerate() {
            let row = self.message_row(index, draft, link_id.clone());
            self.decided.messages.push(row);
        }
        self.decided.host_changes.extend(host_writes);
        Event::Finished(Box::new(ActivityEnd {
            entry,
            outcome: name,
            code,
            message,
            set,
            stage,
            link,
            delivery_failed,
        }))
    }

    /// A number that this very decision has registered counts already: the store cannot know of it yet.
    fn once(&self, outcome: Outcome) -> Outcome {
        let Some(draft) = &outcome.changes.receipt else {
            return outcome;
        };
        let same = |receipt: &Receipt| {
            receipt.account == draft.account && receipt.transaction == draft.transaction
        };
        if !self.decided.receipts.iter().any(same) {
            return outcome;
        }
        let message = format!("payment {} has its receipt already", draft.transaction);
        Outcome::error("transaction_reused", message)
    }

    /// A receipt for money that came through no link: in this commit, and then at the host.
    fn outside(&mut self, draft: OutsideReceipt, set: &mut Fields) {
        let field = draft.rule.field.clone();
        let receipt = outside_receipt(draft, &self.decided.instance);
        let id = receipt.id.clone();
        let changes = &mut self.decided.host_changes;
        self.decided.receipts.push(receipt.clone());
        changes.push(Change::RegisterReceipt { receipt });
        if let Some(field) = field {
            set.insert(field.clone(), Value::Receipt(id.to_string()));
            changes.push(Change::AttachReceipt { field, receipt: id });
        }
    }

    /// A link that now exists, for the instance; its row is noted for the commit.
    fn link(
        &mut self,
        entry: u64,
        draft: LinkDraft,
        unreachable: Vec<UnreachableRecipient>,
    ) -> Link {
        let instance = &self.decided.instance;
        let at = (instance.state.as_str(), entry);
        let accounts = self.situation.accounts;
        let row = LinkRow {
            unreachable,
            ..LinkRow::made(draft, instance, at, accounts, self.now)
        };
        let link = row.for_instance();
        self.decided.links.push(row);
        link
    }

    fn message_row(&self, index: usize, draft: MessageDraft, link: Option<LinkId>) -> MessageRow {
        let medium = draft.to.medium().name();
        let instance = &self.decided.instance;
        let reference = reference_of(instance);
        let id = MessageId::from(format!("{reference}/{medium}/{index}"));
        MessageRow::queued(draft, id, &instance.item, link, self.now)
    }
}

fn reference_of(instance: &Instance) -> &str {
    let open = instance.activity.as_ref();
    open.map_or("", |open| open.reference.as_str())
}

/// More activities than one input may run: everything as it was, and an incident that keeps the
/// input. Facts stay facts: a link that exists, money that came in, a timer that has fired.
fn livelock(situation: Situation<'_>, told: &Told, cause: &Cause) -> Result<Verdict, Rejection> {
    let mut deciding = Deciding::new(situation, told);
    let Some(event) = deciding.first_event(cause)? else {
        return Ok(deciding.ask());
    };
    let definition = &situation.workflow.definition;
    let before = &deciding.decided.instance;
    let facts = step(definition, before, &event, &told.context)?;
    let mut decided = deciding.decided;
    let instance = &mut decided.instance;
    instance.revision = facts.instance.revision;
    if matches!(
        &*event,
        Event::Finished(_) | Event::Payment(_) | Event::LinkMade(_)
    ) {
        instance.fields = facts.instance.fields;
        instance.stage = facts.instance.stage;
        instance.links = facts.instance.links;
        for effect in facts.effects {
            match effect {
                Effect::WriteFields(fields) => {
                    decided.host_changes.push(Change::SetFields { fields });
                }
                Effect::WriteStage(stage) => decided.host_changes.push(Change::SetStage { stage }),
                _ => {}
            }
        }
    }
    if let Event::Timer { name, entry, due } = &*event {
        let fired = |timer: &state_machine::Timer| timer.name == *name && timer.due == *due;
        instance.timers.retain(|timer| !fired(timer));
        decided.timers_cancelled.push(TimerChange {
            name: name.clone(),
            entry: *entry,
            due: *due,
        });
    }
    let max = situation.activities_max;
    let input = without_facts(event.into_owned());
    match (&mut instance.incident, input) {
        (Some(_), Event::Retry { .. }) => {}
        (Some(_), input) => instance.deferred.push(input),
        (none, input) => {
            *none = Some(Incident {
                class: IncidentClass::Livelock,
                code: "livelock".to_owned(),
                message: format!("more than {max} activities without a rest"),
                since: told.context.now,
                input: Some(Box::new(input)),
            });
        }
    }
    Ok(Verdict::Done(Box::new(decided)))
}

/// The input as a retry applies it: what it has written down already is not written again.
fn without_facts(event: Event) -> Event {
    match event {
        Event::Finished(end) => Event::Finished(Box::new(ActivityEnd {
            set: Fields::new(),
            stage: None,
            link: None,
            ..*end
        })),
        Event::Payment(payment) => Event::Payment(Box::new(PaymentEvent {
            set: Fields::new(),
            ..*payment
        })),
        Event::LinkMade(made) => Event::LinkMade(Box::new(LinkMade {
            link: None,
            ..*made
        })),
        other => other,
    }
}
