//! Closing the links of earlier entries first: one step, one live link.

use chrono::TimeDelta;
use payment::{ErrorClass, Gateway, GatewayError, LinkStatus, StatusReport};

use super::codes;
use super::perform::Work;
use crate::{Attempted, EarlierLink, Observation, World};

/// How long to wait before an open link is read again, in seconds.
const READ_AGAIN_SECONDS: i64 = 60;

/// How an earlier link stands after everything was done to close it.
enum Standing {
    /// It can never be paid, or it is paid.
    Settled(StatusReport),
    /// It can still be paid, and the gateway lets us close links.
    Closing(StatusReport),
    /// It can still be paid, and only time closes it.
    Open(StatusReport),
    /// The gateway cannot say.
    Unknown(String, Option<TimeDelta>),
}

impl Work<'_> {
    /// Closes every earlier link. `Ok` means that none of them can be paid any more.
    pub(super) async fn close_earlier(
        &self,
        world: &World,
        certain: bool,
    ) -> Result<Vec<Observation>, Box<Attempted>> {
        let mut observations = Vec::new();
        let mut paid = false;
        for link in &self.body.earlier {
            let standing = match world.gateways.get(&link.account) {
                Some(gateway) => self.close(gateway.as_ref(), link).await,
                None => Standing::Unknown(
                    format!("no gateway serves account `{}`", link.account),
                    None,
                ),
            };
            match standing {
                Standing::Settled(report) => {
                    paid |= report.status.is_paid();
                    observations.push(Observation {
                        link: link.id.clone(),
                        report,
                    });
                }
                Standing::Closing(report) | Standing::Open(report) if paid => {
                    observations.push(Observation {
                        link: link.id.clone(),
                        report,
                    });
                }
                Standing::Closing(report) => {
                    return Err(self.wait(link, report, false, observations));
                }
                Standing::Open(report) => {
                    return Err(self.wait(link, report, true, observations));
                }
                Standing::Unknown(message, after) => {
                    // What is known already wins over what is not.
                    if paid {
                        continue;
                    }
                    return Err(Box::new(self.cannot_tell(
                        message,
                        after,
                        certain,
                        observations,
                    )));
                }
            }
        }
        if paid {
            return Err(Box::new(self.payment_wins(certain, observations).await));
        }
        Ok(observations)
    }

    async fn close(&self, gateway: &dyn Gateway, link: &EarlierLink) -> Standing {
        let report = match gateway.status(self.call(), &link.provider_ref).await {
            Ok(report) => report,
            Err(error) => return unreadable(&error),
        };
        if report.status.is_closed() {
            return Standing::Settled(report);
        }
        let doubtful = report.status == LinkStatus::Unknown;
        let closer = gateway.as_deactivate();
        let may_close = doubtful && closer.is_some();
        if !(is_open(report.status) || may_close) {
            return nobody_knows();
        }
        let Some(closer) = closer else {
            return Standing::Open(report);
        };
        let asked = closer.deactivate(self.call(), &link.provider_ref).await;
        if let Err(error) = &asked
            && error.class == ErrorClass::Retryable
        {
            return unreadable(error);
        }
        // Whatever it answered, only its status counts: the link may have been paid meanwhile.
        match gateway.status(self.call(), &link.provider_ref).await {
            Ok(report) if report.status.is_closed() => Standing::Settled(report),
            // Where the gateway can never say how a link stands, its yes to the closing is its word.
            Ok(report) if doubtful && report.status == LinkStatus::Unknown && asked.is_ok() => {
                Standing::Settled(StatusReport {
                    status: LinkStatus::Cancelled,
                    ..report
                })
            }
            Ok(report) if is_open(report.status) => match asked {
                Ok(()) => Standing::Closing(report),
                Err(_) => Standing::Open(report),
            },
            Ok(_) => nobody_knows(),
            Err(error) => unreadable(&error),
        }
    }

    /// Comes back when the link may be closed: at its expiry where only time closes it.
    fn wait(
        &self,
        link: &EarlierLink,
        report: StatusReport,
        until_expiry: bool,
        mut observations: Vec<Observation>,
    ) -> Box<Attempted> {
        let soon = self
            .attempt
            .now
            .checked_add_signed(TimeDelta::seconds(READ_AGAIN_SECONDS));
        let soon = soon.unwrap_or(self.attempt.now);
        let at = if until_expiry {
            link.expires_at.max(soon)
        } else {
            soon
        };
        observations.push(Observation {
            link: link.id.clone(),
            report,
        });
        Box::new(Attempted::NotBefore {
            at,
            code: codes::EARLIER_LINK_OPEN.to_owned(),
            observations,
        })
    }

    /// Nothing of ours was sent in this attempt: it may be repeated, unless an earlier one may
    /// have made the link.
    fn cannot_tell(
        &self,
        message: String,
        after: Option<TimeDelta>,
        certain: bool,
        observations: Vec<Observation>,
    ) -> Attempted {
        let code = codes::EARLIER_LINK_UNKNOWN;
        if certain {
            Attempted::Retry {
                code: code.to_owned(),
                message,
                after,
                observations,
            }
        } else {
            self.ask_again(code, &message, after)
        }
    }
}

fn is_open(status: LinkStatus) -> bool {
    matches!(
        status,
        LinkStatus::Created | LinkStatus::Viewed | LinkStatus::Paying
    )
}

fn nobody_knows() -> Standing {
    Standing::Unknown(
        "the gateway does not know how the link stands".to_owned(),
        None,
    )
}

fn unreadable(error: &GatewayError) -> Standing {
    Standing::Unknown(
        format!("an earlier link cannot be read: {error}"),
        error.retry_after,
    )
}
