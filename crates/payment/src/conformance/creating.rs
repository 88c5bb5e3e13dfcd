//! Promises about making links.

use chrono::TimeDelta;
use values::{Currency, Money};

use super::{Bench, Situation, Steps, Verdict, bad, call_at, check, good, set_up, verdict};
use crate::{CreatedLink, ErrorClass, Found, Gateway, LinkRequest, LinkStatus, RepeatClass, Usage};

const NOW: TimeDelta = TimeDelta::zero();
const LATER: TimeDelta = TimeDelta::minutes(2);

pub(super) async fn a_created_link_can_be_read(bench: &dyn Bench) -> Verdict {
    let steps = async {
        let gateway = set_up(bench, Situation::Quiet)?;
        let request = bench.request("read");
        let problems = gateway.validate(&request);
        check(problems.is_empty(), || {
            format!("a good request has problems: {problems:?}")
        })?;
        let link = good(
            "create",
            gateway.create(call_at(bench, NOW), &request).await,
        )?;
        check(link.url.starts_with("https://"), || {
            format!("url: {}", link.url)
        })?;
        let same = link.amount.is_none_or(|amount| amount == request.amount);
        check(same, || {
            format!("made for another amount: {:?}", link.amount)
        })?;
        let report = gateway
            .status(call_at(bench, LATER), &link.provider_ref)
            .await;
        let report = good("status", report)?;
        check(report.reference == request.reference, || {
            format!("{report:?}")
        })?;
        check(report.status == LinkStatus::Created, || {
            format!("{report:?}")
        })?;
        check(report.payments.is_empty(), || format!("{report:?}"))
    };
    verdict(steps.await)
}

/// Clause 39: what a repeat with the same reference does is what the class says.
pub(super) async fn a_repeat_does_what_its_class_declares(bench: &dyn Bench) -> Verdict {
    let steps = async {
        let gateway = set_up(bench, Situation::Quiet)?;
        let request = bench.request("repeat");
        let first = good(
            "create",
            gateway.create(call_at(bench, NOW), &request).await,
        )?;
        repeated(bench, &*gateway, &request, &first).await
    };
    verdict(steps.await)
}

/// Repeats a create whose link is known, and checks the answer against the class.
async fn repeated(
    bench: &dyn Bench,
    gateway: &dyn Gateway,
    request: &LinkRequest,
    first: &CreatedLink,
) -> Steps {
    let again = gateway.create(call_at(bench, LATER), request).await;
    match gateway.capabilities().repeat.class {
        RepeatClass::Idempotent => {
            let again = good("repeat", again)?;
            check(
                again.provider_ref == first.provider_ref && again.url == first.url,
                || format!("an idempotent gateway made {again:?} after {first:?}"),
            )
        }
        RepeatClass::UniqueReference => {
            let error = bad("a repeat of a unique reference", again)?;
            check(
                error.is_duplicate() && error.class == ErrorClass::Permanent,
                || format!("not a duplicate: {error:?}"),
            )?;
            adopted(bench, gateway, request, first).await
        }
        // The declared danger: the engine never repeats here without knowing.
        RepeatClass::LookupOnly | RepeatClass::Nothing => {
            let again = good("repeat", again)?;
            check(again.provider_ref != first.provider_ref, || {
                "the gateway declares less than it does: a repeat made no second link".to_owned()
            })
        }
    }
}

/// Looks the reference up and expects that link.
async fn adopted(
    bench: &dyn Bench,
    gateway: &dyn Gateway,
    request: &LinkRequest,
    expected: &CreatedLink,
) -> Steps {
    let found = good(
        "find",
        gateway
            .find(call_at(bench, LATER), &request.reference)
            .await,
    )?;
    let same = matches!(&found, Found::Link(link) if link.provider_ref == expected.provider_ref);
    check(same, || format!("found {found:?}, expected {expected:?}"))
}

/// Clause 38: a create whose answer is lost is ambiguous, never a failure.
pub(super) async fn a_lost_answer_is_ambiguous(bench: &dyn Bench) -> Verdict {
    let steps = async {
        let gateway = set_up(bench, Situation::FirstAnswerLost)?;
        let request = bench.request("lost");
        let lost = gateway.create(call_at(bench, NOW), &request).await;
        let error = bad("a create whose answer is lost", lost)?;
        check(error.class == ErrorClass::Ambiguous, || {
            format!("{error:?}")
        })
    };
    verdict(steps.await)
}

/// Clause 39: after a lost answer, an idempotent gateway repeats to the same link, a unique
/// reference is refused and then found, a look-up finds after the quarantine, and a gateway
/// without any of these says that it cannot tell.
pub(super) async fn a_lost_answer_is_resolved_as_its_class_declares(bench: &dyn Bench) -> Verdict {
    let steps = async {
        let gateway = set_up(bench, Situation::FirstAnswerLost)?;
        let request = bench.request("resolve");
        let lost = gateway.create(call_at(bench, NOW), &request).await;
        bad("a create whose answer is lost", lost)?;
        let repeat = gateway.capabilities().repeat;
        match repeat.class {
            RepeatClass::Idempotent | RepeatClass::UniqueReference => {
                let again = gateway.create(call_at(bench, LATER), &request).await;
                if repeat.class == RepeatClass::UniqueReference {
                    let error = bad("a repeat of a unique reference", again)?;
                    check(error.is_duplicate(), || {
                        format!("not a duplicate: {error:?}")
                    })?;
                } else {
                    let again = good("repeat", again)?;
                    repeated(bench, &*gateway, &request, &again).await?;
                }
                found_with_its_amount(bench, &*gateway, &request, LATER).await
            }
            RepeatClass::LookupOnly => {
                let (Some(life), Some(staleness)) =
                    (repeat.request_life_max, repeat.lookup_staleness_max)
                else {
                    return Err(Verdict::Skipped);
                };
                let quarantine = LATER
                    .checked_add(&life)
                    .and_then(|sum| sum.checked_add(&staleness));
                let quarantine = quarantine.unwrap_or(LATER);
                found_with_its_amount(bench, &*gateway, &request, quarantine).await
            }
            RepeatClass::Nothing => {
                let found = gateway
                    .find(call_at(bench, LATER), &request.reference)
                    .await;
                let found = good("find", found)?;
                check(found == Found::CannotTell, || format!("{found:?}"))
            }
        }
    };
    verdict(steps.await)
}

async fn found_with_its_amount(
    bench: &dyn Bench,
    gateway: &dyn Gateway,
    request: &LinkRequest,
    after: TimeDelta,
) -> Steps {
    let found = good(
        "find",
        gateway
            .find(call_at(bench, after), &request.reference)
            .await,
    )?;
    let adopted = matches!(
        &found,
        Found::Link(link) if link.amount.is_none_or(|amount| amount == request.amount)
    );
    check(adopted, || {
        format!("the link of the lost answer is not found: {found:?}")
    })
}

/// Clause 40: the numbers that make a repeat safe are given together or not at all, and never
/// below zero.
pub(super) async fn only_a_class_with_both_numbers_may_repeat_after_a_look_up(
    bench: &dyn Bench,
) -> Verdict {
    let steps = async {
        let repeat = set_up(bench, Situation::Quiet)?.capabilities().repeat;
        let numbers = [repeat.request_life_max, repeat.lookup_staleness_max];
        check(
            repeat.class != RepeatClass::Nothing || numbers == [None, None],
            || format!("a gateway without look-up declares its look-up: {repeat:?}"),
        )?;
        let sane = numbers
            .into_iter()
            .flatten()
            .all(|number| number >= TimeDelta::zero());
        check(sane, || format!("{repeat:?}"))
    };
    verdict(steps.await)
}

pub(super) async fn a_reference_never_sent_is_not_found(bench: &dyn Bench) -> Verdict {
    let steps = async {
        let gateway = set_up(bench, Situation::Quiet)?;
        let found = good(
            "find",
            gateway.find(call_at(bench, NOW), "never-sent").await,
        )?;
        let expected = match gateway.capabilities().repeat.class {
            RepeatClass::Nothing => Found::CannotTell,
            _ => Found::NotFound,
        };
        check(found == expected, || {
            format!("{found:?}, expected {expected:?}")
        })
    };
    verdict(steps.await)
}

/// Clause 33: no send after `send_by`, checked right before the write; the request is as if it had
/// never been made.
pub(super) async fn nothing_is_sent_after_send_by(bench: &dyn Bench) -> Verdict {
    let steps = async {
        let gateway = set_up(bench, Situation::Quiet)?;
        let request = bench.request("late-send");
        let mut call = call_at(bench, LATER);
        call.send_by = bench.start();
        let error = bad(
            "a create after its send_by",
            gateway.create(call, &request).await,
        )?;
        check(error.class == ErrorClass::Retryable, || {
            format!("{error:?}")
        })?;
        let found = good(
            "find",
            gateway
                .find(call_at(bench, LATER), &request.reference)
                .await,
        )?;
        check(!matches!(found, Found::Link(_)), || {
            format!("it was sent: {found:?}")
        })?;
        good(
            "a create in time",
            gateway.create(call_at(bench, LATER), &request).await,
        )
        .map(|_| ())
    };
    verdict(steps.await)
}

pub(super) async fn an_unknown_setting_is_refused_and_nothing_is_made(
    bench: &dyn Bench,
) -> Verdict {
    let steps = async {
        let gateway = set_up(bench, Situation::Quiet)?;
        let mut request = bench.request("unknown-setting");
        request
            .extras
            .insert("no_gateway_has_this".to_owned(), "۱".to_owned());
        refused(bench, &*gateway, &request).await
    };
    verdict(steps.await)
}

/// Validation lists it, create refuses it for good, and nothing is made.
async fn refused(bench: &dyn Bench, gateway: &dyn Gateway, request: &LinkRequest) -> Steps {
    let problems = gateway.validate(request);
    let permanent = problems
        .iter()
        .all(|problem| problem.class == ErrorClass::Permanent);
    check(!problems.is_empty() && permanent, || {
        format!("{request:?} has {problems:?}")
    })?;
    let error = bad(
        "a bad request",
        gateway.create(call_at(bench, NOW), request).await,
    )?;
    check(error.class == ErrorClass::Permanent, || {
        format!("{error:?}")
    })?;
    let found = good(
        "find",
        gateway
            .find(call_at(bench, LATER), &request.reference)
            .await,
    )?;
    check(!matches!(found, Found::Link(_)), || {
        format!("it was made: {found:?}")
    })
}

pub(super) async fn an_amount_that_cannot_be_paid_is_refused(bench: &dyn Bench) -> Verdict {
    let steps = async {
        let gateway = set_up(bench, Situation::Quiet)?;
        let request = bench.request("amount");
        let taken = gateway.descriptor().currencies;
        let foreign = Currency::ALL
            .into_iter()
            .find(|currency| !taken.contains(currency));
        let amounts = [
            (0, request.amount.currency()),
            (-1, request.amount.currency()),
        ]
        .into_iter()
        .chain(foreign.map(|foreign| (1_000_000, foreign)));
        for (minor, currency) in amounts {
            let amount = good("amount", Money::from_minor(minor, currency))?;
            refused(
                bench,
                &*gateway,
                &LinkRequest {
                    amount,
                    ..request.clone()
                },
            )
            .await?;
        }
        Ok(())
    };
    verdict(steps.await)
}

pub(super) async fn a_limit_is_kept_by_validation_and_by_create(bench: &dyn Bench) -> Verdict {
    let steps = async {
        let gateway = set_up(bench, Situation::Quiet)?;
        let capabilities = gateway.capabilities();
        let limits = capabilities.limits;
        let request = bench.request("limits");
        let one = good("amount", Money::from_minor(1, request.amount.currency()))?;
        if let Some(max) = limits.amount_max {
            let amount = good("amount", max.checked_add(&one))?;
            refused(
                bench,
                &*gateway,
                &LinkRequest {
                    amount,
                    ..request.clone()
                },
            )
            .await?;
        }
        if let Some(min) = limits.amount_min {
            let amount = good("amount", min.checked_sub(&one))?;
            refused(
                bench,
                &*gateway,
                &LinkRequest {
                    amount,
                    ..request.clone()
                },
            )
            .await?;
        }
        if let Some(max) = limits.description_chars_max {
            let description = "ش".repeat(max.saturating_add(1));
            refused(
                bench,
                &*gateway,
                &LinkRequest {
                    description,
                    ..request.clone()
                },
            )
            .await?;
        }
        if !capabilities.reusable {
            let usage = Usage::Reusable;
            refused(bench, &*gateway, &LinkRequest { usage, ..request }).await?;
        }
        Ok(())
    };
    verdict(steps.await)
}

pub(super) async fn a_past_expiry_is_refused(bench: &dyn Bench) -> Verdict {
    let steps = async {
        let gateway = set_up(bench, Situation::Quiet)?;
        let request = LinkRequest {
            expires_at: bench.start(),
            ..bench.request("past-expiry")
        };
        let past = gateway.create(call_at(bench, NOW), &request).await;
        let error = bad("a link that has expired before it is made", past)?;
        check(error.class == ErrorClass::Permanent, || {
            format!("{error:?}")
        })
    };
    verdict(steps.await)
}

pub(super) async fn a_refused_create_is_permanent(bench: &dyn Bench) -> Verdict {
    let steps = async {
        let gateway = set_up(bench, Situation::Refused)?;
        let request = bench.request("refused");
        let refused = gateway.create(call_at(bench, NOW), &request).await;
        let error = bad("a refused create", refused)?;
        check(error.class == ErrorClass::Permanent, || {
            format!("{error:?}")
        })?;
        let found = good(
            "find",
            gateway
                .find(call_at(bench, LATER), &request.reference)
                .await,
        )?;
        check(!matches!(found, Found::Link(_)), || {
            format!("it was made: {found:?}")
        })
    };
    verdict(steps.await)
}

pub(super) async fn a_create_that_is_turned_away_goes_through_later(bench: &dyn Bench) -> Verdict {
    let steps = async {
        let gateway = set_up(bench, Situation::FirstTurnedAway)?;
        let request = bench.request("turned-away");
        let first = gateway.create(call_at(bench, NOW), &request).await;
        let error = bad("a create that is turned away", first)?;
        check(error.class == ErrorClass::Retryable, || {
            format!("{error:?}")
        })?;
        good(
            "the next",
            gateway.create(call_at(bench, LATER), &request).await,
        )
        .map(|_| ())
    };
    verdict(steps.await)
}
