//! The second notification: a token signed with the provider's certificate, which is pinned here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::settings::Shop;
use crate::{Callback, CallbackReply};

/// A body that is a token: three parts of base64 between two dots.
pub(super) fn token(body: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(body).ok()?.trim();
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let dots = text.bytes().filter(|byte| *byte == b'.').count();
    (dots == 2 && text.bytes().all(safe)).then_some(text)
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

#[derive(Deserialize)]
struct Payload {
    header: About,
    data: Data,
}

#[derive(Deserialize)]
struct About {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    shop: String,
    inv_id: Number,
}

/// The order number, as a number or as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Plain(u64),
    Text(String),
}

/// Reads a token. It does not carry our reference, and the sum it states is the payer's, fees
/// included: however well it is signed, it is a reason to ask.
pub(super) fn read(shop: &Shop, token: &str) -> Result<Callback, &'static str> {
    let Some(certificate) = &shop.certificate else {
        return Err("certificate_missing");
    };
    let (signed, signature) = token.rsplit_once('.').ok_or("malformed")?;
    let (header, payload) = signed.split_once('.').ok_or("malformed")?;
    let header: Header = json(header)?;
    if header.alg != "RS256" {
        return Err("algorithm_not_allowed");
    }
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| "malformed")?;
    verify(certificate, signed.as_bytes(), &signature)?;
    let payload: Payload = json(payload)?;
    if payload.header.kind != "PaymentStateNotification" {
        return Err("malformed");
    }
    if payload.data.shop != shop.options.merchant_login {
        return Err("wrong_account");
    }
    let inv_id = match payload.data.inv_id {
        Number::Plain(number) => number.to_string(),
        Number::Text(text) => text,
    };
    let digits = inv_id.bytes().all(|byte| byte.is_ascii_digit());
    if inv_id.is_empty() || !digits || inv_id.starts_with('0') {
        return Err("malformed");
    }
    let body = format!("OK{inv_id}");
    Ok(Callback::Hint {
        reference: inv_id,
        reply: CallbackReply { status: 200, body },
    })
}

fn json<T: for<'de> Deserialize<'de>>(part: &str) -> Result<T, &'static str> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| "malformed")?;
    serde_json::from_slice(&bytes).map_err(|_| "malformed")
}

/// Whether the pinned bytes are a certificate that [`verify`] can use.
pub(super) fn is_certificate(der: &[u8]) -> bool {
    let der = der.into();
    // A pinned certificate is an anchor of its own.
    webpki::anchor_from_trusted_cert(&der).is_ok() && webpki::EndEntityCert::try_from(&der).is_ok()
}

fn verify(certificate: &[u8], signed: &[u8], signature: &[u8]) -> Result<(), &'static str> {
    let der = certificate.into();
    webpki::anchor_from_trusted_cert(&der).map_err(|_| "certificate_missing")?;
    let certificate = webpki::EndEntityCert::try_from(&der).map_err(|_| "certificate_missing")?;
    let algorithm = webpki::ring::RSA_PKCS1_2048_8192_SHA256;
    certificate
        .verify_signature(algorithm, signed, signature)
        .map_err(|_| "wrong_signature")
}
