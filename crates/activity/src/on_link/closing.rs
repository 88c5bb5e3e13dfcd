//! Closing a link for certain: asked, and then read, for only its status counts.

use chrono::TimeDelta;
use payment::{Call, ErrorClass, Gateway, GatewayError, LinkStatus, ProviderRef, StatusReport};

/// How a link stands after everything was done to close it.
pub(crate) enum Standing {
    /// It can never be paid, or it is paid.
    Settled(StatusReport),
    /// It can still be paid, and the gateway lets us close links.
    Closing(StatusReport),
    /// It can still be paid, and only time closes it.
    Open(StatusReport),
    /// The gateway cannot say.
    Unknown(String, Option<TimeDelta>),
}

/// Closes a link and says how it stands.
pub(crate) async fn close(gateway: &dyn Gateway, call: Call, link: &ProviderRef) -> Standing {
    let report = match gateway.status(call, link).await {
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
    let asked = closer.deactivate(call, link).await;
    if let Err(error) = &asked
        && error.class == ErrorClass::Retryable
    {
        return unreadable(error);
    }
    // Whatever it answered, only its status counts: the link may have been paid meanwhile.
    match gateway.status(call, link).await {
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
