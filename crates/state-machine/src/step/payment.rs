//! What happens to payment links, seen from the workflow.

use super::enter::route_of;
use super::{Halt, Run};
use crate::event::PaymentEvent;
use crate::instance::Link;
use crate::model::{Kind, PAYMENT_OUTCOMES, Wait};

impl Run<'_> {
    /// Applies what happened to a link: it is noted whatever the state, then routed.
    pub(super) fn payment(&mut self, payment: &PaymentEvent) -> Result<(), Halt> {
        self.note_payment(payment);
        self.set_fields(&payment.set);
        self.keep_facts();
        if self.instance.ended.is_some() {
            return Ok(());
        }
        let entry = self.instance.entry;
        if !payment.set.is_empty() {
            self.fields_have_changed(&payment.set)?;
        }
        let state = payment.state.as_str();
        let latest = self
            .instance
            .link_of(state)
            .is_some_and(|link| link.id == payment.link);
        // Only the latest link of a state can end a wait by expiring; money counts from any.
        let counts = latest || is_paid(&payment.outcome);
        let routed = PAYMENT_OUTCOMES.contains(&payment.outcome.as_str());
        if routed && counts && self.instance.entry == entry {
            self.payment_outcome(&payment.outcome, Some(state), true)?;
        }
        self.forget_closed_links();
        Ok(())
    }

    /// Routes an outcome: the waiting state's own `next`, then `on` of the state, then of the
    /// workflow; money that came late counts as `paid` where nothing more exact is routed.
    pub(super) fn payment_outcome(
        &mut self,
        outcome: &str,
        of: Option<&str>,
        widen: bool,
    ) -> Result<(), Halt> {
        let state = self.state()?;
        if let Kind::Wait(wait) = &state.kind
            && wait.payment.as_deref() == of
            && let Some((to, by)) = route_of(wait, outcome)
        {
            return self.go(&to, &by);
        }
        if let Some(to) = self.routed(outcome, of)? {
            return self.go(&to, outcome);
        }
        if widen && matches!(outcome, "paid_late" | "paid_after_cancel") {
            return self.payment_outcome("paid", of, false);
        }
        Ok(())
    }

    /// Writes a fact into the instance's copy of the link. Paid never goes back (clause 43).
    pub(super) fn note_payment(&mut self, payment: &PaymentEvent) {
        let Some(link) = self
            .instance
            .links
            .iter_mut()
            .find(|link| link.id == payment.link)
        else {
            return;
        };
        let routes_only = payment.outcome == "delivery_failed";
        if !routes_only && (!link.is_paid() || is_paid(&payment.outcome)) {
            link.status.clone_from(&payment.outcome);
        }
        if payment.paid_at.is_some() && link.paid_at.is_none() {
            link.paid_at = payment.paid_at;
        }
        if payment.tracking_no.is_some() && link.tracking_no.is_none() {
            link.tracking_no.clone_from(&payment.tracking_no);
        }
    }

    /// Keeps a new link as the latest of its state.
    pub(super) fn record_link(&mut self, link: Link) {
        // A repeat of the outcome must not undo what has happened to the link since.
        if self.instance.links.iter().all(|known| known.id != link.id) {
            self.instance.links.push(link);
        }
        self.forget_closed_links();
    }

    /// Of closed links only the latest of each state is kept here; the store keeps them all.
    fn forget_closed_links(&mut self) {
        let links = std::mem::take(&mut self.instance.links);
        let latest = |link: &Link| {
            links
                .iter()
                .rev()
                .find(|other| other.state == link.state)
                .map(|other| &other.id)
                == Some(&link.id)
        };
        let kept = links
            .iter()
            .filter(|link| latest(link) || !link.is_closed())
            .cloned()
            .collect();
        self.instance.links = kept;
    }

    /// Where a wait leads at once because its link has been paid already.
    pub(super) fn payment_already(&self, wait: &Wait) -> Option<(String, String)> {
        let link = self.instance.link_of(wait.payment.as_deref()?)?;
        if link.is_closed() {
            return route_of(wait, &link.status).or_else(|| {
                if link.is_paid() {
                    route_of(wait, "paid")
                } else {
                    None
                }
            });
        }
        None
    }
}

fn is_paid(outcome: &str) -> bool {
    matches!(outcome, "paid" | "paid_late" | "paid_after_cancel")
}
