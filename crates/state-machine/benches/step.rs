//! What one step costs: an action of a task, one guard, the next task. No store, no engine.

use std::collections::BTreeMap;
use std::hint::black_box;

use state_machine::{
    Action, Actor, Assignee, Branch, Context, Decision, Definition, End, Event, Instance, Kind,
    Model, State, Task, step,
};
use values::{Currency, Fields, ItemRef, Label, Money, UserId, Value, Zone};

fn main() {
    divan::main();
}

fn state(id: &str, kind: Kind) -> State {
    State {
        id: id.to_owned(),
        label: None,
        kind,
        on: Vec::new(),
        display: BTreeMap::new(),
    }
}

fn task(to: &str) -> Kind {
    Kind::Task(Task {
        assignee: Assignee::Role("sales_manager".to_owned()),
        return_to_last: false,
        actions: vec![Action {
            name: "approve".to_owned(),
            label: None,
            to: to.to_owned(),
            when: None,
            roles: Vec::new(),
            require: Vec::new(),
            confirm: None,
            color: None,
            help: None,
        }],
        remind_seconds: None,
        critical_seconds: None,
        timeout: None,
    })
}

fn definition(branches: &[&str]) -> Definition {
    let branch = |when: &&str| Branch {
        when: (*when).to_owned(),
        to: "second".to_owned(),
    };
    let decision = Kind::Decision(Decision {
        branches: branches.iter().map(branch).collect(),
        otherwise: Some("second".to_owned()),
    });
    Definition::build(Model {
        workflow: "bench".to_owned(),
        version: 1,
        entity: "invoice".to_owned(),
        label: Label::plain("Bench"),
        language: None,
        fields: BTreeMap::new(),
        party_fields: BTreeMap::new(),
        related: BTreeMap::new(),
        events: BTreeMap::new(),
        stages: Vec::new(),
        initial: "first".to_owned(),
        on: Vec::new(),
        states: vec![
            state("first", task("size")),
            state("size", decision),
            state("second", task("over")),
            state("over", Kind::End(End::Success)),
        ],
    })
    .unwrap_or_else(|problems| unreachable!("{problems:?}"))
}

struct Bench {
    definition: Definition,
    instance: Instance,
    event: Event,
    context: Context,
}

impl Bench {
    /// An item with fields as an invoice has them, in its first task.
    fn new(branches: &[&str]) -> Option<Bench> {
        let definition = definition(branches);
        let amount = Money::from_minor(1_500_000, Currency::Irr).ok()?;
        let mut fields = Fields::from([("final_amount".to_owned(), Value::Money(amount))]);
        for name in [
            "title",
            "number",
            "description",
            "creator",
            "owner",
            "stage",
        ] {
            let value = match name {
                "creator" | "owner" => Value::User("sara".to_owned()),
                _ => Value::Text("فروش کالا".to_owned()),
            };
            fields.insert(name.to_owned(), value);
        }
        let now = "2026-03-18T05:30:00Z".parse().ok()?;
        let mut context = Context::at(now, Zone::parse("Asia/Tehran").ok()?);
        let item = ItemRef::new("invoice", "1405-17").ok()?;
        let blank = Instance::blank(item, definition.hash().clone(), "first", now);
        let start = Event::Start {
            fields,
            party: Some("party-7".into()),
        };
        let instance = step(&definition, &blank, &start, &context).ok()?.instance;
        context.actor = Some(Actor {
            roles: vec!["sales_manager".to_owned()],
            ..Actor::default()
        });
        let event = Event::Action {
            name: "approve".to_owned(),
            actor: UserId::from("sara"),
            fields: Fields::new(),
            confirmed: false,
        };
        Some(Bench {
            definition,
            instance,
            event,
            context,
        })
    }

    fn run(&self, bencher: divan::Bencher<'_, '_>) {
        bencher.bench(|| {
            let (definition, instance) = (black_box(&self.definition), black_box(&self.instance));
            step(
                definition,
                instance,
                black_box(&self.event),
                black_box(&self.context),
            )
        });
    }
}

/// The flagship number: task → decision → task with one guard.
#[divan::bench]
fn one_guard(bencher: divan::Bencher<'_, '_>) {
    if let Some(bench) = Bench::new(&["item.final_amount > 0"]) {
        bench.run(bencher);
    }
}

/// The same way without a guard: what the step itself costs.
#[divan::bench]
fn no_guard(bencher: divan::Bencher<'_, '_>) {
    if let Some(bench) = Bench::new(&[]) {
        bench.run(bencher);
    }
}

/// Four guards, the last one holds.
#[divan::bench]
fn four_guards(bencher: divan::Bencher<'_, '_>) {
    let guards = [
        "item.final_amount > irr(9_000_000)",
        "item.final_amount > irr(8_000_000)",
        "item.final_amount > irr(7_000_000)",
        "item.final_amount > 0",
    ];
    if let Some(bench) = Bench::new(&guards) {
        bench.run(bencher);
    }
}

/// One guard, for an item that has been through many states and hands.
#[divan::bench]
fn one_guard_after_a_long_life(bencher: divan::Bencher<'_, '_>) {
    if let Some(mut bench) = Bench::new(&["item.final_amount > 0"]) {
        for index in 0..20 {
            let state = format!("state_number_{index}");
            bench.instance.visits.insert(state.clone(), 3);
            if index % 2 == 0 {
                let actor = UserId::from("sara");
                bench.instance.last_actor.insert(state, actor);
            }
        }
        bench.run(bencher);
    }
}

/// A copy of the instance, which every step begins with.
#[divan::bench]
fn copy_of_the_instance(bencher: divan::Bencher<'_, '_>) {
    if let Some(bench) = Bench::new(&[]) {
        bencher.bench(|| black_box(&bench.instance).clone());
    }
}
