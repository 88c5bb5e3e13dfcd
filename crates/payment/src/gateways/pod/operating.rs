//! What POD can do with an invoice beside making, reading and closing it.
//!
//! Each moves money or may have, so each reads the invoice first, and again whenever the answer
//! leaves a doubt: what is already as wanted is a success, whoever did it.

use std::sync::Arc;

use transport::HttpRequest;
use values::{Date, Timestamp};

use super::answer::Told;
use super::creating::{fresh_url, text_fields, with_ott};
use super::invoice::{Invoice, Standing};
use super::options::Method;
use super::reading::{cancel_request, paid_already};
use super::reference::invoice_id;
use super::wire::{Desk, Fields};
use crate::{
    Conversation, Effect, ErrorClass, FundsSource, FutureParty, GatewayError, Operated, Operation,
    PosSlip, ProviderRef,
};

/// What an invoice says about a wish.
enum Seen {
    /// It is already as wanted.
    Done,
    /// It may be asked for.
    Open,
    /// It cannot be.
    Refused(GatewayError),
}

type Look = Box<dyn Fn(&Desk, &Invoice) -> Seen + Send>;
type Build = Box<dyn FnOnce(&Desk, Option<&str>) -> HttpRequest + Send>;

/// One wish as steps.
struct Plan {
    invoice_id: String,
    /// What the invoice says before it is asked for.
    before: Look,
    /// Whether the invoice is as wanted, after a doubtful answer.
    after: Look,
    needs_ott: bool,
    build: Build,
}

/// Does what is wished.
pub(super) fn operate(
    desk: &Arc<Desk>,
    now: Timestamp,
    link: &ProviderRef,
    operation: &Operation,
) -> Conversation<Operated> {
    let id = match invoice_id(link) {
        Ok(id) => id,
        Err(error) => return Conversation::failed(error),
    };
    if *operation == Operation::RefreshUrl {
        return fresh_url(desk, now, id);
    }
    match plan(desk, id, operation) {
        Ok(plan) => carry_out(Arc::clone(desk), plan),
        Err(error) => Conversation::failed(error),
    }
}

fn plan(desk: &Desk, id: String, operation: &Operation) -> Result<Plan, GatewayError> {
    match operation {
        Operation::Resend => Ok(resend(id)),
        Operation::PayByInvoice { creditor } => offset(id, invoice_id(creditor)?),
        Operation::PayInFuture { on, from } => in_future(desk, id, *on, from),
        Operation::CancelFuture { by } => cancel_future(id, *by),
        Operation::PayByCredit { wallet, any } => by_credit(desk, id, wallet.clone(), *any),
        Operation::MarkPaid => Ok(mark_paid(id)),
        Operation::RecordPos(slip) => record_pos(desk, id, slip),
        Operation::VerifyAndClose => Ok(verify_and_close(id)),
        Operation::RefreshUrl | Operation::SecondReceipt { .. } => {
            Err(crate::translator::unsupported(operation))
        }
    }
}

fn carry_out(desk: Arc<Desk>, plan: Plan) -> Conversation<Operated> {
    let request = desk.ask_one(&plan.invoice_id);
    Conversation::read(request, move |response| {
        let invoice = match desk.read_one(&response, &plan.invoice_id) {
            Ok(invoice) => invoice,
            Err(error) => return Conversation::failed(error),
        };
        // Somebody else's invoice may not be listed to us; POD knows it all the same.
        let seen = invoice.map_or(Seen::Open, |invoice| (plan.before)(&desk, &invoice));
        match seen {
            Seen::Done => Conversation::done(Operated::default()),
            Seen::Refused(error) => Conversation::failed(error),
            Seen::Open if plan.needs_ott => {
                with_ott(&Arc::clone(&desk), move |ott| ask(desk, plan, Some(&ott)))
            }
            Seen::Open => ask(desk, plan, None),
        }
    })
}

fn ask(desk: Arc<Desk>, plan: Plan, ott: Option<&str>) -> Conversation<Operated> {
    let Plan {
        invoice_id,
        after,
        build,
        ..
    } = plan;
    let request = build(&desk, ott);
    Conversation::change(request, move |response| {
        let doubt = match desk.read(&response, Effect::Changes) {
            Ok(Told::Result(text)) if text == "false" => GatewayError::ambiguous(
                "said_false",
                "the provider answers without an error that it has not done it",
            ),
            Ok(Told::Result(_)) => return Conversation::done(Operated::default()),
            Ok(Told::Refused(refusal)) if refusal.doubtful => refusal.error,
            Ok(Told::Refused(refusal)) => return Conversation::failed(refusal.error),
            Err(error) if error.class == ErrorClass::Ambiguous => error,
            Err(error) => return Conversation::failed(error),
        };
        look_again(desk, &invoice_id, after, doubt)
    })
}

fn look_again(
    desk: Arc<Desk>,
    invoice_id: &str,
    after: Look,
    doubt: GatewayError,
) -> Conversation<Operated> {
    let id = invoice_id.to_owned();
    Conversation::read(desk.ask_one(invoice_id), move |response| {
        match desk.read_one(&response, &id) {
            Ok(Some(invoice)) if matches!(after(&desk, &invoice), Seen::Done) => {
                Conversation::done(Operated::default())
            }
            Ok(_) => Conversation::failed(doubt),
            Err(_) => {
                let mut doubt = doubt;
                doubt.class = ErrorClass::Ambiguous;
                Conversation::failed(doubt)
            }
        }
    })
}

fn closed() -> GatewayError {
    GatewayError::permanent("link_closed", "the invoice is cancelled")
}

fn scheduled() -> GatewayError {
    GatewayError::permanent(
        "scheduled_future",
        "money is set aside for this invoice, so it cannot be paid in another way",
    )
}

fn unclear() -> GatewayError {
    GatewayError::retryable("malformed_answer", "the invoice cannot be understood")
}

/// An invoice that is to be paid now.
fn to_pay(when_paid: fn() -> Seen) -> Look {
    Box::new(move |_, invoice| match invoice.standing() {
        Ok(Standing::Open | Standing::Waiting) => Seen::Open,
        Ok(Standing::Scheduled { .. }) => Seen::Refused(scheduled()),
        Ok(Standing::Cancelled { .. }) => Seen::Refused(closed()),
        Ok(Standing::Paid { .. } | Standing::Unverified { .. } | Standing::Reduced) => when_paid(),
        Err(_) => Seen::Refused(unclear()),
    })
}

fn by_credit(
    desk: &Desk,
    id: String,
    wallet: Option<String>,
    any: bool,
) -> Result<Plan, GatewayError> {
    let wallet = wallet.or_else(|| desk.options.wallet.clone());
    if any && wallet.is_none() {
        return Err(GatewayError::permanent(
            "wallet_missing",
            "paying anybody's invoice needs a wallet",
        ));
    }
    let method = if any {
        Method::PayAnyInvoiceByCredit
    } else {
        Method::PayInvoiceByCredit
    };
    let invoice = id.clone();
    Ok(Plan {
        invoice_id: id,
        before: to_pay(|| Seen::Done),
        after: to_pay(|| Seen::Done),
        needs_ott: true,
        build: Box::new(move |desk, ott| {
            let mut fields: Fields = vec![
                ("ott", ott.unwrap_or_default().to_owned()),
                ("invoiceId", invoice),
            ];
            fields.extend(wallet.map(|wallet| ("wallet", wallet)));
            desk.service(method, fields, ott)
        }),
    })
}

/// Marking an invoice that was paid on the platform would hide one of two payments.
fn mark_paid(id: String) -> Plan {
    let fields: Fields = vec![("invoiceId", id.clone())];
    Plan {
        invoice_id: id,
        before: to_pay(|| Seen::Refused(paid_already())),
        after: to_pay(|| Seen::Done),
        needs_ott: false,
        build: Box::new(|desk, _| desk.service(Method::PayInvoice, fields, None)),
    }
}

/// Calls that have no service number go another way.
const BY_POS: &str = "/nzh/biz/payInvoiceByPos";

fn record_pos(desk: &Desk, id: String, slip: &PosSlip) -> Result<Plan, GatewayError> {
    let mut fields: Fields = vec![
        ("invoiceId", id.clone()),
        ("terminalNumber", latin(&slip.terminal_no)),
        ("merchantCode", latin(&slip.merchant_code)),
        ("referenceNumber", latin(&slip.reference_no)),
        ("trackingNumber", latin(&slip.tracking_no)),
        ("transactionDate", desk.jalali_second(slip.paid_at)?),
    ];
    if let Some((name, _)) = fields.iter().find(|(_, value)| value.is_empty()) {
        let message = format!("the slip has no {name}");
        return Err(GatewayError::permanent("slip_not_complete", message));
    }
    fields.extend(desk.options.wallet.clone().map(|wallet| ("wallet", wallet)));
    let (terminal, reference) = (latin(&slip.terminal_no), latin(&slip.reference_no));
    let by_this_slip: Look = Box::new(move |_, invoice| {
        let same = |name: &str, ours: &String| invoice.text(name).as_ref() == Some(ours);
        match invoice.standing() {
            Ok(Standing::Paid { .. } | Standing::Unverified { .. }) => {
                if same("terminalNumber", &terminal) && same("referenceNumber", &reference) {
                    Seen::Done
                } else {
                    Seen::Refused(paid_already())
                }
            }
            Ok(Standing::Open | Standing::Waiting) => Seen::Open,
            Ok(Standing::Scheduled { .. }) => Seen::Refused(scheduled()),
            Ok(Standing::Cancelled { .. }) => Seen::Refused(closed()),
            Ok(Standing::Reduced) => Seen::Refused(paid_already()),
            Err(_) => Seen::Refused(unclear()),
        }
    });
    Ok(Plan {
        invoice_id: id,
        before: by_this_slip,
        after: to_pay(|| Seen::Done),
        needs_ott: false,
        build: Box::new(move |desk, _| desk.direct(BY_POS, &fields)),
    })
}

fn latin(text: &str) -> String {
    values::latin_digits(text.trim()).into_owned()
}

fn verify_and_close(id: String) -> Plan {
    let fields: Fields = vec![("id", id.clone())];
    Plan {
        invoice_id: id,
        before: Box::new(|_, invoice| match invoice.standing() {
            Ok(Standing::Unverified { .. }) => Seen::Open,
            Ok(Standing::Paid { .. }) if invoice.is_closed() => Seen::Done,
            Ok(Standing::Paid { .. } | Standing::Reduced) => Seen::Open,
            Ok(Standing::Cancelled { .. }) => Seen::Refused(closed()),
            Ok(_) => Seen::Refused(GatewayError::permanent(
                "not_paid",
                "the invoice is not paid, so there is nothing to confirm",
            )),
            Err(_) => Seen::Refused(unclear()),
        }),
        after: Box::new(|_, invoice| match invoice.standing() {
            Ok(Standing::Paid { .. }) => Seen::Done,
            _ => Seen::Open,
        }),
        needs_ott: false,
        build: Box::new(|desk, _| desk.service(Method::VerifyAndCloseInvoice, fields, None)),
    }
}

/// The paid invoice is the source; this one owes.
fn offset(id: String, source: String) -> Result<Plan, GatewayError> {
    if id == source {
        return Err(GatewayError::permanent(
            "offset_with_itself",
            "an invoice cannot pay itself",
        ));
    }
    let look = || -> Look {
        Box::new(|_, invoice| match invoice.standing() {
            Ok(Standing::Scheduled { on: None } | Standing::Paid { .. }) => Seen::Done,
            Ok(Standing::Scheduled { on: Some(_) }) => Seen::Refused(scheduled()),
            Ok(Standing::Open | Standing::Waiting) => Seen::Open,
            Ok(Standing::Cancelled { .. }) => Seen::Refused(closed()),
            Ok(Standing::Unverified { .. } | Standing::Reduced) => Seen::Refused(paid_already()),
            Err(_) => Seen::Refused(unclear()),
        })
    };
    let fields: Fields = vec![
        ("creditorInvoiceId", source),
        ("debtorInvoiceId", id.clone()),
    ];
    Ok(Plan {
        invoice_id: id,
        before: look(),
        after: look(),
        needs_ott: false,
        build: Box::new(|desk, _| desk.service(Method::PayInvoiceByInvoice, fields, None)),
    })
}

fn in_future(desk: &Desk, id: String, on: Date, from: &FundsSource) -> Result<Plan, GatewayError> {
    let day = desk.jalali(on)?;
    let (source, code) = match from {
        FundsSource::Wallet(code) => ("wallet", code.trim().to_owned()),
        FundsSource::Guild(code) => ("guildCode", code.trim().to_owned()),
    };
    if code.is_empty() {
        return Err(GatewayError::permanent(
            "funds_source_missing",
            "a payment in the future needs a wallet or a business line",
        ));
    }
    let look = || -> Look {
        Box::new(move |desk, invoice| match invoice.standing() {
            Ok(Standing::Scheduled { on: Some(at) }) if desk.tehran.local_date(at) == on => {
                Seen::Done
            }
            Ok(Standing::Scheduled { .. }) => Seen::Refused(GatewayError::permanent(
                "already_scheduled",
                "money is already set aside for this invoice",
            )),
            Ok(Standing::Open | Standing::Waiting) => Seen::Open,
            Ok(Standing::Cancelled { .. }) => Seen::Refused(closed()),
            Ok(_) => Seen::Refused(paid_already()),
            Err(_) => Seen::Refused(unclear()),
        })
    };
    let invoice = id.clone();
    Ok(Plan {
        invoice_id: id,
        before: look(),
        after: look(),
        needs_ott: true,
        build: Box::new(move |desk, ott| {
            let fields: Fields = vec![
                ("ott", ott.unwrap_or_default().to_owned()),
                ("invoiceId", invoice),
                ("date", day),
                (source, code),
            ];
            desk.service(Method::PayInvoiceInFuture, fields, ott)
        }),
    })
}

/// The issuer calls it off by cancelling the invoice; the debtor has promised.
fn cancel_future(id: String, by: FutureParty) -> Result<Plan, GatewayError> {
    if by == FutureParty::Debtor {
        return Err(GatewayError::permanent(
            "forbidden",
            "the debtor cannot call a payment in the future off",
        ));
    }
    let invoice = id.clone();
    Ok(Plan {
        invoice_id: id,
        before: Box::new(|_, invoice| match invoice.standing() {
            Ok(Standing::Scheduled { .. }) => Seen::Open,
            Ok(Standing::Cancelled { paid: false, .. }) => Seen::Done,
            Ok(Standing::Open | Standing::Waiting) => Seen::Refused(GatewayError::permanent(
                "not_scheduled",
                "no payment in the future is set for this invoice",
            )),
            Ok(_) => Seen::Refused(paid_already()),
            Err(_) => Seen::Refused(unclear()),
        }),
        after: Box::new(|_, invoice| match invoice.standing() {
            Ok(Standing::Cancelled { paid: false, .. }) => Seen::Done,
            _ => Seen::Open,
        }),
        needs_ott: false,
        build: Box::new(move |desk, _| cancel_request(desk, &invoice)),
    })
}

/// No reading tells whether a text went out, so a doubt stays one.
fn resend(id: String) -> Plan {
    let invoice = id.clone();
    Plan {
        invoice_id: id,
        before: to_pay(|| Seen::Refused(paid_already())),
        after: Box::new(|_, _| Seen::Open),
        needs_ott: false,
        build: Box::new(move |desk, _| {
            let fields = text_fields(desk, &invoice);
            desk.service(Method::SendInvoicePaymentSms, fields, None)
        }),
    }
}
