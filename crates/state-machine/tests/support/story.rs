//! One item's way through a workflow, with a check of everything that must hold after each step.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::TimeDelta;
use state_machine::{
    ActivityEnd, Actor, Context, Definition, Effect, Event, Instance, Link, LinkMade, PaymentEvent,
    Rejection, Step, step,
};
use values::{Fields, ItemRef, Timestamp, Value, Zone};

use super::{Flow, MORNING, changed, irr, moment, people};

pub(crate) struct Story {
    pub(crate) definition: Definition,
    pub(crate) instance: Instance,
    pub(crate) now: Timestamp,
    pub(crate) people: BTreeMap<&'static str, Actor>,
    /// The party's fields, once anybody knows them.
    pub(crate) party: Option<Fields>,
    /// Every input that was applied, with what the step was told.
    pub(crate) inputs: Vec<(Event, Context)>,
    /// Timer rows as a store would have them.
    timers: BTreeMap<(String, u64), Timestamp>,
    /// Requests as a store would have them.
    requests: BTreeSet<u64>,
}

impl Story {
    /// Not started yet.
    pub(crate) fn blank(flow: &Flow) -> Story {
        Story::over(flow.build())
    }

    pub(crate) fn over(definition: Definition) -> Story {
        let now = moment(MORNING);
        let item = ItemRef::new("invoice", "1405-17").unwrap();
        let initial = definition.model().initial.clone();
        let instance = Instance::blank(item, definition.hash().clone(), &initial, now);
        Story {
            definition,
            instance,
            now,
            people: people(),
            party: None,
            inputs: Vec::new(),
            timers: BTreeMap::new(),
            requests: BTreeSet::new(),
        }
    }

    /// Started with nothing.
    pub(crate) fn new(flow: &Flow) -> Story {
        Story::with(flow, Fields::new())
    }

    /// Started with these fields.
    pub(crate) fn with(flow: &Flow, fields: Fields) -> Story {
        let mut story = Story::blank(flow);
        story.ok(Event::Start {
            fields,
            party: Some("party-7".into()),
        });
        story
    }

    pub(crate) fn context(&self, event: &Event) -> Context {
        let mut context = Context::at(self.now, Zone::parse("Asia/Tehran").unwrap());
        let actor = event.actor().map(|actor| actor.as_str());
        context.actor = actor.and_then(|actor| self.people.get(actor).cloned());
        context.party = self.party.clone().map(|fields| {
            let reference = None;
            Arc::new(expression::Record { reference, fields })
        });
        context
    }

    /// Takes an input through the core and checks what always holds.
    pub(crate) fn send(&mut self, event: Event) -> Result<Step, Rejection> {
        let context = self.context(&event);
        let before = self.instance.clone();
        let result = step(&self.definition, &self.instance, &event, &context);
        assert_eq!(before, self.instance, "a step leaves its argument alone");
        let again = step(&self.definition, &self.instance, &event, &context);
        assert_eq!(result, again, "the same arguments give the same step");
        let step = result?;
        assert_eq!(step.instance.revision, before.revision + 1, "{event:?}");
        let wake = step.instance.wake_source(&self.definition);
        assert!(wake.is_some(), "nothing wakes {:#?}", step.instance);
        self.store(&step);
        let text = serde_json::to_string(&step.instance).unwrap();
        let read: Instance = serde_json::from_str(&text).unwrap();
        assert_eq!(read, step.instance, "{text}");
        self.instance = step.instance.clone();
        self.inputs.push((event, context));
        Ok(step)
    }

    /// Keeps rows as a store would; they must agree with the instance.
    fn store(&mut self, step: &Step) {
        for effect in &step.effects {
            match effect {
                Effect::SetTimer { name, entry, due } => {
                    let older = self.timers.insert((name.clone(), *entry), *due);
                    assert_eq!(older, None, "{name} is set twice");
                }
                Effect::CancelTimer { name, entry, due } => {
                    let set = self.timers.remove(&(name.clone(), *entry));
                    assert_eq!(set, Some(*due), "{name} was not set like this");
                }
                Effect::OpenActivity { entry, .. } => assert!(self.requests.insert(*entry)),
                Effect::CloseActivity { entry } => assert!(self.requests.remove(entry)),
                Effect::ReopenActivity { entry } => assert!(self.requests.contains(entry)),
                _ => {}
            }
        }
        let instance = &step.instance;
        let own = |timer: &state_machine::Timer| ((timer.name.clone(), instance.entry), timer.due);
        let timers: BTreeMap<_, _> = instance.timers.iter().map(own).collect();
        assert_eq!(timers, self.timers, "timers and their effects differ");
        assert_eq!(
            timers.len(),
            instance.timers.len(),
            "two timers of one name"
        );
        let open = instance.activity.as_ref().map(|_| instance.entry);
        assert_eq!(open.into_iter().collect::<BTreeSet<_>>(), self.requests);
    }

    #[track_caller]
    pub(crate) fn ok(&mut self, event: Event) -> Step {
        match self.send(event) {
            Ok(step) => step,
            Err(rejection) => panic!("{rejection}"),
        }
    }

    #[track_caller]
    pub(crate) fn refused(&mut self, event: Event) -> Rejection {
        match self.send(event) {
            Ok(step) => panic!("applied: {step:#?}"),
            Err(rejection) => rejection,
        }
    }

    pub(crate) fn later(&mut self, seconds: i64) -> &mut Story {
        self.now += TimeDelta::seconds(seconds);
        self
    }

    pub(crate) fn state(&self) -> &str {
        &self.instance.state
    }

    /// The code of the incident, or nothing.
    pub(crate) fn incident(&self) -> &str {
        self.instance
            .incident
            .as_ref()
            .map_or("", |incident| &incident.code)
    }

    /// When a timer is due, in seconds from now.
    pub(crate) fn due_in(&self, name: &str) -> Option<i64> {
        let timer = self.instance.timers.iter().find(|timer| timer.name == name);
        timer.map(|timer| (timer.due - self.now).num_seconds())
    }

    pub(crate) fn field(&self, name: &str) -> Option<&Value> {
        self.instance.fields.get(name)
    }

    pub(crate) fn status(&self, link: &str) -> &str {
        let links = &self.instance.links;
        let link = links.iter().find(|known| known.id.as_str() == link);
        link.map_or("", |link| &link.status)
    }

    /// The event of a timer that is set.
    #[track_caller]
    pub(crate) fn timer(&self, name: &str) -> Event {
        let timers = &self.instance.timers;
        let timer = timers.iter().find(|timer| timer.name == name).unwrap();
        Event::Timer {
            name: timer.name.clone(),
            entry: self.instance.entry,
            due: timer.due,
        }
    }

    /// Moves the clock to a timer and fires it.
    #[track_caller]
    pub(crate) fn fire(&mut self, name: &str) -> Step {
        let event = self.timer(name);
        if let Event::Timer { due, .. } = &event {
            self.now = self.now.max(*due);
        }
        self.ok(event)
    }

    pub(crate) fn end(&self, outcome: &str) -> ActivityEnd {
        ActivityEnd {
            entry: self.instance.entry,
            outcome: outcome.to_owned(),
            code: None,
            message: None,
            set: Fields::new(),
            stage: None,
            link: None,
            delivery_failed: false,
        }
    }

    pub(crate) fn finished(&self, outcome: &str) -> Event {
        Event::Finished(Box::new(self.end(outcome)))
    }

    /// The activity has ended well and made a link.
    pub(crate) fn made(&self, link: &str) -> Event {
        let link = Link {
            id: link.into(),
            state: self.instance.state.clone(),
            url: format!("https://pay.example/{link}"),
            status: "created".to_owned(),
            amount: irr(1_500_000),
            expires_at: self.now + TimeDelta::days(2),
            paid_at: None,
            tracking_no: None,
        };
        Event::Finished(Box::new(ActivityEnd {
            link: Some(link),
            ..self.end("success")
        }))
    }

    /// A person has had a link made, for a state or for none.
    pub(crate) fn by_hand(&self, link: &str, state: &str) -> Event {
        let link = Link {
            id: link.into(),
            state: state.to_owned(),
            url: format!("https://pay.example/{link}"),
            status: "created".to_owned(),
            amount: irr(1_500_000),
            expires_at: self.now + TimeDelta::days(2),
            paid_at: None,
            tracking_no: None,
        };
        Event::LinkMade(Box::new(LinkMade {
            actor: "sara".into(),
            state: state.to_owned(),
            link: Some(link),
            delivery_failed: false,
        }))
    }

    pub(crate) fn unknown(&self) -> Event {
        Event::Unknown {
            entry: self.instance.entry,
            code: "timeout_after_send".to_owned(),
            message: "no answer".to_owned(),
        }
    }

    /// Something happened to a link that `make` made.
    pub(crate) fn payment(&self, link: &str, outcome: &str) -> Event {
        let paid = outcome.starts_with("paid");
        Event::Payment(Box::new(PaymentEvent {
            link: link.into(),
            state: "make".to_owned(),
            outcome: outcome.to_owned(),
            paid_at: paid.then_some(self.now),
            tracking_no: paid.then(|| "۸۸۱۲".to_owned()),
            set: Fields::new(),
            stays_open: false,
            makes_way: false,
        }))
    }

    /// The same, and the receipt is attached.
    pub(crate) fn payment_with_receipt(&self, link: &str, outcome: &str) -> Event {
        let Event::Payment(mut payment) = self.payment(link, outcome) else {
            unreachable!("it is a payment")
        };
        payment.set = super::fields([("receipt", Value::Receipt(format!("receipt-{link}")))]);
        Event::Payment(payment)
    }

    #[track_caller]
    pub(crate) fn change<const N: usize>(&mut self, new: [(&str, Value); N]) -> Step {
        self.ok(changed(new))
    }
}

/// Effects in a few words, in order.
pub(crate) fn words(step: &Step) -> Vec<String> {
    step.effects.iter().map(word).collect()
}

fn word(effect: &Effect) -> String {
    match effect {
        Effect::OpenActivity { state, .. } => format!("open {state}"),
        Effect::CloseActivity { entry } => format!("close {entry}"),
        Effect::ReopenActivity { entry } => format!("reopen {entry}"),
        Effect::SetTimer { name, .. } => format!("set {name}"),
        Effect::CancelTimer { name, .. } => format!("cancel {name}"),
        Effect::Notify { notice, to, .. } => format!("{notice} to {to}"),
        Effect::WriteFields(fields) => {
            let names: Vec<&str> = fields.keys().map(String::as_str).collect();
            format!("write {}", names.join(" "))
        }
        Effect::WriteStage(stage) => format!("stage {stage}"),
        Effect::Ended(end) => format!("ended {end:?}").to_lowercase(),
        other => format!("{other:?}"),
    }
}
