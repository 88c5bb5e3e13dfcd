//! Requests to POD as bytes, and the encoding of forms and addresses.

use transport::HttpRequest;
use values::{Currency, Zone};

use super::options::{Method, PodOptions};
use crate::gateways::Secret;

/// No answer of POD is longer.
const RESPONSE_BYTES_MAX: usize = 1 << 20;

/// Fields of a form, in order.
pub(super) type Fields = Vec<(&'static str, String)>;

/// One account of ours at POD, and how it is asked.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) currency: Currency,
    pub(super) options: PodOptions,
    pub(super) token: Secret,
    pub(super) service_key: Option<Secret>,
    pub(super) vouchers: Option<Secret>,
    pub(super) callback_url: Option<String>,
    /// POD's days are those of Tehran, whatever the project's zone is.
    pub(super) tehran: Zone,
}

impl Desk {
    /// Asks for a one-time token.
    pub(super) fn ask_ott(&self) -> HttpRequest {
        self.post(
            format!("{}/nzh/ott", base(&self.options.core_url)),
            &[],
            None,
        )
    }

    /// A service call.
    pub(super) fn service(&self, method: Method, fields: Fields, ott: Option<&str>) -> HttpRequest {
        let number = self.options.product_id(method).to_string();
        let mut all: Fields = vec![("scProductId", number)];
        if let Some(key) = &self.service_key {
            all.push(("scApiKey", key.reveal().to_owned()));
        }
        let vouchers = self.vouchers.as_ref().map(Secret::reveal);
        for voucher in vouchers.unwrap_or_default().split(',') {
            if !voucher.trim().is_empty() {
                all.push(("scVoucherHash", voucher.trim().to_owned()));
            }
        }
        all.extend(fields);
        let url = format!("{}/nzh/doServiceCall", base(&self.options.service_url));
        self.post(url, &all, ott)
    }

    /// A call that has no service number.
    pub(super) fn direct(&self, path: &str, fields: &Fields) -> HttpRequest {
        let url = format!("{}{path}", base(&self.options.core_url));
        self.post(url, fields, None)
    }

    fn post(
        &self,
        url: String,
        fields: &[(&'static str, String)],
        ott: Option<&str>,
    ) -> HttpRequest {
        let mut headers = vec![
            ("accept".to_owned(), "application/json".to_owned()),
            (
                "content-type".to_owned(),
                "application/x-www-form-urlencoded".to_owned(),
            ),
            ("_token_".to_owned(), self.token.reveal().to_owned()),
            (
                "_token_issuer_".to_owned(),
                self.options.token_issuer.to_string(),
            ),
        ];
        if let Some(ott) = ott {
            headers.push(("_ott_".to_owned(), ott.to_owned()));
        }
        HttpRequest {
            method: "POST".to_owned(),
            url,
            headers,
            body: pairs(fields.iter().map(|(name, value)| (*name, value.as_str()))).into_bytes(),
            timeout: self.options.timeout,
            response_bytes_max: RESPONSE_BYTES_MAX,
        }
    }

    /// A text of POD's for an error: shortened, in one line, and without our secrets.
    pub(super) fn shown(&self, text: &str) -> String {
        let mut shown = text.to_owned();
        let vouchers = self.vouchers.as_ref().map(Secret::reveal);
        let secrets = [
            Some(self.token.reveal()),
            self.service_key.as_ref().map(Secret::reveal),
        ];
        let parts = vouchers.unwrap_or_default().split(',').map(str::trim);
        for secret in secrets.into_iter().flatten().chain(parts) {
            if !secret.is_empty() {
                shown = shown.replace(secret, "…");
            }
        }
        let plain = shown.chars().map(|c| if c.is_control() { ' ' } else { c });
        plain.take(SHOWN_CHARS_MAX).collect()
    }
}

/// A longer text of POD's is cut off in an error.
const SHOWN_CHARS_MAX: usize = 200;

/// An address without the strokes at its end.
pub(super) fn base(address: &str) -> &str {
    address.trim_end_matches('/')
}

/// Pairs as a form or a query has them.
pub(super) fn pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let encoded: Vec<String> = pairs
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    encoded.join("&")
}

/// Percent-encoding of everything but letters, digits and `-._~`.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            for half in [byte >> 4, byte & 15] {
                let digit = char::from_digit(u32::from(half), 16).unwrap_or('0');
                encoded.push(digit.to_ascii_uppercase());
            }
        }
    }
    encoded
}

/// The pairs of a form or query; `None` where it is not one.
pub(super) fn parse_pairs(text: &str) -> Option<Vec<(String, String)>> {
    let parts = text.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part.split_once('=')?;
            Some((decode(name)?, decode(value)?))
        })
        .collect()
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high.checked_mul(16)?.checked_add(low)?).ok()?
            }
            plain => plain,
        });
    }
    String::from_utf8(bytes).ok()
}
