//! Workflows as data, small enough to read in a test.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use state_machine::{Definition, Model};

/// A model from its states, as JSON of the canonical form.
pub(crate) fn model(states: Json) -> Definition {
    model_with(states, json!({}))
}

pub(crate) fn model_with(states: Json, more: Json) -> Definition {
    let mut model = json!({
        "workflow": "invoice-payment", "version": 1, "entity": "invoice",
        "label": { "en": "Invoice payment" },
        "fields": {
            "pay_days": field("number"), "mobile": field("text"), "reason": field("text"),
            "receipt": field("receipt"),
        },
        "party_fields": {}, "related": {}, "events": {}, "stages": [], "initial": "review",
        "on": [], "states": states,
    });
    for (key, value) in more.as_object().unwrap() {
        model[key] = value.clone();
    }
    let model: Model = serde_json::from_value(model).unwrap();
    Definition::build(model).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

pub(crate) fn field(kind: &str) -> Json {
    json!({ "type": kind, "label": null, "currency": null, "personal": false })
}

pub(crate) fn state(id: &str, kind: Json) -> Json {
    json!({ "id": id, "label": null, "kind": kind, "on": [], "display": {} })
}

/// A state with routes that hold there: event, the state of a link, where to.
pub(crate) fn routed(mut state: Json, routes: &[(&str, Option<&str>, &str)]) -> Json {
    let routes: Vec<Json> = routes
        .iter()
        .map(|(event, of, to)| route(event, *of, to))
        .collect();
    state["on"] = json!(routes);
    state
}

pub(crate) fn route(event: &str, of: Option<&str>, to: &str) -> Json {
    json!({ "event": event, "of": of, "when": null, "to": to })
}

/// Named events without payload that are not kept.
pub(crate) fn events(names: &[&str]) -> Json {
    let kind = json!({ "payload": {}, "keep_seconds": 0, "late": "record" });
    let kinds: BTreeMap<&str, Json> = names.iter().map(|name| (*name, kind.clone())).collect();
    json!(kinds)
}

pub(crate) fn task(role: &str, actions: &[(&str, &str)]) -> Json {
    task_for(json!({ "role": role }), actions)
}

pub(crate) fn task_for(assignee: Json, actions: &[(&str, &str)]) -> Json {
    let actions: Vec<Json> = actions
        .iter()
        .map(|(name, to)| action(name, to, json!({})))
        .collect();
    json!({ "task": {
        "assignee": assignee, "return_to_last": false, "actions": actions,
        "remind_seconds": null, "critical_seconds": null, "timeout": null,
    } })
}

pub(crate) fn action(name: &str, to: &str, more: Json) -> Json {
    let mut action = json!({
        "name": name, "label": null, "to": to, "when": null, "roles": [], "require": [],
        "confirm": null, "color": null, "help": null,
    });
    for (key, value) in more.as_object().unwrap() {
        action[key] = value.clone();
    }
    action
}

pub(crate) fn activity(name: &str, with: Json, next: &[(&str, &str)]) -> Json {
    let next: BTreeMap<&str, &str> = next.iter().copied().collect();
    json!({ "activity": {
        "name": name, "with": with, "next": next,
        "retry": { "attempts_max": 5, "pause_seconds": 10, "pause_seconds_max": 3600 },
        "timeout_seconds": null,
    } })
}

pub(crate) fn wait_payment(of: &str, next: &[(&str, &str)]) -> Json {
    let next: BTreeMap<&str, &str> = next.iter().copied().collect();
    json!({ "wait": {
        "due": null, "event": null, "when": null, "payment": of, "by": null, "next": next,
    } })
}

pub(crate) fn wait_event(name: &str, to: &str) -> Json {
    json!({ "wait": {
        "due": null, "event": { "name": name, "when": null }, "when": null, "payment": null, "by": null,
        "next": { "event": to },
    } })
}

pub(crate) fn wait_seconds(seconds: i64, to: &str) -> Json {
    json!({ "wait": {
        "due": {
            "base": "entry", "shift": { "direction": "after", "amount": { "seconds": seconds } },
            "follow": "live",
        },
        "event": null, "when": null, "payment": null, "by": null, "next": { "elapsed": to },
    } })
}

/// The flagship whose wait can be given up for a new link, or for the end.
pub(crate) fn renewing() -> Definition {
    renewing_with(&[])
}

/// The same with routes that hold everywhere.
pub(crate) fn renewing_with(on: &[(&str, Option<&str>, &str)]) -> Definition {
    let next = [("success", "await_payment"), ("error", "failed")];
    let wait = wait_payment("make_link", &[("paid", "done"), ("expired", "remind")]);
    let make = activity("create_payment_link", link_settings(), &next);
    let on: Vec<Json> = on
        .iter()
        .map(|(event, of, to)| route(event, *of, to))
        .collect();
    model_with(
        json!([
            state("review", task("sales_manager", &[("approve", "make_link")])),
            routed(state("make_link", make), &[("stop", None, "stopped")]),
            routed(
                state("await_payment", wait),
                &[("renew", None, "make_link"), ("stop", None, "stopped")]
            ),
            state("remind", task("sales_manager", &[("again", "make_link")])),
            state(
                "stopped",
                task(
                    "sales_manager",
                    &[("again", "make_link"), ("end", "given_up")]
                )
            ),
            state("done", json!({ "end": "success" })),
            state("failed", json!({ "end": "failed" })),
            state("given_up", json!({ "end": "cancelled" })),
        ]),
        json!({ "events": events(&["renew", "stop"]), "on": on }),
    )
}

/// The flagship whose wait can be left for an activity on its link, which leads back to the wait.
pub(crate) fn working(name: &str, with: Json) -> Definition {
    let made = [("success", "await_payment"), ("error", "refused")];
    let worked = [("success", "await_payment"), ("error", "refused")];
    let paid = [
        ("paid", "done"),
        ("expired", "late"),
        ("cancelled", "closed"),
    ];
    model_with(
        json!([
            state("review", task("sales_manager", &[("approve", "make_link")])),
            state(
                "make_link",
                activity("create_payment_link", link_settings(), &made)
            ),
            routed(
                state("await_payment", wait_payment("make_link", &paid)),
                &[("renew", None, "work")]
            ),
            state("work", activity(name, with, &worked)),
            state("late", task("sales_manager", &[("again", "work")])),
            state("refused", task("sales_manager", &[("again", "work")])),
            state("closed", json!({ "end": "cancelled" })),
            state("done", json!({ "end": "success" })),
        ]),
        json!({
            "events": events(&["renew"]),
            "fields": {
                "pay_days": field("number"), "slip_no": field("text"), "receipt": field("receipt"),
                "cash_receipt": field("receipt"),
            },
        }),
    )
}

/// The flagship: review → make_link → await → paid, with a task for errors.
pub(crate) fn flagship() -> Definition {
    model_with(
        json!([
            state("review", task("sales_manager", &[("approve", "make_link")])),
            state(
                "make_link",
                activity(
                    "create_payment_link",
                    link_settings(),
                    &[("success", "await_payment"), ("error", "link_failed"),]
                )
            ),
            state(
                "await_payment",
                wait_payment("make_link", &[("paid", "done"), ("expired", "remind")])
            ),
            state(
                "remind",
                task(
                    "sales_manager",
                    &[("again", "make_link"), ("stop", "given_up")]
                )
            ),
            state(
                "link_failed",
                task(
                    "sales_manager",
                    &[("again", "make_link"), ("stop", "given_up")]
                )
            ),
            state("done", json!({ "end": "success" })),
            state("given_up", json!({ "end": "failed" })),
        ]),
        json!({ "on": [{ "event": "paid_late", "of": "make_link", "when": null, "to": "done" }] }),
    )
}

pub(crate) fn link_settings() -> Json {
    json!({
        "account": "main", "amount": "final", "expires": { "days": { "field": "pay_days" } },
        "recipients": { "sms": ["contact"] }, "message": "default",
        "receipt": { "type": "online", "approve": "auto", "field": "receipt" },
    })
}

/// The flagship whose wait hears when nobody could be told.
pub(crate) fn noticed() -> Definition {
    let next = [("success", "await_payment"), ("error", "link_failed")];
    let waits = [("paid", "done"), ("delivery_failed", "call")];
    model_with(
        json!([
            state("review", task("sales_manager", &[("approve", "make_link")])),
            state(
                "make_link",
                activity("create_payment_link", link_settings(), &next)
            ),
            state("await_payment", wait_payment("make_link", &waits)),
            state("call", task("sales_manager", &[("stop", "given_up")])),
            state(
                "link_failed",
                task("sales_manager", &[("stop", "given_up")])
            ),
            state("done", json!({ "end": "success" })),
            state("given_up", json!({ "end": "failed" })),
        ]),
        json!({}),
    )
}

/// review → work → done, or failed: one activity of a test.
pub(crate) fn scripted(next: &[(&str, &str)]) -> Definition {
    model_with(
        json!([
            state("review", task("sales_manager", &[("approve", "work")])),
            routed(
                state("work", activity("scripted", json!({}), next)),
                &[("stop", None, "failed")]
            ),
            state("done", json!({ "end": "success" })),
            state("failed", json!({ "end": "failed" })),
        ]),
        json!({ "events": events(&["stop"]) }),
    )
}
