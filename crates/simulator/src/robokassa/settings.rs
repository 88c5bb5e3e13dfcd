//! What a simulated shop is built from.

use serde::{Deserialize, Serialize};
use values::{Currency, Money};

/// The algorithm in the shop's technical settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hash {
    /// 128 bits.
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

impl Hash {
    /// Every algorithm.
    pub const ALL: [Hash; 6] = [
        Hash::Md5,
        Hash::Ripemd160,
        Hash::Sha1,
        Hash::Sha256,
        Hash::Sha384,
        Hash::Sha512,
    ];
}

/// One simulated shop.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RobokassaSettings {
    /// Where all hosts of the provider are played, without a slash at the end.
    pub base: String,
    /// The shop.
    pub login: String,
    /// Signs what the shop sends.
    pub password1: String,
    /// Signs what the provider sends.
    pub password2: String,
    /// The same two for test links.
    pub test_passwords: Option<(String, String)>,
    /// The shop's algorithm.
    pub hash: Hash,
    /// Where the provider calls; without it, it never does.
    pub result_url: Option<String>,
    /// Whether it calls by POST; otherwise by GET.
    pub result_by_post: bool,
    /// How often an unanswered call comes in all.
    pub calls_max: u32,
    /// Whether a deactivated invoice vanishes from the list; otherwise it is there as expired.
    pub vanishing: bool,
    /// The largest sum the shop may ask for.
    pub amount_max: Money,
    /// What a create is told whose number is taken.
    pub duplicate_words: String,
}

impl RobokassaSettings {
    /// A shop with MD5, calls by POST and no address to call yet.
    pub fn new(base: &str, login: &str, password1: &str, password2: &str) -> RobokassaSettings {
        RobokassaSettings {
            base: base.trim_end_matches('/').to_owned(),
            login: login.to_owned(),
            password1: password1.to_owned(),
            password2: password2.to_owned(),
            test_passwords: None,
            hash: Hash::default(),
            result_url: None,
            result_by_post: true,
            calls_max: 5,
            vanishing: false,
            amount_max: Money::from_minor(9_999_999_999, Currency::Rub)
                .unwrap_or(Money::zero(Currency::Rub)),
            duplicate_words: "Invoice with this InvId already exists".to_owned(),
        }
    }
}
