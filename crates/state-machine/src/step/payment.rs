//! What happens to payment links, seen from the workflow.

use values::Fields;

use super::enter::route_of;
use super::{Halt, Run, Turn};
use crate::event::{LinkMade, PaymentEvent};
use crate::instance::Link;
use crate::model::{Kind, PAYMENT_OUTCOMES, Wait};

/// The money went back: the only way out of paid.
const REFUNDED: &str = "refunded";

/// It says something about the messages, not about the link.
const DELIVERY_FAILED: &str = "delivery_failed";

impl<'a> Run<'a> {
    /// Where something that happened to a link leads; it has been noted already.
    pub(super) fn payment(&mut self, payment: &PaymentEvent) -> Result<(), Halt> {
        self.accepted(&payment.set)?;
        if self.instance.ended.is_none() {
            let entry = self.instance.entry;
            if self.leads_on(payment) {
                self.payment_outcome(&payment.outcome, &payment.state)?;
            }
            if self.instance.entry == entry {
                self.look_again(&payment.set, true)?;
            }
        }
        self.forget_closed_links();
        Ok(())
    }

    /// Where a link that a person has had made leads; it has been noted already. Conditions that read
    /// links are looked at again, and a wait hears when nobody could be told.
    pub(super) fn link_made(&mut self, made: &LinkMade) -> Result<(), Halt> {
        if self.instance.ended.is_some() {
            return Ok(());
        }
        let entry = self.instance.entry;
        if made.delivery_failed {
            self.payment_outcome(DELIVERY_FAILED, &made.state)?;
        }
        if self.instance.entry == entry {
            self.look_again(&Fields::new(), true)?;
        }
        Ok(())
    }

    /// Money counts once from any link. Anything else counts for the latest link of its state only,
    /// and not after money has come in through it (clause 43).
    fn leads_on(&self, payment: &PaymentEvent) -> bool {
        if !PAYMENT_OUTCOMES.contains(&payment.outcome.as_str()) {
            return false;
        }
        if is_paid(&payment.outcome) {
            return !(self.repeated_payment && self.turn == Turn::First);
        }
        if payment.makes_way && self.instance.activity.is_some() {
            return false;
        }
        let latest = self.instance.link_of(&payment.state);
        latest.is_some_and(|link| link.id == payment.link && !link.is_paid())
    }

    /// Routes an outcome: the waiting state's own `next`, then `on` of the state, then of the
    /// workflow; money that came late or in excess counts as `paid` where nothing more exact is routed.
    pub(super) fn payment_outcome(&mut self, outcome: &str, of: &str) -> Result<(), Halt> {
        let widened = (outcome != "paid" && is_paid(outcome)).then_some("paid");
        for outcome in [Some(outcome), widened].into_iter().flatten() {
            let state = self.state()?;
            if let Kind::Wait(wait) = &state.kind
                && wait.payment.as_deref() == Some(of)
                && let Some((to, by)) = route_of(wait, outcome)
            {
                return self.go(to, by);
            }
            if let Some((to, by)) = self.routed(outcome, Some(of))? {
                return self.go(to, by);
            }
        }
        Ok(())
    }

    /// Writes a fact into the instance's copy of the link. Paid goes back by a refund only, and only
    /// money moves a closed link on (clause 43).
    pub(super) fn note_payment(&mut self, payment: &PaymentEvent) {
        let outcome = payment.outcome.as_str();
        let links = &mut self.instance.links;
        let Some(link) = links.iter_mut().find(|link| link.id == payment.link) else {
            self.repeated_payment = false;
            return;
        };
        self.repeated_payment = link.is_paid();
        let open = !link.is_closed() || (is_paid(outcome) && !link.is_paid());
        let reversed = outcome == REFUNDED && link.is_paid();
        // A link that may be paid many times goes on after each payment.
        let goes_on = payment.stays_open && is_paid(outcome);
        if (open || reversed) && !goes_on && outcome != DELIVERY_FAILED {
            link.status.clone_from(&payment.outcome);
        }
        if link.paid_at.is_none() {
            link.paid_at = payment.paid_at;
        }
        if link.tracking_no.is_none() {
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
        let links = &mut self.instance.links;
        let mut later: Vec<String> = Vec::new();
        for index in (0..links.len()).rev() {
            let Some(link) = links.get(index) else {
                continue;
            };
            if !later.contains(&link.state) {
                later.push(link.state.clone());
            } else if link.is_closed() {
                links.remove(index);
            }
        }
    }

    /// Where a wait leads at once because its link has been paid or closed already.
    pub(super) fn payment_already(&self, wait: &'a Wait) -> Option<(&'a str, &'a str)> {
        let link = self.instance.link_of(wait.payment.as_deref()?)?;
        if !link.is_closed() {
            return None;
        }
        let widened = || link.is_paid().then(|| route_of(wait, "paid")).flatten();
        route_of(wait, &link.status).or_else(widened)
    }
}

fn is_paid(outcome: &str) -> bool {
    matches!(
        outcome,
        "paid" | "paid_late" | "paid_after_cancel" | "overpaid"
    )
}
