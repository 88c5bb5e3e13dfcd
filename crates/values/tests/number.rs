//! Plain numbers and the digits of three scripts.

use std::borrow::Cow;

use proptest::prelude::{any, prop_assert_eq};
use values::{
    Decimal, NumberError, latin_digits, normalize_text, parse_decimal, parse_number, persian_digits,
};

use crate::random::for_all;

fn number(text: &str) -> String {
    parse_number(text)
        .unwrap_or_else(|error| panic!("{text:?}: {error}"))
        .to_string()
}

#[test]
fn a_number_is_read_in_every_accepted_spelling() {
    let accepted = [
        ("0", "0"),
        ("12", "12"),
        (" 12 ", "12"),
        ("+12", "12"),
        ("-12", "-12"),
        ("\u{2212}12", "-12"),
        ("-0", "0"),
        ("12.5", "12.5"),
        ("1.500", "1.500"),
        ("1,500", "1500"),
        ("1,500.25", "1500.25"),
        ("1_500", "1500"),
        ("1 500,25", "1500.25"),
        ("۱۲", "12"),
        ("۱۲٫۵", "12.5"),
        ("۱٬۵۰۰٫۲۵", "1500.25"),
        ("١٢٫٥", "12.5"),
        ("\u{200f}۱۲\u{200f}", "12"),
        (
            "0.0000000000000000000000000001",
            "0.0000000000000000000000000001",
        ),
        (
            "9999999999999999999999999999",
            "9999999999999999999999999999",
        ),
    ];
    for (typed, shown) in accepted {
        assert_eq!(number(typed), shown, "{typed:?}");
    }
}

#[test]
fn a_number_that_is_not_plain_is_refused() {
    type Check = fn(&NumberError) -> bool;
    let refused: [(&str, Check); 16] = [
        ("", |e| *e == NumberError::Empty),
        ("  ", |e| *e == NumberError::Empty),
        ("-", |e| matches!(e, NumberError::NoDigits { .. })),
        (".5", |e| matches!(e, NumberError::NoDigits { .. })),
        ("5.", |e| matches!(e, NumberError::NoDigits { .. })),
        ("--5", |e| {
            matches!(e, NumberError::UnexpectedCharacter { character: '-' })
        }),
        ("5%", |e| {
            matches!(e, NumberError::UnexpectedCharacter { character: '%' })
        }),
        ("1e5", |e| matches!(e, NumberError::Scientific { .. })),
        ("1۵", |e| matches!(e, NumberError::MixedDigits { .. })),
        ("1,5", |e| {
            matches!(e, NumberError::AmbiguousSeparator { .. })
        }),
        ("1.5.5", |e| {
            matches!(e, NumberError::AmbiguousSeparator { .. })
        }),
        ("1.5,5", |e| {
            matches!(e, NumberError::AmbiguousSeparator { .. })
        }),
        ("1,500_000", |e| {
            matches!(e, NumberError::BadGrouping { .. })
        }),
        ("1 500,250", |e| {
            matches!(e, NumberError::BadGrouping { .. })
        }),
        ("1 500,", |e| matches!(e, NumberError::BadGrouping { .. })),
        ("12345678901234567890123456789", |e| {
            matches!(e, NumberError::TooManyDigits { .. })
        }),
    ];
    for (typed, is_expected) in refused {
        let error = parse_number(typed).expect_err(typed);
        assert!(is_expected(&error), "{typed:?}: {error:?}");
    }
}

#[test]
fn the_canonical_form_has_no_other_spelling() {
    assert_eq!(parse_decimal("-12.50"), Ok(Decimal::new(-1250, 2)));
    assert_eq!(
        parse_decimal("-0").map(|zero| zero.to_string()),
        Ok("0".to_owned())
    );
    for refused in [
        "", "-", "1,500", "+1", " 1", "1.", ".1", "1.2.3", "۱", "1_000", "--1",
    ] {
        assert!(parse_decimal(refused).is_err(), "{refused:?}");
    }
    assert!(matches!(
        parse_decimal("1e5"),
        Err(NumberError::Scientific { .. })
    ));
    assert!(matches!(
        parse_decimal("0.00000000000000000000000000001"),
        Err(NumberError::TooManyDigits { .. })
    ));
}

#[test]
fn digits_and_letters_are_brought_to_one_form() {
    assert_eq!(
        latin_digits("۰۱۲۳۴۵۶۷۸۹ ٠١٢٣٤٥٦٧٨٩ x"),
        "0123456789 0123456789 x"
    );
    assert!(matches!(latin_digits("abc 12"), Cow::Borrowed(_)));
    assert_eq!(normalize_text("علي كريمي ۱۲"), "علی کریمی 12");
    assert_eq!(normalize_text("می\u{200c}روم"), "می\u{200c}روم");
    assert_eq!(persian_digits("1405/06/31 ٥"), "۱۴۰۵/۰۶/۳۱ ۵");
}

#[test]
fn every_number_reads_back_from_what_it_shows() {
    for_all(&(any::<i64>(), 0_u32..19), |(mantissa, scale)| {
        let number = Decimal::new(mantissa, scale);
        let shown = number.to_string();
        prop_assert_eq!(parse_number(&shown), Ok(number));
        prop_assert_eq!(parse_number(&persian_digits(&shown)), Ok(number));
        prop_assert_eq!(parse_decimal(&shown), Ok(number));
        Ok(())
    });
}

#[test]
fn digits_survive_the_way_to_persian_and_back() {
    for_all(&any::<String>(), |text| {
        let latin = latin_digits(&text).into_owned();
        prop_assert_eq!(latin_digits(&persian_digits(&text)).into_owned(), latin);
        Ok(())
    });
}
