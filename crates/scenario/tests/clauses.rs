//! Clauses of docs/semantics.md as scenarios: each test plays the file that shows its clause.

use crate::support::{file, play, play_all, project, shown};

async fn passes(name: &str) {
    let report = play(&file(&format!("{name}.scenario.yaml")), &project()).await;
    assert!(report.passed(), "{name}: {:#?}", report.failures);
}

async fn order(name: &str) {
    passes(&format!("crates/scenario/tests/workflows/order/{name}")).await;
}

/// Clause 15: an event whose guard does not hold leads nowhere and does no harm.
#[tokio::test]
async fn an_event_without_a_true_guard_leads_nowhere() {
    order("declined-event").await;
}

/// Clause 16: a guard that fails at run time parks the item; it never counts as "false".
#[tokio::test]
async fn a_guard_that_fails_parks_the_item() {
    passes("workflows/invoice/amount-missing").await;
    passes("workflows/invoice/wrong-currency").await;
}

/// Clause 30: a restart reads rows, whatever had been decided and not yet done.
#[tokio::test]
async fn a_restart_finds_the_work_that_was_decided() {
    passes("workflows/invoice/process-dies-after-the-commit").await;
}

/// Clause 38: a timeout after sending is unknown, never a failure.
#[tokio::test]
async fn a_lost_answer_is_unknown_and_parks_where_nothing_can_be_told() {
    passes("workflows/invoice/unknown-is-parked").await;
}

/// Clause 39: from unknown, each profile goes its own way to one link.
#[tokio::test]
async fn every_profile_comes_to_one_link_after_a_lost_answer() {
    for profile in ["idempotent", "unique-reference", "lookup-only"] {
        passes(&format!("workflows/invoice/timeout-{profile}")).await;
    }
}

/// Clause 40: with a look-up alone nothing is repeated before the quarantine is over.
#[tokio::test]
async fn a_look_up_waits_for_the_quarantine() {
    passes("workflows/invoice/timeout-before-accepting").await;
}

/// Clause 41: a process that dies after the gateway has answered never asks with a new reference.
#[tokio::test]
async fn a_process_that_dies_after_the_gateway_leaves_one_link() {
    passes("workflows/invoice/process-dies-after-the-gateway").await;
    passes("workflows/contract/process-dies-twice").await;
}

/// Clause 42: a callback resolves what nobody knew, by our reference.
#[tokio::test]
async fn a_callback_resolves_an_unknown_creation() {
    passes("workflows/opportunity/early-callback").await;
}

/// Clause 43: paid wins over expired, even when it comes after it.
#[tokio::test]
async fn a_late_payment_wins_over_the_expiry() {
    passes("workflows/invoice/paid-late").await;
    passes("workflows/opportunity/paid-after-two-links").await;
}

/// Clause 44: an open link is read again until it is closed, so that no callback is needed.
#[tokio::test]
async fn a_payment_is_found_without_its_callback() {
    passes("workflows/invoice/lost-callback").await;
}

/// Clause 46: leaving a state takes its timers along; the limit that was met never fires.
#[tokio::test]
async fn leaving_a_state_takes_its_timers_along() {
    passes("workflows/opportunity/invoice-in-time").await;
    passes("workflows/opportunity/invoice-late").await;
}

/// Clause 47: a moment is counted from the entry or from a date field, before or after it.
#[tokio::test]
async fn moments_count_from_the_entry_and_from_date_fields() {
    passes("workflows/contract/twelve-instalments").await;
    passes("workflows/opportunity/won").await;
}

/// Clause 48: late is normal: what was due while no process ran happens once, when one runs again.
#[tokio::test]
async fn what_was_due_while_the_machine_was_down_happens_once() {
    passes("workflows/opportunity/machine-was-down").await;
}

/// Clause 49: a condition on fields is looked at again with the change itself, without polling.
#[tokio::test]
async fn a_condition_is_looked_at_when_its_field_changes() {
    order("condition").await;
    order("condition-already").await;
    passes("workflows/contract/postponed").await;
}

/// Clause 51: early events wait for as long as declared; late ones follow the declaration.
#[tokio::test]
async fn early_events_wait_and_late_events_follow_their_declaration() {
    order("early-event").await;
    order("too-early-event").await;
    order("late-event").await;
}

/// Clause 67: an incident is resolved by mending the cause and trying again.
#[tokio::test]
async fn an_incident_goes_once_the_cause_is_mended_and_the_retry_passes() {
    passes("workflows/invoice/amount-missing").await;
}

/// Clause 75: every scenario ends with its histories replayed from nothing to the same items, bit for
/// bit; a report that passed has passed that too. Clause 76: and with every item able to wake.
#[tokio::test]
async fn every_history_replays_to_the_same_item() {
    let suite = play_all("crates/scenario/tests/workflows").await;
    assert!(suite.passed(), "{}", shown(&suite));
    let coverage = suite.coverage();
    let order = coverage.get("order").expect("the workflow of the tests");
    assert!(order.is_full(), "{}", shown(&suite));
}
