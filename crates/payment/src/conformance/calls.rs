//! Promises about callbacks and unknown links.

use chrono::TimeDelta;

use super::{Bench, PAID_AFTER, Situation, Verdict, bad, call_at, check, good, set_up, verdict};
use crate::{Callback, CallbackParts, ErrorClass, ProviderRef};

/// Clause 45: a call that anybody could have made is rejected, or at most a reason to read again.
pub(super) async fn a_forged_callback_proves_nothing(bench: &dyn Bench) -> Verdict {
    let steps = async {
        let gateway = set_up(bench, Situation::Quiet)?;
        let request = bench.request("forged");
        let link = good(
            "create",
            gateway
                .create(call_at(bench, TimeDelta::zero()), &request)
                .await,
        )?;
        let claim = format!(
            r#"{{"reference":"{}","status":"paid","amount":"{}"}}"#,
            request.reference, request.amount
        );
        for method in ["POST", "GET", "NOTICE"] {
            let parts = CallbackParts {
                method: method.to_owned(),
                query: vec![("status".to_owned(), "paid".to_owned())],
                headers: Vec::new(),
                body: claim.clone().into_bytes(),
            };
            let read = gateway.read_callback(&parts);
            check(!matches!(read, Callback::Verified { .. }), || {
                format!("{parts:?} is {read:?}")
            })?;
        }
        let call = call_at(bench, TimeDelta::minutes(2));
        let report = good("status", gateway.status(call, &link.provider_ref).await)?;
        check(!report.status.is_paid(), || format!("{report:?}"))
    };
    verdict(steps.await)
}

pub(super) async fn a_malformed_callback_is_rejected(bench: &dyn Bench) -> Verdict {
    let steps = async {
        let gateway = set_up(bench, Situation::Quiet)?;
        let bodies: [&[u8]; 6] = [
            b"",
            b"{",
            b"null",
            b"[[[[[[",
            b"\xff\xfe\x00",
            "«پرداخت شد»".as_bytes(),
        ];
        for body in bodies
            .iter()
            .map(|body| body.to_vec())
            .chain([vec![b' '; 1 << 20]])
        {
            let length = body.len();
            let parts = CallbackParts {
                method: "POST".to_owned(),
                body,
                ..CallbackParts::default()
            };
            let read = gateway.read_callback(&parts);
            check(matches!(read, Callback::Rejected { .. }), || {
                format!("a body of {length} bytes is {read:?}")
            })?;
        }
        Ok(())
    };
    verdict(steps.await)
}

/// Clause 42: a notice names the link by our reference. Sent twice in one delivery, or with a key
/// twice, it is not the same call any more.
pub(super) async fn a_notice_names_its_link_and_comes_once(bench: &dyn Bench) -> Verdict {
    let steps = async {
        let gateway = set_up(bench, Situation::Paid)?;
        let Some(simulated) = gateway.as_simulated() else {
            return Err(Verdict::Skipped);
        };
        let request = bench.request("notice");
        good(
            "create",
            gateway
                .create(call_at(bench, TimeDelta::zero()), &request)
                .await,
        )?;
        let paid = call_at(bench, PAID_AFTER).now;
        check(simulated.take_notices(bench.start()).is_empty(), || {
            "a notice too early".to_owned()
        })?;
        check(simulated.next_notice_at() == Some(paid), || {
            format!("the next notice is due at {:?}", simulated.next_notice_at())
        })?;
        let notices = simulated.take_notices(paid);
        let [notice] = notices.as_slice() else {
            return Err(Verdict::Broken(format!(
                "expected one notice, got {notices:?}"
            )));
        };
        let reference = match gateway.read_callback(notice) {
            Callback::Hint { reference, .. } => reference,
            Callback::Verified { report, .. } => report.reference,
            Callback::Rejected { code } => code,
        };
        check(reference == request.reference, || {
            format!("the notice is for {reference}")
        })?;
        let again = simulated.take_notices(paid);
        check(again.is_empty(), || format!("given out again: {again:?}"))?;
        let body = notice.body.repeat(2);
        let doubled = gateway.read_callback(&CallbackParts {
            body,
            ..notice.clone()
        });
        check(matches!(doubled, Callback::Rejected { .. }), || {
            format!("doubled: {doubled:?}")
        })
    };
    verdict(steps.await)
}

pub(super) async fn the_status_of_an_unknown_link_is_an_error(bench: &dyn Bench) -> Verdict {
    let steps = async {
        let gateway = set_up(bench, Situation::Quiet)?;
        let link = ProviderRef([("link".to_owned(), "no such link".to_owned())].into());
        for link in [link, ProviderRef::default()] {
            let call = call_at(bench, TimeDelta::zero());
            let error = bad("an unknown link", gateway.status(call, &link).await)?;
            check(error.class == ErrorClass::Permanent, || {
                format!("{error:?}")
            })?;
        }
        Ok(())
    };
    verdict(steps.await)
}
