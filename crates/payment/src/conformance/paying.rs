//! Promises about payments, expiry and closing.

use std::sync::Arc;

use chrono::TimeDelta;

use super::{
    Bench, PAID_AFTER, Situation, Steps, Verdict, bad, call_at, check, good, set_up, verdict,
};
use crate::{CreatedLink, ErrorClass, Gateway, LinkRequest, LinkStatus, StatusReport};

const NOW: TimeDelta = TimeDelta::zero();
const LATER: TimeDelta = TimeDelta::minutes(2);
/// After every payment of a link that is paid in time.
const ALL_PAID: TimeDelta = TimeDelta::hours(4);
const EXPIRED: TimeDelta = TimeDelta::days(1);
/// After every payment that comes late.
const LONG_AFTER: TimeDelta = TimeDelta::hours(30);

/// A gateway with one link.
struct Made<'a> {
    bench: &'a dyn Bench,
    gateway: Arc<dyn Gateway>,
    request: LinkRequest,
    link: CreatedLink,
}

impl Made<'_> {
    async fn new(bench: &dyn Bench, situation: Situation) -> Result<Made<'_>, Verdict> {
        let gateway = set_up(bench, situation)?;
        let request = bench.request("payment");
        let link = good(
            "create",
            gateway.create(call_at(bench, NOW), &request).await,
        )?;
        Ok(Made {
            bench,
            gateway,
            request,
            link,
        })
    }

    async fn read(&self, after: TimeDelta) -> Result<StatusReport, Verdict> {
        let call = call_at(self.bench, after);
        good(
            "status",
            self.gateway.status(call, &self.link.provider_ref).await,
        )
    }

    async fn expect(&self, after: TimeDelta, status: LinkStatus, payments: usize) -> Steps {
        let report = self.read(after).await?;
        check(
            report.status == status && report.payments.len() == payments,
            || format!("expected {status:?} with {payments} payments, got {report:?}"),
        )?;
        let amount = self.request.amount;
        let exact = report
            .payments
            .iter()
            .all(|payment| payment.amount == amount);
        check(exact, || {
            format!("paid another amount than {amount}: {report:?}")
        })
    }

    async fn cancel(&self, after: TimeDelta) -> Result<Result<(), crate::GatewayError>, Verdict> {
        let deactivate = self.gateway.as_deactivate();
        check(
            deactivate.is_some() == self.gateway.capabilities().deactivate,
            || "the capability and the way to close a link disagree".to_owned(),
        )?;
        let Some(deactivate) = deactivate else {
            return Err(Verdict::Skipped);
        };
        let call = call_at(self.bench, after);
        Ok(deactivate.deactivate(call, &self.link.provider_ref).await)
    }
}

/// Clause 43: paid is not overwritten, not by a later reading and not by expiry.
pub(super) async fn a_paid_link_stays_paid(bench: &dyn Bench) -> Verdict {
    let steps = async {
        let made = Made::new(bench, Situation::Paid).await?;
        made.expect(LATER, LinkStatus::Created, 0).await?;
        made.expect(PAID_AFTER, LinkStatus::Paid, 1).await?;
        let first = made.read(PAID_AFTER).await?;
        made.expect(LONG_AFTER, LinkStatus::Paid, 1).await?;
        let later = made.read(LONG_AFTER).await?;
        check(first.payments == later.payments, || {
            format!("{first:?} became {later:?}")
        })
    };
    verdict(steps.await)
}

pub(super) async fn a_link_paid_twice_has_two_transactions(bench: &dyn Bench) -> Verdict {
    let steps = async {
        let made = Made::new(bench, Situation::PaidTwice).await?;
        made.expect(ALL_PAID, LinkStatus::Paid, 2).await?;
        let report = made.read(ALL_PAID).await?;
        let mut transactions: Vec<_> = report
            .payments
            .iter()
            .map(|payment| &payment.transaction)
            .collect();
        transactions.dedup();
        check(transactions.len() == 2, || {
            format!("one transaction, twice: {report:?}")
        })
    };
    verdict(steps.await)
}

pub(super) async fn a_link_expires_by_the_gateways_word(bench: &dyn Bench) -> Verdict {
    let steps = async {
        if !bench.closes_at_expiry() {
            return Err(Verdict::Skipped);
        }
        let made = Made::new(bench, Situation::Quiet).await?;
        made.expect(LATER, LinkStatus::Created, 0).await?;
        made.expect(EXPIRED, LinkStatus::Expired, 0).await
    };
    verdict(steps.await)
}

/// Clause 43: a payment that arrives after the expiry is a payment.
pub(super) async fn a_late_payment_wins_over_expiry(bench: &dyn Bench) -> Verdict {
    let steps = async {
        if !bench.closes_at_expiry() {
            return Err(Verdict::Skipped);
        }
        let made = Made::new(bench, Situation::PaidLate).await?;
        made.expect(LATER, LinkStatus::Created, 0).await?;
        made.expect(LONG_AFTER, LinkStatus::PaidLate, 1).await
    };
    verdict(steps.await)
}

/// Clause 41: that a link is cancelled is confirmed by the gateway, and cancelling again changes
/// nothing.
pub(super) async fn a_cancelled_link_is_cancelled(bench: &dyn Bench) -> Verdict {
    let steps = async {
        let made = Made::new(bench, Situation::Paid).await?;
        good("deactivate", made.cancel(LATER).await?)?;
        good("deactivate again", made.cancel(LATER).await?)?;
        made.expect(LATER, LinkStatus::Cancelled, 0).await?;
        made.expect(LONG_AFTER, LinkStatus::Cancelled, 0).await
    };
    verdict(steps.await)
}

/// Clause 43: a payment that was in flight when the link was cancelled is a payment.
pub(super) async fn a_payment_in_flight_wins_over_cancelling(bench: &dyn Bench) -> Verdict {
    let steps = async {
        let made = Made::new(bench, Situation::PaidThoughCancelled).await?;
        good("deactivate", made.cancel(LATER).await?)?;
        made.expect(LATER, LinkStatus::Cancelled, 0).await?;
        made.expect(ALL_PAID, LinkStatus::PaidAfterCancel, 1).await
    };
    verdict(steps.await)
}

pub(super) async fn a_paid_link_is_not_cancelled(bench: &dyn Bench) -> Verdict {
    let steps = async {
        let made = Made::new(bench, Situation::Paid).await?;
        let error = bad("cancelling a paid link", made.cancel(ALL_PAID).await?)?;
        check(error.class == ErrorClass::Permanent, || {
            format!("{error:?}")
        })?;
        made.expect(ALL_PAID, LinkStatus::Paid, 1).await
    };
    verdict(steps.await)
}
