//! Closing the links of earlier entries first: one step, one live link.

use chrono::TimeDelta;
use payment::StatusReport;

use super::codes;
use super::perform::Work;
use crate::on_link::closing::{Standing, close};
use crate::{Attempted, EarlierLink, Observation, World};

/// How long to wait before an open link is read again, in seconds.
const READ_AGAIN_SECONDS: i64 = 60;

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
                Some(gateway) => close(gateway.as_ref(), self.call(), &link.provider_ref).await,
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
