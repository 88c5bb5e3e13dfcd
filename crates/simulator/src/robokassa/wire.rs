//! Signatures, encodings and forms, as the provider's side sees them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use chrono::{DateTime, FixedOffset, NaiveDateTime, Utc};
use hmac::{KeyInit, Mac, SimpleHmac};
use sha2::Digest;
use values::{Currency, Money, Timestamp};

use super::settings::Hash;

/// The digest of a text in small hexadecimal letters.
pub(super) fn digest(hash: Hash, text: &str) -> String {
    let bytes = match hash {
        Hash::Md5 => md5::Md5::digest(text).to_vec(),
        Hash::Ripemd160 => ripemd::Ripemd160::digest(text).to_vec(),
        Hash::Sha1 => sha1::Sha1::digest(text).to_vec(),
        Hash::Sha256 => sha2::Sha256::digest(text).to_vec(),
        Hash::Sha384 => sha2::Sha384::digest(text).to_vec(),
        Hash::Sha512 => sha2::Sha512::digest(text).to_vec(),
    };
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn keyed(hash: Hash, key: &str, text: &str) -> Option<Vec<u8>> {
    macro_rules! keyed {
        ($digest:ty) => {{
            let mac = SimpleHmac::<$digest>::new_from_slice(key.as_bytes()).ok()?;
            mac.chain_update(text).finalize().into_bytes().to_vec()
        }};
    }
    Some(match hash {
        Hash::Md5 => keyed!(md5::Md5),
        Hash::Ripemd160 => keyed!(ripemd::Ripemd160),
        Hash::Sha1 => keyed!(sha1::Sha1),
        Hash::Sha256 => keyed!(sha2::Sha256),
        Hash::Sha384 => keyed!(sha2::Sha384),
        Hash::Sha512 => keyed!(sha2::Sha512),
    })
}

/// The payload of a token that is signed as the shop's settings want it.
pub(super) fn opened(hash: Hash, key: &str, token: &str) -> Option<Vec<u8>> {
    #[derive(serde::Deserialize)]
    struct Header {
        alg: Option<String>,
    }
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, payload) = signed.split_once('.')?;
    let header: Header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
    let names: &[&str] = match hash {
        Hash::Md5 => &["MD5"],
        Hash::Ripemd160 => &["RIPEMD160"],
        Hash::Sha1 => &["SHA1", "HS1"],
        Hash::Sha256 => &["SHA256", "HS256"],
        Hash::Sha384 => &["SHA384", "HS384"],
        Hash::Sha512 => &["SHA512", "HS512"],
    };
    let fits = header.alg.is_none_or(|name| names.contains(&name.as_str()));
    let good = URL_SAFE_NO_PAD.decode(signature).ok()? == keyed(hash, key, signed)?;
    (fits && good)
        .then(|| URL_SAFE_NO_PAD.decode(payload).ok())
        .flatten()
}

/// The payload of a fiscal body whose digest holds.
pub(super) fn opened_fiscal(hash: Hash, password: &str, body: &str) -> Option<Vec<u8>> {
    let (payload, signature) = body.split_once('.')?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    let good = signature == digest(hash, &format!("{payload}{password}")).into_bytes();
    let decoded = URL_SAFE_NO_PAD
        .decode(payload)
        .or_else(|_| STANDARD_NO_PAD.decode(payload));
    good.then(|| decoded.ok()).flatten()
}

/// Own parameters sorted by name, each after a colon.
pub(super) fn own_part(own: &[(String, String)]) -> String {
    let mut own: Vec<_> = own.iter().collect();
    own.sort();
    own.iter()
        .map(|(name, value)| format!(":{name}={value}"))
        .collect()
}

/// A name as a GUID, which follows from a text.
pub(super) fn guid(text: &str) -> String {
    let hex = digest(Hash::Sha256, text);
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-4{}-8{}-{}",
        part(0, 8),
        part(8, 12),
        part(13, 16),
        part(17, 20),
        part(20, 32)
    )
}

/// The name of an invoice's page: the GUID's bytes, whose first three groups are turned round.
pub(super) fn encoded_id(guid: &str) -> String {
    let hex: Vec<u8> = guid.bytes().filter(|byte| *byte != b'-').collect();
    let value = |digit: u8| char::from(digit).to_digit(16).unwrap_or_default();
    let bytes: Vec<u8> = hex
        .chunks_exact(2)
        .filter_map(|pair| match pair {
            [high, low] => u8::try_from(value(*high) * 16 + value(*low)).ok(),
            _ => None,
        })
        .collect();
    let order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    let turned: Vec<u8> = order
        .iter()
        .filter_map(|index| bytes.get(*index).copied())
        .collect();
    URL_SAFE_NO_PAD.encode(turned)
}

/// An amount with two decimals at most, from text.
pub(super) fn money(text: &str) -> Option<Money> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 2 {
        return None;
    }
    let minor = format!("{whole}{fraction:0<2}").parse().ok()?;
    Money::from_minor(minor, Currency::Rub).ok()
}

/// An amount as the provider prints it: six decimals.
pub(super) fn six_decimals(amount: &Money) -> String {
    format!("{}0000", amount.amount())
}

/// A moment in Moscow, without an offset.
pub(super) fn moscow(at: Timestamp) -> String {
    local(at).format("%Y-%m-%dT%H:%M:%S").to_string()
}

/// A moment in Moscow with seven decimals and the offset.
pub(super) fn moscow_exact(at: Timestamp) -> String {
    local(at)
        .format("%Y-%m-%dT%H:%M:%S.0000000+03:00")
        .to_string()
}

/// The day in Moscow.
pub(super) fn moscow_day(at: Timestamp) -> String {
    local(at).format("%Y-%m-%d").to_string()
}

fn local(at: Timestamp) -> NaiveDateTime {
    let offset = FixedOffset::east_opt(3 * 3600);
    offset.map_or(at.naive_utc(), |offset| {
        at.with_timezone(&offset).naive_local()
    })
}

/// A moment with an offset.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    let at = DateTime::parse_from_rfc3339(text).ok()?;
    Some(at.with_timezone(&Utc))
}

/// The pairs of a query or a form.
pub(super) fn pairs(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        })
        .collect()
}

/// The first value of that name.
pub(super) fn value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = pairs.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

fn decoded(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut plain = Vec::new();
    while let Some(byte) = bytes.next() {
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        plain.push(match byte {
            b'+' => b' ',
            b'%' => {
                let high = digit(bytes.next()).unwrap_or_default();
                let low = digit(bytes.next()).unwrap_or_default();
                u8::try_from(high * 16 + low).unwrap_or(b'?')
            }
            other => other,
        });
    }
    String::from_utf8_lossy(&plain).into_owned()
}

/// Pairs as a query or a form.
pub(super) fn form(pairs: &[(String, String)]) -> String {
    let encoded = |text: &str| -> String {
        text.bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    char::from(byte).to_string()
                }
                other => format!("%{other:02X}"),
            })
            .collect()
    };
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect();
    pairs.join("&")
}

/// A text inside XML or HTML.
pub(super) fn escaped(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '"' => "&quot;".to_owned(),
            other => other.to_string(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::encoded_id;

    #[test]
    fn the_page_of_an_invoice_is_its_guid_turned_round() {
        assert_eq!(
            encoded_id("0f1e2d3c-4b5a-4678-9abc-def012345678"),
            "PC0eD1pLeEaavN7wEjRWeA"
        );
        assert_eq!(
            encoded_id("699c1bea-fe7e-4206-8d8b-89728be22eda"),
            "6hucaX7-BkKNi4lyi-Iu2g"
        );
    }
}
