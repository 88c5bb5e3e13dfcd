//! The provider's calls to the shop: when they come, what they say, and how often.

use chrono::TimeDelta;
use transport::HttpRequest;
use values::{Money, Timestamp};

use super::book::{Invoice, Operation};
use super::settings::RobokassaSettings;
use super::wire::{digest, form, own_part, six_decimals};
use crate::Fault;

/// How long after an answer that is none the call comes again.
const AGAIN: TimeDelta = TimeDelta::seconds(60);

/// One call that waits.
#[derive(Debug, Clone)]
struct Due {
    at: Timestamp,
    request: HttpRequest,
    /// How often it comes again without an answer.
    left: u32,
}

/// All calls that wait.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<Due>);

impl Calls {
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.0.iter().map(|due| due.at).min()
    }

    /// The calls due by now. Each waits again until it is answered.
    pub(super) fn take(&mut self, now: Timestamp) -> Vec<HttpRequest> {
        let (mut ready, waiting): (Vec<Due>, Vec<Due>) =
            self.0.drain(..).partition(|due| due.at <= now);
        self.0 = waiting;
        ready.sort_by_key(|due| due.at);
        for due in &ready {
            if due.left > 0 {
                self.0.push(Due {
                    at: later(now, AGAIN),
                    left: due.left.saturating_sub(1),
                    request: due.request.clone(),
                });
            }
        }
        ready.into_iter().map(|due| due.request).collect()
    }

    /// A call was answered as it should be: it comes no more.
    pub(super) fn answered(&mut self, now: Timestamp, call: &HttpRequest) {
        let soon = later(now, AGAIN);
        self.0.retain(|due| due.request != *call || due.at > soon);
    }

    /// Calls the shop about a payment, as the script has it.
    pub(super) fn announce(
        &mut self,
        settings: &RobokassaSettings,
        (operation, invoice): (&Operation, &Invoice),
        fault: Option<Fault>,
    ) {
        let now = operation.at;
        let amount = super::lied(operation.amount, fault);
        let passwords = settings.test_passwords.as_ref().filter(|_| invoice.test);
        let password = passwords.map_or(settings.password2.as_str(), |(_, second)| second);
        let told = Told {
            settings,
            operation,
            invoice,
            amount,
        };
        let Some(request) = told.request(Some(password)) else {
            return;
        };
        let due = |at: Timestamp, left: u32| Due {
            at,
            request: request.clone(),
            left,
        };
        let again = settings.calls_max.saturating_sub(1);
        match fault {
            Some(Fault::LostCall) => {}
            Some(Fault::DuplicateCall) => {
                self.0.extend([due(now, again), due(now, 0), due(now, 0)]);
            }
            Some(Fault::ReplayedCall) => {
                self.0
                    .extend([due(now, again), due(later(now, TimeDelta::days(30)), 0)]);
            }
            Some(Fault::ReorderedCalls) => {
                self.0.push(due(later(now, TimeDelta::minutes(10)), again));
            }
            Some(Fault::ForgedCall) => {
                for password in [Some("not the password"), None] {
                    let forged = told.request(password).into_iter();
                    self.0.extend(forged.map(|request| Due {
                        at: now,
                        request,
                        left: 0,
                    }));
                }
                self.0.push(due(later(now, TimeDelta::seconds(1)), again));
            }
            Some(Fault::AcceptThenDrop | Fault::DropBefore | Fault::Outage) => {
                self.0.push(due(later(now, AGAIN), again));
            }
            _ => self.0.push(due(now, again)),
        }
    }
}

fn later(at: Timestamp, by: TimeDelta) -> Timestamp {
    at.checked_add_signed(by).unwrap_or(at)
}

/// What a call says.
struct Told<'a> {
    settings: &'a RobokassaSettings,
    operation: &'a Operation,
    invoice: &'a Invoice,
    amount: Money,
}

impl Told<'_> {
    /// The call, signed with a password or not at all.
    fn request(&self, password: Option<&str>) -> Option<HttpRequest> {
        let url = self.settings.result_url.clone()?;
        let body = form(&self.parameters(password));
        let post = self.settings.result_by_post;
        let joint = if url.contains('?') { '&' } else { '?' };
        let kind = "application/x-www-form-urlencoded".to_owned();
        Some(HttpRequest {
            method: if post { "POST" } else { "GET" }.to_owned(),
            url: if post {
                url
            } else {
                format!("{url}{joint}{body}")
            },
            headers: if post {
                vec![("content-type".to_owned(), kind)]
            } else {
                Vec::new()
            },
            body: if post { body.into_bytes() } else { Vec::new() },
            timeout: TimeDelta::seconds(30),
            response_bytes_max: 64 * 1024,
        })
    }

    fn parameters(&self, password: Option<&str>) -> Vec<(String, String)> {
        let (out_sum, inv_id) = (
            six_decimals(&self.amount),
            self.operation.inv_id.to_string(),
        );
        let own = &self.invoice.own;
        let mut pairs = vec![
            ("out_summ".to_owned(), out_sum.clone()),
            ("OutSum".to_owned(), out_sum.clone()),
            ("inv_id".to_owned(), inv_id.clone()),
            ("InvId".to_owned(), inv_id.clone()),
        ];
        if let Some(password) = password {
            let base = format!("{out_sum}:{inv_id}:{password}{}", own_part(own));
            let signature = digest(self.settings.hash, &base).to_uppercase();
            pairs.push(("crc".to_owned(), signature.clone()));
            pairs.push(("SignatureValue".to_owned(), signature));
        }
        let more = [
            ("PaymentMethod", "BankCard".to_owned()),
            ("IncSum", out_sum),
            ("IncCurrLabel", "BankCardPSR".to_owned()),
            ("Fee", "0.000000".to_owned()),
        ];
        pairs.extend(more.map(|(name, value)| (name.to_owned(), value)));
        if self.invoice.test {
            pairs.push(("IsTest".to_owned(), "1".to_owned()));
        } else {
            pairs.push(("EMail".to_owned(), "payer@example.com".to_owned()));
        }
        pairs.extend(own.iter().cloned());
        pairs
    }
}
