//! The six digests a shop may choose, as hexadecimal text and as a keyed digest.

use hmac::{KeyInit, Mac, SimpleHmac};
use md5::Md5;
use ripemd::Ripemd160;
use serde::Deserialize;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq;

/// The algorithm chosen in the shop's technical settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Algorithm {
    /// 128 bits; what a new shop has.
    #[default]
    Md5,
    /// 160 bits.
    Ripemd160,
    /// 160 bits.
    Sha1,
    /// 256 bits.
    Sha256,
    /// 384 bits.
    Sha384,
    /// 512 bits.
    Sha512,
}

/// How the token's header names an algorithm of the SHA family; the provider documents both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum TokenNames {
    /// `HS256`, as everybody else does.
    #[default]
    Hs,
    /// `SHA256`.
    Sha,
}

impl Algorithm {
    /// The digest of a text in small hexadecimal letters.
    pub(super) fn hex(self, text: &str) -> String {
        let bytes = text.as_bytes();
        match self {
            Algorithm::Md5 => hex(&Md5::digest(bytes)),
            Algorithm::Ripemd160 => hex(&Ripemd160::digest(bytes)),
            Algorithm::Sha1 => hex(&Sha1::digest(bytes)),
            Algorithm::Sha256 => hex(&Sha256::digest(bytes)),
            Algorithm::Sha384 => hex(&Sha384::digest(bytes)),
            Algorithm::Sha512 => hex(&Sha512::digest(bytes)),
        }
    }

    /// The keyed digest of a text, in bytes.
    pub(super) fn keyed(self, key: &str, text: &str) -> Vec<u8> {
        macro_rules! keyed {
            ($digest:ty) => {
                SimpleHmac::<$digest>::new_from_slice(key.as_bytes())
                    .map(|mac| mac.chain_update(text).finalize().into_bytes().to_vec())
                    // No key length is refused.
                    .unwrap_or_default()
            };
        }
        match self {
            Algorithm::Md5 => keyed!(Md5),
            Algorithm::Ripemd160 => keyed!(Ripemd160),
            Algorithm::Sha1 => keyed!(Sha1),
            Algorithm::Sha256 => keyed!(Sha256),
            Algorithm::Sha384 => keyed!(Sha384),
            Algorithm::Sha512 => keyed!(Sha512),
        }
    }

    /// The word in a token's header.
    pub(super) fn token_name(self, names: TokenNames) -> &'static str {
        match (self, names) {
            (Algorithm::Md5, _) => "MD5",
            (Algorithm::Ripemd160, _) => "RIPEMD160",
            (Algorithm::Sha1, TokenNames::Hs) => "HS1",
            (Algorithm::Sha1, TokenNames::Sha) => "SHA1",
            (Algorithm::Sha256, TokenNames::Hs) => "HS256",
            (Algorithm::Sha256, TokenNames::Sha) => "SHA256",
            (Algorithm::Sha384, TokenNames::Hs) => "HS384",
            (Algorithm::Sha384, TokenNames::Sha) => "SHA384",
            (Algorithm::Sha512, TokenNames::Hs) => "HS512",
            (Algorithm::Sha512, TokenNames::Sha) => "SHA512",
        }
    }

    /// Whether that is the digest of the text, in letters of any size and in constant time.
    pub(super) fn matches(self, text: &str, claimed: &str) -> bool {
        let ours = self.hex(text);
        let claimed = claimed.to_ascii_lowercase();
        ours.as_bytes().ct_eq(claimed.as_bytes()).into()
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or_default();
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// Our number for a reference: the first bits of a SHA-256 over account and reference, never zero.
pub(super) fn order_number(account: &str, reference: &str, bits: u32) -> u64 {
    let mut sha = Sha256::new();
    sha.update(account.as_bytes());
    sha.update([0]);
    sha.update(reference.as_bytes());
    let first = sha
        .finalize()
        .iter()
        .take(8)
        .fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    let unused = 64_u32.saturating_sub(bits);
    first.checked_shr(unused).unwrap_or_default().max(1)
}
