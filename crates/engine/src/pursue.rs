//! What a reading of a link asks us to do: money that waits is taken, a link whose time is up is closed.

use chrono::TimeDelta;
use payment::{Deactivate, GatewayError, LinkStatus, Operation, OperationName, StatusReport};

use crate::record::LinkRow;
use crate::{Core, Error, links, query};

/// A payer who is paying when the link's time is up may finish within this time.
const PAYING_GRACE: TimeDelta = TimeDelta::minutes(15);

impl Core {
    /// Settles what a reading says, and does what it asks for.
    pub(crate) async fn pursue(&self, link: &LinkRow, report: StatusReport) -> Result<(), Error> {
        let report = self.taken(link, report).await;
        let called = link.called_for.is_some() && link.called_for == link.next_poll;
        let source = if called { links::CALLED } else { links::POLL };
        self.settle_link(&link.id, &report, source).await?;
        self.close_expiring(link, report.status).await
    }

    /// Takes money that waits for our word, where the gateway wants that said, and reads the link again:
    /// only its status counts. What does not fit, or is not named, is not taken.
    async fn taken(&self, link: &LinkRow, report: StatusReport) -> StatusReport {
        let waits = matches!(report.status, LinkStatus::PaidUnverified | LinkStatus::Held);
        let over = link.status.is_closed() && link.status != LinkStatus::Expired;
        let fits = report
            .payments
            .iter()
            .all(|fact| fact.amount == link.amount)
            && !report.payments.is_empty();
        if !waits || over || !fits || !self.is_about(link, &report.reference) {
            return report;
        }
        let Some(gateway) = self.world.gateways.get(&link.account) else {
            return report;
        };
        let offered = gateway.capabilities().operations;
        if !offered.contains(&OperationName::VerifyAndClose) {
            return report;
        }
        let call = self.call();
        let operation = Operation::VerifyAndClose;
        if let Err(error) = gateway.operate(call, &link.provider_ref, &operation).await {
            tracing::warn!(link = %link.id, %error, "a payment that waits is not taken yet");
        }
        self.read(link).await.unwrap_or(report)
    }

    /// Closes a link whose time is up and that the provider has left open, then reads it.
    async fn close_expiring(&self, link: &LinkRow, reported: LinkStatus) -> Result<(), Error> {
        let Some(link) = query::link(self.store.as_ref(), &link.id).await? else {
            return Ok(());
        };
        let paying =
            reported == LinkStatus::Paying && self.clock.now() < link.expires_at + PAYING_GRACE;
        if link.status != LinkStatus::Expiring || paying {
            return Ok(());
        }
        let Some(gateway) = self.world.gateways.get(&link.account).cloned() else {
            return Ok(());
        };
        let Some(closer) = gateway.as_deactivate() else {
            return Ok(());
        };
        match self.closed_by_us(&link, closer).await {
            Ok(report) => self.settle_link(&link.id, &report, "expiry").await,
            Err(error) => {
                tracing::warn!(link = %link.id, %error, "a link whose time is up is not closed yet");
                Ok(())
            }
        }
    }

    /// Closes a link at the provider and reads it. Where the provider cannot say how a link is, its
    /// yes to the closing is its word.
    pub(crate) async fn closed_by_us(
        &self,
        link: &LinkRow,
        closer: &dyn Deactivate,
    ) -> Result<StatusReport, GatewayError> {
        let asked = closer.deactivate(self.call(), &link.provider_ref).await;
        let report = match self.read(link).await {
            Ok(report) => report,
            Err(error) => return Err(asked.err().unwrap_or(error)),
        };
        match (report.status, asked) {
            (LinkStatus::Unknown, Ok(())) => Ok(StatusReport {
                status: LinkStatus::Cancelled,
                ..report
            }),
            (status, Err(error)) if !status.is_closed() => Err(error),
            _ => Ok(report),
        }
    }
}
