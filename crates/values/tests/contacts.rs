//! Mobile numbers and e-mail addresses.

use proptest::prelude::{any, prop_assert, prop_assert_eq};
use values::{Email, EmailError, Mobile, PhoneError, persian_digits};

use crate::random::for_all;

#[test]
fn a_mobile_number_is_read_in_every_accepted_spelling() {
    let table = [
        ("09121234567", "+989121234567"),
        ("9121234567", "+989121234567"),
        ("989121234567", "+989121234567"),
        ("+989121234567", "+989121234567"),
        ("00989121234567", "+989121234567"),
        ("۰۹۱۲۱۲۳۴۵۶۷", "+989121234567"),
        ("٠٩١٢١٢٣٤٥٦٧", "+989121234567"),
        ("0912 123 4567", "+989121234567"),
        ("0912-123-4567", "+989121234567"),
        ("0912\u{2013}123\u{2013}4567", "+989121234567"),
        ("(0912) 1234567", "+989121234567"),
        ("+98 (912) 123-4567", "+989121234567"),
        ("0912\u{200c}1234567", "+989121234567"),
        ("\u{200e}09121234567\u{200f}", "+989121234567"),
        ("\u{202a}+98 912 123 4567\u{202c}", "+989121234567"),
        ("\u{2066}09121234567\u{2069}", "+989121234567"),
        ("0912\u{a0}123\u{a0}4567", "+989121234567"),
        (" 09121234567\n", "+989121234567"),
        ("8 912 123 45 67", "+79121234567"),
        ("8 (912) 123-45-67", "+79121234567"),
        ("+7 912 123 45 67", "+79121234567"),
        ("+7 701 123 45 67", "+77011234567"),
        ("+49 1512 3456789", "+4915123456789"),
        ("+1 (202) 555-0123", "+12025550123"),
        ("+2901234", "+2901234"),
        ("+123456789012345", "+123456789012345"),
    ];
    for (typed, shown) in table {
        let mobile = Mobile::parse(typed).unwrap_or_else(|error| panic!("{typed:?}: {error}"));
        assert_eq!(mobile.as_str(), shown, "{typed:?}");
    }
}

#[test]
fn what_is_not_a_mobile_number_is_refused() {
    let table = [
        ("", PhoneError::Empty),
        (" - ", PhoneError::Empty),
        ("0912123456", PhoneError::UnknownForm),
        ("091212345678", PhoneError::UnknownForm),
        ("02112345678", PhoneError::UnknownForm),
        ("12345", PhoneError::UnknownForm),
        ("0007912123456", PhoneError::UnknownForm),
        ("8 495 123 45 67", PhoneError::UnknownForm),
        ("+", PhoneError::BadLength { digits: 0 }),
        (
            "+982112345678",
            PhoneError::NotMobile {
                country: 98,
                first: "9",
            },
        ),
        (
            "+9809121234567",
            PhoneError::NotMobile {
                country: 98,
                first: "9",
            },
        ),
        (
            "+98912123456",
            PhoneError::NotMobile {
                country: 98,
                first: "9",
            },
        ),
        (
            "+74951234567",
            PhoneError::NotMobile {
                country: 7,
                first: "9 or 7",
            },
        ),
        (
            "+7912123456",
            PhoneError::NotMobile {
                country: 7,
                first: "9 or 7",
            },
        ),
        ("+123456", PhoneError::BadLength { digits: 6 }),
        ("+1234567890123456", PhoneError::BadLength { digits: 16 }),
        ("+0912123456", PhoneError::BadCountry),
        (
            "0912x234567",
            PhoneError::UnexpectedCharacter { character: 'x' },
        ),
        (
            "0912/1234567",
            PhoneError::UnexpectedCharacter { character: '/' },
        ),
        (
            "0912+1234567",
            PhoneError::UnexpectedCharacter { character: '+' },
        ),
        (
            "++989121234567",
            PhoneError::UnexpectedCharacter { character: '+' },
        ),
        (
            "09121234567,09121234568",
            PhoneError::UnexpectedCharacter { character: ',' },
        ),
        (
            "\u{202e}09121234567",
            PhoneError::UnexpectedCharacter {
                character: '\u{202e}',
            },
        ),
    ];
    for (typed, error) in table {
        assert_eq!(Mobile::parse(typed), Err(error), "{typed:?}");
    }
}

#[test]
fn a_masked_number_shows_only_its_ends() {
    let masked = |text| Mobile::parse(text).unwrap().masked();
    assert_eq!(masked("09121234567"), "+98912***4567");
    assert_eq!(masked("+7 912 123 45 67"), "+7912***4567");
    assert_eq!(masked("+2901234"), "+29***34");
    assert_eq!(masked("+123456789012345"), "+12345******2345");
}

#[test]
fn every_mobile_number_reads_back_from_what_it_shows() {
    for_all(&(9_000_000_000_u64..10_000_000_000), |subscriber| {
        let mobile = Mobile::parse(&format!("0{subscriber}")).unwrap();
        prop_assert_eq!(mobile.to_string(), format!("+98{}", subscriber));
        prop_assert_eq!(
            Mobile::parse(&persian_digits(mobile.as_str())),
            Ok(mobile.clone())
        );
        let json = serde_json::to_string(&mobile).unwrap();
        prop_assert_eq!(serde_json::from_str::<Mobile>(&json).unwrap(), mobile);
        Ok(())
    });
    for_all(&any::<String>(), |text| {
        if let Ok(mobile) = Mobile::parse(&text) {
            prop_assert_eq!(Mobile::parse(mobile.as_str()), Ok(mobile));
        }
        Ok(())
    });
}

#[test]
fn an_address_is_trimmed_and_only_its_domain_made_small() {
    let table = [
        ("ali@example.com", "ali@example.com"),
        ("  ali@example.com\n", "ali@example.com"),
        ("Ali.Karimi@Example.COM", "Ali.Karimi@example.com"),
        ("a+b@mail.example.co", "a+b@mail.example.co"),
        ("o'neil_1@example.com", "o'neil_1@example.com"),
        ("ali@xn--mgba3a4f16a.ir", "ali@xn--mgba3a4f16a.ir"),
        ("علی@مثال.ایران", "علی@مثال.ایران"),
    ];
    for (typed, shown) in table {
        let email = Email::parse(typed).unwrap_or_else(|error| panic!("{typed:?}: {error}"));
        assert_eq!(email.as_str(), shown);
    }
    let local = "a".repeat(64);
    assert!(Email::parse(&format!("{local}@example.com")).is_ok());
}

#[test]
fn what_is_not_an_address_is_refused() {
    let long_domain = [
        "a".repeat(63),
        "b".repeat(63),
        "c".repeat(63),
        "d".repeat(60),
    ]
    .join(".");
    let too_long = format!("ali@{long_domain}.com");
    let long_local = format!("{}@example.com", "a".repeat(65));
    let long_label = format!("ali@{}.com", "a".repeat(64));
    let table = [
        ("", EmailError::Empty),
        ("  ", EmailError::Empty),
        ("ali", EmailError::NotOneAt),
        ("ali@b@example.com", EmailError::NotOneAt),
        ("@example.com", EmailError::BadLocalPart),
        (".ali@example.com", EmailError::BadLocalPart),
        ("ali.@example.com", EmailError::BadLocalPart),
        ("a..b@example.com", EmailError::BadLocalPart),
        (&long_local, EmailError::BadLocalPart),
        ("ali@", EmailError::BadDomain),
        ("ali@localhost", EmailError::BadDomain),
        ("ali@.example.com", EmailError::BadDomain),
        ("ali@example.com.", EmailError::BadDomain),
        ("ali@example..com", EmailError::BadDomain),
        ("ali@-example.com", EmailError::BadDomain),
        ("ali@example-.com", EmailError::BadDomain),
        ("ali@exa_mple.com", EmailError::BadDomain),
        (&long_label, EmailError::BadDomain),
        (&too_long, EmailError::TooLong),
        ("a li@example.com", EmailError::Forbidden { character: ' ' }),
        (
            "ali@example.com, b@example.com",
            EmailError::Forbidden { character: ',' },
        ),
        (
            "ali@example.com\nBcc: b@example.com",
            EmailError::Forbidden { character: '\n' },
        ),
        (
            "ali@example.com\r\nx",
            EmailError::Forbidden { character: '\r' },
        ),
        (
            "Ali <ali@example.com>",
            EmailError::Forbidden { character: ' ' },
        ),
        (
            "<ali@example.com>",
            EmailError::Forbidden { character: '<' },
        ),
        (
            "a\u{0}li@example.com",
            EmailError::Forbidden { character: '\u{0}' },
        ),
        (
            "ali@exam\u{202e}ple.com",
            EmailError::Forbidden {
                character: '\u{202e}',
            },
        ),
        (
            "ali@exam\u{200b}ple.com",
            EmailError::Forbidden {
                character: '\u{200b}',
            },
        ),
        ("a;b@example.com", EmailError::Forbidden { character: ';' }),
        (
            "\"a\"@example.com",
            EmailError::Forbidden { character: '"' },
        ),
    ];
    for (typed, error) in table {
        assert_eq!(Email::parse(typed), Err(error), "{typed:?}");
    }
}

#[test]
fn no_error_repeats_a_number_or_an_address() {
    let errors = [
        Mobile::parse("0935777111").unwrap_err().to_string(),
        Mobile::parse("+982112345678").unwrap_err().to_string(),
        Email::parse("ali@b@example.org").unwrap_err().to_string(),
        Email::parse("ali@exampleorg").unwrap_err().to_string(),
    ];
    for error in errors {
        for part in ["0935777111", "2112345678", "example.org", "exampleorg"] {
            assert!(!error.contains(part), "{error}");
        }
    }
}

#[test]
fn every_address_reads_back_from_what_it_shows() {
    assert_eq!(
        Email::parse("ali@example.com").unwrap().masked(),
        "a***@example.com"
    );
    assert_eq!(
        Email::parse("علی@example.com").unwrap().masked(),
        "ع***@example.com"
    );
    let addresses = "[a-zA-Z0-9_+-]{1,20}(\\.[a-z]{1,5})?@[a-zA-Z0-9]{1,10}\\.[a-zA-Z]{2,6}";
    for_all(&addresses, |text| {
        let email = Email::parse(&text).unwrap();
        prop_assert_eq!(Email::parse(email.as_str()), Ok(email.clone()));
        let json = serde_json::to_string(&email).unwrap();
        prop_assert_eq!(serde_json::from_str::<Email>(&json).unwrap(), email);
        Ok(())
    });
    for_all(&"\\PC{0,6}@\\PC{0,6}\\.\\PC{0,6}", |text: String| {
        if let Ok(email) = Email::parse(&text) {
            prop_assert_eq!(Email::parse(email.as_str()), Ok(email.clone()));
            prop_assert!(email.as_str().len() <= 254);
        }
        Ok(())
    });
}
