//! What a simulated SizPay is built from.

use chrono::TimeDelta;
use serde_json::{Value, json};
use values::Zone;

/// One merchant of a simulated SizPay.
#[derive(Clone, PartialEq, Eq)]
pub struct SizpaySettings {
    /// Where the methods are, as in `https://pysrvc.sizpay.test/api/PayLinkSend/`.
    pub api_base: String,
    /// Where the pay pages are, as in `https://me.sizpay.test/`.
    pub link_base: String,
    /// The merchant's first credential.
    pub user_name: String,
    /// The merchant's second credential.
    pub password: String,
    /// The merchant's page name, the first part of a pay page's path.
    pub pay_link_name: String,
    /// The zone in which days are counted.
    pub zone: Zone,
    /// How a status reply looks.
    pub status_shape: StatusShape,
    /// How long a new link is hidden from status replies that are told to hide it.
    pub settling: TimeDelta,
    /// Where somebody who claims to be SizPay calls the merchant; SizPay itself never does.
    pub merchant_url: Option<String>,
}

/// How a status reply looks. The real one is documented nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StatusShape {
    /// A bare list whose status is the same for every link.
    #[default]
    Undocumented,
    /// An object with a list whose rows say everything; [`SizpaySettings::reply_options`] reads it.
    Documented,
}

impl SizpaySettings {
    /// A merchant of a SizPay whose hosts are `pysrvc.<host>` and `me.<host>`.
    pub fn at_host(host: &str) -> SizpaySettings {
        SizpaySettings {
            api_base: format!("https://pysrvc.{host}/api/PayLinkSend/"),
            link_base: format!("https://me.{host}/"),
            ..SizpaySettings::at_base("https://sizpay.test/")
        }
    }

    /// A merchant of a SizPay where everything is behind one address, such as
    /// `http://127.0.0.1:4011/`.
    pub fn at_base(base: &str) -> SizpaySettings {
        let base = base.trim_end_matches('/');
        SizpaySettings {
            api_base: format!("{base}/api/PayLinkSend/"),
            link_base: format!("{base}/"),
            user_name: "c2l6cGF5IHVzZXIgb2YgdGhlIHNpbXVsYXRvcis=".to_owned(),
            password: "c2l6cGF5IHBhc3N3b3Jk".to_owned(),
            pay_link_name: "acme".to_owned(),
            zone: Zone::parse("Asia/Tehran").unwrap_or(Zone::UTC),
            status_shape: StatusShape::default(),
            settling: TimeDelta::seconds(30),
            merchant_url: None,
        }
    }

    /// What an account's `status_reply` must say to read the documented shape.
    pub fn reply_options() -> Value {
        json!({
            "list": "Data",
            "id": "PayLinkSendID",
            "invoice_no": "InvoiceNo",
            "amount": "Amount",
            "status": "Status",
            "sent_words": ["Sent"],
            "paid_words": ["Paid"],
            "disabled_words": ["Disabled"],
            "paid_disabled_words": ["PaidDisabled"],
            "transaction": "RefNo",
            "tracking_no": "TraceNo",
            "paid_at": "PayDate",
            "url": "PayLinkURL",
        })
    }
}
