//! The provider's numbered errors, as data.

use crate::{DUPLICATE_REFERENCE, ErrorClass, GatewayError};

/// The class of a number, our word for it, and what happened.
const CODES: &[(&[u16], ErrorClass, &str, &str)] = {
    use ErrorClass::{Permanent, Retryable};
    &[
        (
            &[23],
            Permanent,
            "test_passwords_missing",
            "the shop has no test passwords",
        ),
        (
            &[25, 26],
            Permanent,
            "shop_not_found",
            "the shop is not active or not known",
        ),
        (
            &[29],
            Permanent,
            "signature_refused",
            "the provider does not accept our signature",
        ),
        (
            &[30],
            Permanent,
            "order_number_refused",
            "the provider refuses the order number",
        ),
        (
            &[31],
            Permanent,
            "amount_refused",
            "the provider refuses the amount",
        ),
        (
            &[33, 51],
            Permanent,
            "expired",
            "the time of the invoice is over",
        ),
        (
            &[34, 35],
            Permanent,
            "recurring_refused",
            "recurring payments are not allowed",
        ),
        (
            &[40, 52],
            Permanent,
            DUPLICATE_REFERENCE,
            "the order number is used and paid",
        ),
        (
            &[53],
            Permanent,
            "not_found",
            "the provider does not know the invoice",
        ),
        (
            &[64, 65],
            Permanent,
            "hold_refused",
            "money cannot be set aside",
        ),
        (
            &[20, 21, 22, 24, 27, 28, 32, 36, 37, 41, 43, 500],
            Retryable,
            "provider_error",
            "the provider could not begin",
        ),
    ]
};

/// The error of a number that the provider documents; `None` for any other text.
pub(super) fn error_of(code: &str) -> Option<GatewayError> {
    let number: u16 = code.parse().ok()?;
    let (_, class, word, message) = CODES
        .iter()
        .find(|(numbers, ..)| numbers.contains(&number))?;
    let error = match class {
        ErrorClass::Retryable => GatewayError::retryable(*word, *message),
        ErrorClass::Ambiguous => GatewayError::ambiguous(*word, *message),
        ErrorClass::Permanent => GatewayError::permanent(*word, *message),
    };
    Some(GatewayError {
        provider_code: Some(number.to_string()),
        ..error
    })
}

#[cfg(test)]
mod tests {
    use super::error_of;
    use crate::ErrorClass::{self, Permanent, Retryable};

    fn seen(code: &str) -> Option<(ErrorClass, String)> {
        error_of(code).map(|error| (error.class, error.code))
    }

    #[test]
    fn every_documented_number_has_its_class() {
        for (codes, class, word) in [
            ("23", Permanent, "test_passwords_missing"),
            ("25 26", Permanent, "shop_not_found"),
            ("29", Permanent, "signature_refused"),
            ("30", Permanent, "order_number_refused"),
            ("31", Permanent, "amount_refused"),
            ("33 51", Permanent, "expired"),
            ("34 35", Permanent, "recurring_refused"),
            ("40 52", Permanent, "duplicate_reference"),
            ("53", Permanent, "not_found"),
            ("64 65", Permanent, "hold_refused"),
            (
                "20 21 22 24 27 28 32 36 37 41 43 500",
                Retryable,
                "provider_error",
            ),
        ] {
            for code in codes.split(' ') {
                assert_eq!(seen(code), Some((class, word.to_owned())), "{code}");
            }
        }
        for code in ["", "0", "100", "99999", "-40", "4 0", "Ошибка", "40 paid"] {
            assert_eq!(seen(code), None, "{code}");
        }
    }
}
