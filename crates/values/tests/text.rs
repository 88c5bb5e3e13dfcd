//! Labels, languages and secrets.

use std::collections::BTreeMap;
use std::path::PathBuf;

use values::{Label, LabelError, Locale, Secret, SecretRef, SecretRefError};

#[test]
fn a_label_falls_back_to_english_and_then_to_any() {
    let label: Label = serde_json::from_str(r#"{"en":"Draft","fa":"پیش‌نویس"}"#).unwrap();
    assert_eq!(label.get(Locale::Fa), "پیش‌نویس");
    assert_eq!(label.get(Locale::Ru), "Draft");
    assert_eq!(label.exact(Locale::Ru), None);
    let label: Label = serde_json::from_str(r#"{"ru":"Черновик"}"#).unwrap();
    assert_eq!(label.get(Locale::En), "Черновик");
    let label: Label = serde_json::from_str("\"Draft\"").unwrap();
    assert_eq!(label, Label::plain("Draft"));
    assert_eq!(label.get(Locale::Fa), "Draft");
}

#[test]
fn a_label_is_written_as_it_is_read() {
    for json in [
        r#""Draft""#,
        r#"{"en":"Draft","fa":"پیش"}"#,
        r#"{"fa":"پیش","ru":"Ч"}"#,
    ] {
        let label: Label = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&label).unwrap(), json);
    }
    let label = Label::plain("Draft").with(Locale::Ru, "Ч");
    let texts: Vec<_> = label.texts().collect();
    assert_eq!(texts, [(Locale::En, "Draft"), (Locale::Ru, "Ч")]);
}

#[test]
fn a_label_without_text_or_in_another_language_is_refused() {
    assert_eq!(Label::new(BTreeMap::new()), Err(LabelError));
    let message = |json| {
        serde_json::from_str::<Label>(json)
            .expect_err(json)
            .to_string()
    };
    assert!(message("{}").contains("at least one language"));
    assert!(message(r#"{"de":"Entwurf"}"#).contains("unknown variant `de`"));
    assert!(message(r#"{"en":"a","en":"b"}"#).contains("`en` is written twice"));
    assert!(message("5").contains("a text, or a map of languages (en, fa, ru) to texts"));
}

#[test]
fn a_language_is_known_by_its_code() {
    for locale in Locale::ALL {
        assert_eq!(Locale::parse(locale.code()), Ok(locale));
        let json = serde_json::to_string(&locale).unwrap();
        assert_eq!(json, format!("\"{locale}\""));
        assert_eq!(serde_json::from_str::<Locale>(&json).unwrap(), locale);
    }
    assert_eq!(Locale::parse("fa-IR"), Ok(Locale::Fa));
    assert_eq!(Locale::parse(" RU_ru "), Ok(Locale::Ru));
    assert_eq!(Locale::default(), Locale::En);
    for text in ["", "de", "farsi", "f"] {
        assert!(Locale::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_secret_is_never_shown() {
    let secret = Secret::new("tok-123");
    assert_eq!(
        format!("{secret} {secret:?} {:?}", Some(&secret)),
        "*** *** Some(***)"
    );
    assert_eq!(secret.reveal(), "tok-123");
}

#[test]
fn a_secret_is_named_by_its_place_and_never_by_its_value() {
    assert_eq!(
        SecretRef::parse("env:TOKEN_1"),
        Ok(SecretRef::Env("TOKEN_1".into()))
    );
    let file = SecretRef::File(PathBuf::from("keys/token"));
    assert_eq!(SecretRef::parse("file:keys/token"), Ok(file.clone()));
    assert_eq!(file.to_string(), "file:keys/token");
    for literal in [
        "tok-123",
        "",
        "TOKEN",
        "ENV:TOKEN",
        "https://example.com",
        "vault:x",
    ] {
        let error = SecretRef::parse(literal).expect_err(literal);
        assert_eq!(error, SecretRefError::Literal);
        assert!(!error.to_string().contains("tok-123"));
    }
    for name in ["env:", "env:1A", "env:A B", "env:A-B", "env:$A"] {
        assert_eq!(
            SecretRef::parse(name),
            Err(SecretRefError::BadVariable),
            "{name}"
        );
    }
    for path in ["file:", "file:a\u{0}b", "file:a\u{202e}b"] {
        assert_eq!(
            SecretRef::parse(path),
            Err(SecretRefError::BadPath),
            "{path}"
        );
    }
    for text in ["env:TOKEN_1", "file:/etc/token"] {
        let json = format!("\"{text}\"");
        let place: SecretRef = serde_json::from_str(&json).unwrap();
        assert_eq!(place.to_string(), text);
        assert_eq!(serde_json::to_string(&place).unwrap(), json);
    }
    let error = serde_json::from_str::<SecretRef>("\"tok-123\"").unwrap_err();
    assert!(!error.to_string().contains("tok-123"), "{error}");
}
