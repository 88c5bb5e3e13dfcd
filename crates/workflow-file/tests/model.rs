//! What the words of the file become.

use state_machine::{
    Assignee, Direction, Display, Due, DueBase, End, Follow, Kind, Late, Model, RetryPolicy, Shift,
    ShiftAmount, State, Task, Wait,
};
use values::{Calendar, FieldType, Label, Locale, parse_date};

use crate::support::{checked, codes_of, guarded};

/// Every word of the grammar once.
const FULL: &str = r##"
workflow: everything
version: ۲
entity: contract
label: { en: Everything, fa: همه‌چیز, ru: Всё }
description: Every word once
language: fa
fields:
  note:     { type: text, personal: true, label: { en: Note, fa: یادداشت, ru: Заметка } }
  deposit:  { type: money, currency: IRR }
  due:      { type: date, calendar: jalali }
  sent:     { type: instant }
  days:     { type: number }
  boss:     { type: user }
  size:     { type: choice, options: [small, large] }
  files:    { type: list, of: link }
  kinds:    { type: list, of: { type: choice, options: [a, b] } }
  offer:    { type: item, entity: proforma }
party:
  fields: { score: { type: number } }
related:
  invoice: { fields: { paid: { type: bool } } }
events:
  delivered: { payload: { by: { type: text } }, keep: 1d12h, late: ignore }
  called: {}
stages: [open, won]
initial: ask
on:
  called: [{ to: stop, when: item.days > 3 }, { to: rest }]
  paid_late: { of: pay, to: done }
states:
  ask:
    label: Ask
    fields: { note: show, deposit: read_only, files: hidden, sent: show, kinds: show, offer: show }
    on: { delivered: { to: done, when: event.by != () } }
    task:
      assignee: { field: boss, fallback: { last_responsible_of: ask, fallback: { manager_of: { user: ali } } } }
      return_to_last: true
      remind: { after: 4h }
      critical: { after: 1d }
      timeout: { at: { field: due, before: { field: days } }, follow: frozen, to: rest }
      actions:
        go:
          to: choose
          when: item.size == "large"
          roles: [sales, "مدیر فروش"]
          require: [note, title]
          confirm: Sure?
          color: "#a1b2c3"
          help: { en: Go on, fa: ادامه, ru: Дальше }
          label: Go
        stop: { to: stop, color: red }
  choose:
    decision:
      - { when: item.final_amount > irr(5), to: pay }
      - { when: party.score > 3, to: rest }
      - { otherwise: stop }
  pay:
    activity: create_payment_link
    with: { account: main, amount: { fixed: 1_500_000 IRR }, expires: { days: 3 } }
    retry: { attempts: ۳, pause: 1m, pause_max: 2h }
    timeout: 30m
    next: { success: rest, error: stop, unknown: stop }
  rest:
    wait:
      until: { field: due, after: 2d }
      event: { name: delivered, when: event.by == "zahra" }
      when: item.days == 0
      payment: pay
      by: { group: finance }
    next: { elapsed: stop, event: done, holds: done, paid: done, expired: stop, ended: later, cancelled: stop }
  later: { wait: { for: { field: days } }, next: { elapsed: fixed } }
  fixed: { wait: { until: 1405/06/31, follow: live }, next: { elapsed: done } }
  done: { end: success }
  stop: { end: cancelled }
"##;

fn model() -> Model {
    let checked = checked(FULL);
    assert!(checked.diagnostics.is_empty(), "{:#?}", checked.diagnostics);
    checked.model.expect("a clean workflow")
}

fn state<'a>(model: &'a Model, id: &str) -> &'a State {
    model.state(id).expect("a state")
}

fn task<'a>(model: &'a Model, id: &str) -> &'a Task {
    match &state(model, id).kind {
        Kind::Task(task) => task,
        other => panic!("{id} is {}", other.name()),
    }
}

fn wait<'a>(model: &'a Model, id: &str) -> &'a Wait {
    match &state(model, id).kind {
        Kind::Wait(wait) => wait,
        other => panic!("{id} is {}", other.name()),
    }
}

fn after(amount: ShiftAmount) -> Option<Shift> {
    Some(Shift {
        direction: Direction::After,
        amount,
    })
}

#[test]
fn the_head_is_read() {
    let model = model();
    assert_eq!(
        (
            model.workflow.as_str(),
            model.version,
            model.entity.as_str()
        ),
        ("everything", 2, "contract")
    );
    assert_eq!(
        (model.language, model.label.get(Locale::Fa)),
        (Some(Locale::Fa), "همه‌چیز")
    );
    assert_eq!(model.stages, ["open", "won"]);
    assert_eq!(model.party_fields["score"], FieldType::Number);
    assert_eq!(model.related["invoice"]["paid"], FieldType::Bool);
    assert_eq!(model.related["invoice"]["final_amount"], FieldType::Money);
    let delivered = &model.events["delivered"];
    assert_eq!(
        (delivered.keep_seconds, delivered.late),
        (129_600, Late::Ignore)
    );
    assert_eq!(
        (
            model.events["called"].keep_seconds,
            model.events["called"].late
        ),
        (604_800, Late::Record)
    );
    let order: Vec<&str> = model.states.iter().map(|state| state.id.as_str()).collect();
    assert_eq!(
        order,
        [
            "ask", "choose", "pay", "rest", "later", "fixed", "done", "stop"
        ]
    );
}

#[test]
fn every_type_of_field_is_read() {
    let model = model();
    let kind = |name: &str| model.fields[name].kind.clone();
    assert!(model.fields["note"].personal && !model.fields["due"].personal);
    assert_eq!(
        kind("due"),
        FieldType::Date {
            calendar: Calendar::Jalali
        }
    );
    assert_eq!(
        kind("offer"),
        FieldType::Item {
            entity: Some("proforma".to_owned())
        }
    );
    assert_eq!(
        kind("files"),
        FieldType::List {
            of: Box::new(FieldType::Link)
        }
    );
    let choice = FieldType::Choice {
        options: vec!["a".to_owned(), "b".to_owned()],
    };
    assert_eq!(
        kind("kinds"),
        FieldType::List {
            of: Box::new(choice)
        }
    );
    assert_eq!(kind("final_amount"), FieldType::Money);
}

#[test]
fn routes_keep_their_order() {
    let model = model();
    let routes: Vec<(&str, Option<&str>, &str)> = model
        .on
        .iter()
        .map(|route| (route.event.as_str(), route.of.as_deref(), route.to.as_str()))
        .collect();
    assert_eq!(
        routes,
        [
            ("called", None, "stop"),
            ("called", None, "rest"),
            ("paid_late", Some("pay"), "done")
        ]
    );
    assert_eq!(
        state(&model, "ask").on[0].when.as_deref(),
        Some("event.by != ()")
    );
}

#[test]
fn a_task_is_read_with_everything_on_it() {
    let model = model();
    let ask = task(&model, "ask");
    assert_eq!(state(&model, "ask").display["files"], Display::Hidden);
    let manager = Assignee::ManagerOf(Box::new(Assignee::User("ali".to_owned())));
    let last = Assignee::LastResponsible {
        state: "ask".to_owned(),
        fallback: Some(Box::new(manager)),
    };
    assert_eq!(
        ask.assignee,
        Assignee::Field {
            field: "boss".to_owned(),
            fallback: Box::new(last)
        }
    );
    assert!(ask.return_to_last);
    assert_eq!(
        (ask.remind_seconds, ask.critical_seconds),
        (Some(14_400), Some(86_400))
    );
    let timeout = ask.timeout.as_ref().expect("a timeout");
    let shift = Shift {
        direction: Direction::Before,
        amount: ShiftAmount::FieldDays("days".to_owned()),
    };
    assert_eq!(
        timeout.due,
        Due {
            base: DueBase::Field("due".to_owned()),
            shift: Some(shift),
            follow: Follow::Frozen
        }
    );
    let go = &ask.actions[0];
    assert_eq!((go.name.as_str(), go.to.as_str()), ("go", "choose"));
    assert_eq!(go.roles, ["sales", "مدیر فروش"]);
    assert_eq!(go.require, ["note", "title"]);
    assert_eq!(go.confirm, Some(Label::plain("Sure?")));
    assert_eq!(go.color.as_deref(), Some("#a1b2c3"));
    assert_eq!(ask.actions[1].when, None);
}

#[test]
fn an_activity_is_read_with_its_policy() {
    let model = model();
    let Kind::Activity(pay) = &state(&model, "pay").kind else {
        panic!("an activity")
    };
    let policy = RetryPolicy {
        attempts_max: 3,
        pause_seconds: 60,
        pause_seconds_max: 7_200,
    };
    assert_eq!((pay.retry, pay.timeout_seconds), (policy, Some(1_800)));
    assert_eq!(pay.with["amount"]["fixed"], "1_500_000 IRR");
    assert_eq!(pay.with["expires"]["days"], 3);
    assert_eq!(pay.next["unknown"], "stop");
}

/// Clause 47: after a length of time, at a field, at a date; live or frozen.
#[test]
fn every_form_of_timer_is_read() {
    let model = model();
    let rest = wait(&model, "rest");
    let due = rest.due.as_ref().expect("a moment");
    assert_eq!(due.base, DueBase::Field("due".to_owned()));
    assert_eq!(due.shift, after(ShiftAmount::Seconds(172_800)));
    assert_eq!(due.follow, Follow::Live);
    let later = wait(&model, "later").due.as_ref().expect("a length");
    assert_eq!(
        (&later.base, &later.shift),
        (
            &DueBase::Entry,
            &after(ShiftAmount::FieldDays("days".to_owned()))
        )
    );
    let fixed = wait(&model, "fixed").due.as_ref().expect("a date");
    let date = parse_date("1405/06/31").expect("a date").date;
    assert_eq!((&fixed.base, &fixed.shift), (&DueBase::Date(date), &None));
}

#[test]
fn a_wait_may_end_in_every_way() {
    let model = model();
    let rest = wait(&model, "rest");
    assert_eq!(
        rest.event.as_ref().and_then(|event| event.when.as_deref()),
        Some("event.by == \"zahra\"")
    );
    assert_eq!(
        (rest.when.as_deref(), rest.payment.as_deref()),
        (Some("item.days == 0"), Some("pay"))
    );
    assert_eq!(rest.by, Some(Assignee::Group("finance".to_owned())));
    assert_eq!(rest.next.len(), 7);
    assert!(matches!(
        state(&model, "stop").kind,
        Kind::End(End::Cancelled)
    ));
}

/// Clause 11: nothing leads out of an end.
#[test]
fn an_end_leads_nowhere() {
    let text = guarded("item.final_amount > 0").replace(
        "{ end: success }",
        "{ end: success, next: { done: review }, on: {} }",
    );
    assert_eq!(codes_of(&checked(&text).diagnostics), ["WF0114", "WF0114"]);
}

/// Clause 16: a guard that names what is not there never comes as far as an item.
#[test]
fn a_guard_is_checked_when_the_workflow_is_loaded() {
    for (when, code) in [
        ("item.amount > 0", "WF0303"),
        ("itm.final_amount > 0", "WF0302"),
        ("item.final_amount", "WF0307"),
        ("item.final_amount > \"much\"", "WF0306"),
        ("loop { }", "WF0313"),
        ("while true { }", "WF0313"),
        ("item.final_amount > irr(1.5)", "WF0310"),
        ("visits(\"nowhere\") > 0", "WF0302"),
    ] {
        let found = codes_of(&checked(&guarded(&format!("'{when}'"))).diagnostics);
        assert!(found.contains(&code), "{when}: {found:?}");
    }
}

/// Clause 17: an amount is never compared with a bare number other than zero.
#[test]
fn a_bare_number_is_no_amount() {
    assert!(
        checked(&guarded("item.final_amount > 0"))
            .diagnostics
            .is_empty()
    );
    let found = checked(&guarded("item.final_amount > 100_000_000")).diagnostics;
    assert_eq!(codes_of(&found), ["WF0306"]);
}

/// Clause 19: a cycle that never rests is refused, and its way is shown.
#[test]
fn a_cycle_without_a_rest_is_refused() {
    let text = "workflow: sample\nversion: 1\nentity: invoice\nlabel: Sample\nfields: { n: { type: number } }\n\
                initial: a\nstates:\n  a:\n    decision:\n      - { when: item.n > 3, to: done }\n      - { otherwise: b }\n  \
                b:\n    decision:\n      - { when: item.n > 2, to: done }\n      - { otherwise: a }\n  done: { end: success }\n";
    let found = checked(text).diagnostics;
    assert_eq!(codes_of(&found), ["WF0213"]);
    assert!(found[0].message.contains(" → "), "{}", found[0].message);
}

/// Clause 31: every state that is no end waits for something that can come.
#[test]
fn a_state_that_nothing_can_end_is_refused() {
    for (state, code) in [
        ("task: { assignee: { role: sales } }", "WF0212"),
        ("wait: {}\n    next: { elapsed: paid }", "WF0209"),
        ("wait: { for: 3d }\n    next: {}", "WF0206"),
        (
            "activity: set_stage\n    with: { stage: x }\n    next: {}",
            "WF0206",
        ),
    ] {
        let text = guarded("item.final_amount > 0")
            .replace("  paid:", &format!("  stuck:\n    {state}\n  paid:"))
            .replace("          to: paid\n", "          to: stuck\n");
        let found = codes_of(&checked(&text).diagnostics);
        assert!(found.contains(&code), "{state}: {found:?}");
    }
}

/// Clause 51: an early event waits for its time, a late one follows its declaration.
#[test]
fn an_event_declares_how_long_it_waits() {
    let model = model();
    assert_eq!(model.events["delivered"].payload["by"], FieldType::Text);
    assert_eq!(model.events["delivered"].keep_seconds, 36 * 3_600);
}

#[test]
fn a_final_amount_belongs_to_financial_entities_alone() {
    let other = guarded("item.final_amount > 0").replace("entity: invoice", "entity: opportunity");
    assert_eq!(codes_of(&checked(&other).diagnostics), ["WF0303"]);
    let own = other.replace(
        "initial:",
        "fields: { final_amount: { type: money } }\ninitial:",
    );
    assert!(checked(&own).diagnostics.is_empty());
}

#[test]
fn every_mistake_of_a_file_is_reported_in_one_run() {
    let text = "workflow: Bad Name\nversion: 0\nentity: invoice\nlabel: { en: x, de: y }\nfields:\n  a: { type: mony }\n  \
                b: { type: date, calendar: persian }\ninitial: nowhere\nstates:\n  s:\n    task:\n      assignee: {}\n      \
                actions:\n        go: { to: gone, wen: x }\n        do: { when: itm.x > 0 }\n  t: { wait: { for: 3 }, next: {} }\n";
    let found = codes_of(&checked(text).diagnostics);
    for code in [
        "WF0109", "WF0105", "WF0101", "WF0112", "WF0201", "WF0102", "WF0302", "WF0106",
    ] {
        assert!(found.contains(&code), "{code} in {found:?}");
    }
    assert!(found.len() >= 11, "{found:?}");
}

#[test]
fn a_field_that_is_declared_wrongly_is_reported_once() {
    let text = guarded("item.deposit > 0")
        .replace("initial:", "fields: { deposit: { type: mony } }\ninitial:");
    assert_eq!(codes_of(&checked(&text).diagnostics), ["WF0112"]);
}
