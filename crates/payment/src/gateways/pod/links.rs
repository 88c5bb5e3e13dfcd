//! The URLs around an invoice.

use super::options::LinkKind;
use super::wire::{Desk, base, encode, pairs, parse_pairs};

impl Desk {
    /// The URL of a link that needs no call to POD.
    pub(super) fn lasting_url(&self, invoice_id: &str, unique_number: &str) -> String {
        let pay = base(&self.options.pay_url);
        let mut query = Vec::new();
        let page = if self.options.link == LinkKind::Wallet {
            query.push(("invoiceId", invoice_id));
            "payinvoice"
        } else {
            query.push(("uniqueNumber", unique_number));
            let bank = self.options.bank.as_deref();
            query.extend(bank.map(|bank| ("gateway", bank)));
            "payInvoiceByUniqueNumber"
        };
        query.extend(self.redirect_url().map(|url| ("redirectUri", url)));
        query.extend(self.callback_url.as_deref().map(|url| ("callUri", url)));
        format!("{pay}/v1/pbc/{page}/?{}", pairs(query.into_iter()))
    }

    /// A URL that POD has given, with what it leaves to us to add; `None` where it is not one.
    pub(super) fn completed_url(&self, given: &str) -> Option<String> {
        let trusted =
            given.starts_with("https://") || given.starts_with(base(&self.options.pay_url));
        if !trusted || given.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return None;
        }
        let address = given.split('#').next().unwrap_or_default();
        let (page, query) = address.split_once('?').unwrap_or((address, ""));
        let known = parse_pairs(query)?;
        let wanted = [
            ("redirectUri", self.redirect_url()),
            ("callbackUri", self.callback_url.as_deref()),
            ("gateway", self.options.bank.as_deref()),
        ];
        let mut parts: Vec<String> = query
            .split('&')
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect();
        for (name, value) in wanted {
            let missing = known.iter().all(|(known, _)| known != name);
            parts.extend(
                value
                    .filter(|_| missing)
                    .map(|value| format!("{name}={}", encode(value))),
            );
        }
        Some(format!("{page}?{}", parts.join("&")))
    }

    /// Where the payer's browser goes afterwards.
    pub(super) fn redirect_url(&self) -> Option<&str> {
        let own = self.options.return_url.as_deref();
        own.or(self.callback_url.as_deref())
    }
}
