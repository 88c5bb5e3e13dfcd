//! The values a workflow speaks in: exact money, dates in two calendars, phones, e-mails, fields.
//!
//! This room knows nothing about workflows, stores or gateways; it reads no clock and no
//! environment. Whatever a person types (Persian digits included) becomes a checked value here or
//! is refused with a sentence that says what to write instead.
//!
//! Names to know: [`Money`], [`Value`] with [`FieldType`], [`JalaliDate`], [`Zone`], [`Label`].

mod calendar;
mod digits;
mod email;
mod field;
mod id;
mod label;
mod money;
mod phone;
mod secret;
mod zone;

pub use calendar::{
    Calendar, Date, DateError, DurationError, JalaliDate, ParsedDate, TimeDelta, add_months,
    format_date, format_duration, parse_date, parse_duration,
};
pub use digits::{
    NumberError, latin_digits, normalize_text, parse_decimal, parse_number, persian_digits,
};
pub use email::{Email, EmailError};
pub use field::{FieldType, Fields, Value, ValueError};
pub use id::{
    AccountName, IdError, InputId, IntentId, ItemRef, LinkId, MessageId, NameError, PartyId,
    ReceiptId, UserId, check_id, check_name, has_bidi_or_control,
};
pub use label::{Label, LabelError, Locale, LocaleError};
pub use money::{Currency, CurrencyError, Money, MoneyError, Rounding};
pub use phone::{Mobile, PhoneError};
pub use rust_decimal::Decimal;
pub use secret::{Secret, SecretRef, SecretRefError};
pub use zone::{TimeError, Timestamp, Zone, ZoneError, parse_timestamp};
