//! Workflows in a few lines.

use std::collections::BTreeMap;

use serde_json::json;
use state_machine::{
    Action, Activity, Assignee, Branch, Decision, Definition, Direction, Due, DueBase, End,
    EventKind, EventWait, Field, Follow, Kind, Late, Model, RetryPolicy, Route, Shift, ShiftAmount,
    State, Task, Timeout, Wait,
};
use values::{Calendar, FieldType, Label};

/// A workflow being written. Its first state is the initial one.
#[derive(Clone)]
pub(crate) struct Flow(pub(crate) Model);

impl Flow {
    /// Has the fields `amount` (money), `n` and `days` (numbers), `ok` (checkbox), `note` (text),
    /// `due` (date), `at` (instant), `owner` (user), `team` (group), `desk` (position), `receipt`
    /// and `tags` (list of texts).
    pub(crate) fn new() -> Flow {
        let calendar = Calendar::Jalali;
        let of = Box::new(FieldType::Text);
        let fields = [
            ("amount", FieldType::Money),
            ("n", FieldType::Number),
            ("days", FieldType::Number),
            ("ok", FieldType::Bool),
            ("note", FieldType::Text),
            ("due", FieldType::Date { calendar }),
            ("at", FieldType::Instant),
            ("owner", FieldType::User),
            ("team", FieldType::Group),
            ("desk", FieldType::Position),
            ("receipt", FieldType::Receipt),
            ("tags", FieldType::List { of }),
        ];
        let field = |(name, kind): (&str, FieldType)| {
            let field = Field {
                kind,
                label: None,
                currency: None,
                personal: name == "note",
            };
            (name.to_owned(), field)
        };
        Flow(Model {
            workflow: "sale".to_owned(),
            version: 1,
            entity: "invoice".to_owned(),
            label: Label::plain("Sale"),
            language: None,
            fields: fields.map(field).into(),
            party_fields: BTreeMap::new(),
            related: BTreeMap::new(),
            events: BTreeMap::new(),
            stages: vec!["won".to_owned()],
            initial: String::new(),
            on: Vec::new(),
            states: Vec::new(),
        })
    }

    pub(crate) fn currency(mut self, field: &str, currency: values::Currency) -> Flow {
        self.0.fields.get_mut(field).unwrap().currency = Some(currency);
        self
    }

    /// Events carry `k`, a number.
    pub(crate) fn event(mut self, name: &str, keep_seconds: i64) -> Flow {
        let payload = BTreeMap::from([("k".to_owned(), FieldType::Number)]);
        let event = EventKind {
            payload,
            keep_seconds,
            late: Late::Record,
        };
        self.0.events.insert(name.to_owned(), event);
        self
    }

    pub(crate) fn late(mut self, event: &str, late: Late) -> Flow {
        self.0.events.get_mut(event).unwrap().late = late;
        self
    }

    fn state(mut self, id: &str, kind: Kind) -> Flow {
        if self.0.initial.is_empty() {
            id.clone_into(&mut self.0.initial);
        }
        self.0.states.push(State {
            id: id.to_owned(),
            label: None,
            kind,
            on: Vec::new(),
            display: BTreeMap::new(),
        });
        self
    }

    /// A task of the role `sales_manager`, unless the draft says otherwise.
    pub(crate) fn task(self, id: &str, draft: impl FnOnce(TaskDraft) -> TaskDraft) -> Flow {
        let task = draft(TaskDraft(Task {
            assignee: Assignee::Role("sales_manager".to_owned()),
            return_to_last: false,
            actions: Vec::new(),
            remind_seconds: None,
            critical_seconds: None,
            timeout: None,
        }));
        self.state(id, Kind::Task(task.0))
    }

    pub(crate) fn wait(self, id: &str, draft: impl FnOnce(WaitDraft) -> WaitDraft) -> Flow {
        self.state(id, Kind::Wait(draft(WaitDraft(Wait::default())).0))
    }

    pub(crate) fn activity<const N: usize>(
        self,
        id: &str,
        name: &str,
        next: [(&str, &str); N],
    ) -> Flow {
        let activity = Activity {
            name: name.to_owned(),
            with: json!({}),
            next: next.map(|(a, b)| (a.to_owned(), b.to_owned())).into(),
            retry: RetryPolicy::default(),
            timeout_seconds: None,
            undo: None,
        };
        self.state(id, Kind::Activity(activity))
    }

    pub(crate) fn link<const N: usize>(self, id: &str, next: [(&str, &str); N]) -> Flow {
        self.activity(id, "create_payment_link", next)
    }

    pub(crate) fn decision<const N: usize>(
        self,
        id: &str,
        branches: [(&str, &str); N],
        otherwise: Option<&str>,
    ) -> Flow {
        let branch = |(when, to): (&str, &str)| Branch {
            when: when.to_owned(),
            to: to.to_owned(),
        };
        let decision = Decision {
            branches: branches.map(branch).into(),
            otherwise: otherwise.map(str::to_owned),
        };
        self.state(id, Kind::Decision(decision))
    }

    pub(crate) fn end(self, id: &str) -> Flow {
        self.end_as(id, End::Success)
    }

    pub(crate) fn end_as(self, id: &str, end: End) -> Flow {
        self.state(id, Kind::End(end))
    }

    /// A route of the whole workflow: event, the link's state or none, condition or none, target.
    pub(crate) fn on(mut self, event: &str, of: &str, when: &str, to: &str) -> Flow {
        self.0.on.push(route(event, of, when, to));
        self
    }

    /// A route of the state written last.
    pub(crate) fn here_on(mut self, event: &str, of: &str, when: &str, to: &str) -> Flow {
        let state = self.0.states.last_mut().unwrap();
        state.on.push(route(event, of, when, to));
        self
    }

    pub(crate) fn build(&self) -> Definition {
        match Definition::build(self.0.clone()) {
            Ok(definition) => definition,
            Err(problems) => panic!("{problems:#?}"),
        }
    }

    /// What is wrong with it, one line each.
    pub(crate) fn problems(&self) -> Vec<String> {
        let problems = Definition::build(self.0.clone()).unwrap_err();
        problems.iter().map(ToString::to_string).collect()
    }
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn route(event: &str, of: &str, when: &str, to: &str) -> Route {
    Route {
        event: event.to_owned(),
        of: some(of),
        when: some(when),
        to: to.to_owned(),
    }
}

/// So many seconds after the entry.
pub(crate) fn after(seconds: i64) -> Due {
    Due {
        base: DueBase::Entry,
        shift: Some(Shift {
            direction: Direction::After,
            amount: ShiftAmount::Seconds(seconds),
        }),
        follow: Follow::Live,
    }
}

/// At a field, shifted by seconds: before it when they are negative.
pub(crate) fn at_field(field: &str, seconds: i64) -> Due {
    let direction = match seconds {
        0.. => Direction::After,
        _ => Direction::Before,
    };
    let amount = ShiftAmount::Seconds(seconds.abs());
    Due {
        base: DueBase::Field(field.to_owned()),
        shift: (seconds != 0).then_some(Shift { direction, amount }),
        follow: Follow::Live,
    }
}

/// So many days after the entry as a number field says.
pub(crate) fn days_of(field: &str) -> Due {
    let amount = ShiftAmount::FieldDays(field.to_owned());
    let direction = Direction::After;
    Due {
        base: DueBase::Entry,
        shift: Some(Shift { direction, amount }),
        follow: Follow::Live,
    }
}

pub(crate) fn frozen(due: Due) -> Due {
    let follow = Follow::Frozen;
    Due { follow, ..due }
}

/// A task being written.
pub(crate) struct TaskDraft(Task);

impl TaskDraft {
    pub(crate) fn by(mut self, assignee: Assignee) -> TaskDraft {
        self.0.assignee = assignee;
        self
    }

    pub(crate) fn return_to_last(mut self) -> TaskDraft {
        self.0.return_to_last = true;
        self
    }

    pub(crate) fn action(mut self, name: &str, to: &str) -> TaskDraft {
        self.0.actions.push(Action {
            name: name.to_owned(),
            label: None,
            to: to.to_owned(),
            when: None,
            roles: Vec::new(),
            require: Vec::new(),
            confirm: None,
            color: None,
            help: None,
        });
        self
    }

    fn last(&mut self) -> &mut Action {
        self.0.actions.last_mut().unwrap()
    }

    pub(crate) fn when(mut self, guard: &str) -> TaskDraft {
        self.last().when = some(guard);
        self
    }

    pub(crate) fn require(mut self, field: &str) -> TaskDraft {
        self.last().require.push(field.to_owned());
        self
    }

    pub(crate) fn role(mut self, role: &str) -> TaskDraft {
        self.last().roles.push(role.to_owned());
        self
    }

    pub(crate) fn confirm(mut self, question: &str) -> TaskDraft {
        self.last().confirm = Some(Label::plain(question));
        self
    }

    pub(crate) fn remind(mut self, seconds: i64) -> TaskDraft {
        self.0.remind_seconds = Some(seconds);
        self
    }

    pub(crate) fn critical(mut self, seconds: i64) -> TaskDraft {
        self.0.critical_seconds = Some(seconds);
        self
    }

    pub(crate) fn timeout(mut self, due: Due, to: &str) -> TaskDraft {
        let to = to.to_owned();
        self.0.timeout = Some(Timeout { due, to });
        self
    }
}

/// A wait being written.
pub(crate) struct WaitDraft(Wait);

impl WaitDraft {
    fn way(mut self, outcome: &str, to: &str) -> WaitDraft {
        self.0.next.insert(outcome.to_owned(), to.to_owned());
        self
    }

    pub(crate) fn due(mut self, due: Due, to: &str) -> WaitDraft {
        self.0.due = Some(due);
        self.way("elapsed", to)
    }

    pub(crate) fn event(mut self, name: &str, when: &str, to: &str) -> WaitDraft {
        self.0.event = Some(EventWait {
            name: name.to_owned(),
            when: some(when),
        });
        self.way("event", to)
    }

    pub(crate) fn when(mut self, condition: &str, to: &str) -> WaitDraft {
        self.0.when = some(condition);
        self.way("holds", to)
    }

    pub(crate) fn payment<const N: usize>(
        mut self,
        of: &str,
        next: [(&str, &str); N],
    ) -> WaitDraft {
        self.0.payment = some(of);
        next.into_iter()
            .fold(self, |wait, (outcome, to)| wait.way(outcome, to))
    }

    pub(crate) fn by(mut self, assignee: Assignee, to: &str) -> WaitDraft {
        self.0.by = Some(assignee);
        self.way("ended", to)
    }
}
