//! The codes of everything that can go wrong. They are stable: workflows, reports and people may
//! rely on them.

/// The amount field, the balance or the final amount is empty.
pub const AMOUNT_MISSING: &str = "amount_missing";
/// The amount is zero.
pub const AMOUNT_ZERO: &str = "amount_zero";
/// The amount is negative.
pub const AMOUNT_NEGATIVE: &str = "amount_negative";
/// The amount is in another currency than the account, or in none.
pub const AMOUNT_CURRENCY: &str = "amount_currency";
/// The amount has more decimals than its currency.
pub const AMOUNT_DECIMALS: &str = "amount_decimals";
/// The amount is over the gateway's limit.
pub const AMOUNT_OVER_LIMIT: &str = "amount_over_limit";
/// The amount is under the gateway's limit.
pub const AMOUNT_UNDER_LIMIT: &str = "amount_under_limit";
/// The party owes nothing.
pub const BALANCE_NOT_OWED: &str = "balance_not_owed";
/// No expiry is set, and the account has no default.
pub const EXPIRY_MISSING: &str = "expiry_missing";
/// The expiry field is empty.
pub const EXPIRY_EMPTY: &str = "expiry_empty";
/// The expiry date is over.
pub const EXPIRY_PAST: &str = "expiry_past";
/// The number of days is zero.
pub const EXPIRY_ZERO: &str = "expiry_zero";
/// The number of days is negative.
pub const EXPIRY_NEGATIVE: &str = "expiry_negative";
/// The number of days is not whole.
pub const EXPIRY_FRACTIONAL: &str = "expiry_fractional";
/// The expiry is further away than a calendar reaches.
pub const EXPIRY_TOO_FAR: &str = "expiry_too_far";
/// The item is related to nobody.
pub const NO_PARTY: &str = "no_party";
/// The party is a lead, and leads get no link.
pub const PARTY_IS_LEAD: &str = "party_is_lead";
/// The gateway texts the payer itself, and there is no mobile number to text.
pub const NO_PAYER_MOBILE: &str = "no_payer_mobile";
/// The gateway makes no links that may be paid many times.
pub const NOT_REUSABLE: &str = "not_reusable";
/// The project has no such account, or no gateway serves it.
pub const ACCOUNT_UNKNOWN: &str = "account_unknown";
/// The account is not active.
pub const ACCOUNT_INACTIVE: &str = "account_inactive";
/// The account has online payment switched off.
pub const ACCOUNT_OFFLINE: &str = "account_offline";
/// A token of the description cannot be filled.
pub const DESCRIPTION_FAILED: &str = "description_failed";
/// A setting of the provider's own cannot be computed.
pub const EXTRAS_FAILED: &str = "extras_failed";
/// An earlier link of this step turned out paid, and the payment wins.
pub const EARLIER_LINK_PAID: &str = "earlier_link_paid";
/// An earlier link of this step can still be paid; the new one waits.
pub const EARLIER_LINK_OPEN: &str = "earlier_link_open";
/// The gateway cannot say whether an earlier link can still be paid.
pub const EARLIER_LINK_UNKNOWN: &str = "earlier_link_unknown";
/// It is too early to look whether an attempt made a link.
pub const QUARANTINE: &str = "quarantine";
/// Nobody can say whether an attempt made a link.
pub const OUTCOME_UNKNOWN: &str = "outcome_unknown";
/// The gateway has a link of this reference with another amount.
pub const AMOUNT_MISMATCH: &str = "amount_mismatch";
/// The stored request or the gateway's answer cannot be read.
pub const UNREADABLE: &str = "unreadable";

/// Every code that ends in the error state without a call to the gateway, with what it means.
pub const BEFORE_THE_GATEWAY: [(&str, &str); 24] = [
    (
        AMOUNT_MISSING,
        "the amount field, the balance or the final amount is empty",
    ),
    (AMOUNT_ZERO, "the amount is zero"),
    (AMOUNT_NEGATIVE, "the amount is negative"),
    (
        AMOUNT_CURRENCY,
        "the amount is in another currency than the account, or in none",
    ),
    (
        AMOUNT_DECIMALS,
        "the amount has more decimals than its currency",
    ),
    (AMOUNT_OVER_LIMIT, "the amount is over the gateway's limit"),
    (
        AMOUNT_UNDER_LIMIT,
        "the amount is under the gateway's limit",
    ),
    (BALANCE_NOT_OWED, "the party owes nothing"),
    (
        EXPIRY_MISSING,
        "no expiry is set, and the account has no default",
    ),
    (EXPIRY_EMPTY, "the expiry field is empty"),
    (EXPIRY_PAST, "the expiry date is over"),
    (EXPIRY_ZERO, "the number of days is zero"),
    (EXPIRY_NEGATIVE, "the number of days is negative"),
    (EXPIRY_FRACTIONAL, "the number of days is not whole"),
    (
        EXPIRY_TOO_FAR,
        "the expiry is further away than a calendar reaches",
    ),
    (NO_PARTY, "the item is related to nobody"),
    (PARTY_IS_LEAD, "the party is a lead, and leads get no link"),
    (
        NO_PAYER_MOBILE,
        "the gateway texts the payer itself, and there is no mobile number to text",
    ),
    (
        NOT_REUSABLE,
        "the gateway makes no links that may be paid many times",
    ),
    (
        ACCOUNT_UNKNOWN,
        "the project has no such account, or no gateway serves it",
    ),
    (ACCOUNT_INACTIVE, "the account is not active"),
    (
        ACCOUNT_OFFLINE,
        "the account has online payment switched off",
    ),
    (
        DESCRIPTION_FAILED,
        "a token of the description cannot be filled",
    ),
    (
        EXTRAS_FAILED,
        "a setting of the provider's own cannot be computed",
    ),
];
