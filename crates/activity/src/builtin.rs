//! The activities that ship, as one visible list.

mod approve;
mod call_service;
mod cancel_payment_link;
mod check_payment_link;
mod create_item;
pub mod create_payment_link;
mod host_write;
mod offset_invoice;
mod paid;
mod payable;
mod record_payment;
mod register_receipt;
mod reject;
mod renew_payment_link;
mod resend_payment_link;
mod schedule_payment;
mod send_message;
mod set_fields;
mod set_stage;

use std::sync::Arc;

use crate::{Activity, Attempted, Outcome, Request};

pub use approve::Approve;
pub use call_service::CallService;
pub use cancel_payment_link::CancelPaymentLink;
pub use check_payment_link::CheckPaymentLink;
pub use create_item::CreateItem;
pub use create_payment_link::CreatePaymentLink;
pub use offset_invoice::OffsetInvoice;
pub use record_payment::RecordPayment;
pub use register_receipt::RegisterReceipt;
pub use reject::Reject;
pub use renew_payment_link::RenewPaymentLink;
pub use resend_payment_link::ResendPaymentLink;
pub use schedule_payment::SchedulePayment;
pub use send_message::SendMessage;
pub use set_fields::SetFields;
pub use set_stage::SetStage;

/// Every activity that ships.
pub fn all() -> Vec<Arc<dyn Activity>> {
    vec![
        Arc::new(CreatePaymentLink),
        Arc::new(CheckPaymentLink),
        Arc::new(CancelPaymentLink),
        Arc::new(ResendPaymentLink),
        Arc::new(RenewPaymentLink),
        Arc::new(OffsetInvoice),
        Arc::new(SchedulePayment),
        Arc::new(RecordPayment),
        Arc::new(RegisterReceipt),
        Arc::new(SendMessage),
        Arc::new(SetFields),
        Arc::new(SetStage),
        Arc::new(Approve),
        Arc::new(Reject),
        Arc::new(CreateItem),
        Arc::new(CallService),
    ]
}

/// The answer of an activity whose whole work is its plan: it never stores a request.
fn nothing_to_perform(request: &Request) -> Attempted {
    let message = format!("`{}` has nothing to perform", request.activity);
    Attempted::Ended {
        outcome: Box::new(Outcome::error("nothing_to_perform", message)),
        observations: Vec::new(),
    }
}
