//! Ids, names and references to items.

use std::collections::BTreeMap;

use proptest::prelude::{any, prop_assert_eq};
use values::{IdError, IntentId, ItemRef, UserId, check_id, check_name, has_bidi_or_control};

use crate::random::for_all;

#[test]
fn a_reference_shows_its_tenant_only_where_there_is_one() {
    let item = ItemRef::new("invoice", "17").unwrap();
    assert_eq!(item.to_string(), "invoice/17");
    assert_eq!(
        (item.tenant(), item.entity(), item.id()),
        ("", "invoice", "17")
    );
    let item = item.with_tenant("acme").unwrap();
    assert_eq!(item.to_string(), "acme:invoice/17");
    assert_eq!("acme:invoice/17".parse(), Ok(item.clone()));
    assert_eq!(item.with_tenant("").unwrap().to_string(), "invoice/17");
    let item: ItemRef = "invoice/1405/12:b".parse().unwrap();
    assert_eq!((item.entity(), item.id()), ("invoice", "1405/12:b"));
    let item: ItemRef = "فاکتور/۱۷".parse().unwrap();
    assert_eq!(item.to_string(), "فاکتور/۱۷");
}

#[test]
fn an_id_that_is_empty_long_or_misleading_is_refused() {
    assert_eq!(ItemRef::new("", "1"), Err(IdError::Empty));
    assert_eq!(ItemRef::new("invoice", ""), Err(IdError::Empty));
    assert!(ItemRef::new("invoice", "x".repeat(128)).is_ok());
    assert_eq!(
        ItemRef::new("invoice", "x".repeat(129)),
        Err(IdError::TooLong { bytes: 129 })
    );
    assert_eq!(
        ItemRef::new("invoice", "ی".repeat(65)),
        Err(IdError::TooLong { bytes: 130 })
    );
    let forbidden = [
        '\u{0}', '\n', '\r', '\t', '\u{7f}', '\u{85}', '\u{200e}', '\u{200f}', '\u{202a}',
        '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}', '\u{2068}',
        '\u{2069}', '\u{061c}',
    ];
    for character in forbidden {
        let id = format!("a{character}b");
        assert_eq!(
            check_id(&id),
            Err(IdError::Forbidden { character }),
            "{character:?}"
        );
        assert!(ItemRef::new(id.clone(), "1").is_err());
        assert!(ItemRef::new("invoice", id.clone()).is_err());
        assert!(
            ItemRef::new("invoice", "1")
                .unwrap()
                .with_tenant(id)
                .is_err()
        );
    }
    for entity in ["a/b", "a:b"] {
        assert!(
            matches!(ItemRef::new(entity, "1"), Err(IdError::Forbidden { .. })),
            "{entity}"
        );
    }
    for text in [
        "",
        "invoice",
        "invoice:17",
        "/17",
        "invoice/",
        ":invoice/17",
        "a:b:c/1",
    ] {
        assert!(text.parse::<ItemRef>().is_err(), "{text}");
    }
}

#[test]
fn a_reference_is_a_string_in_json_even_as_a_key() {
    let item: ItemRef = "acme:invoice/17".parse().unwrap();
    let map = BTreeMap::from([(item, 1)]);
    let json = serde_json::to_string(&map).unwrap();
    assert_eq!(json, r#"{"acme:invoice/17":1}"#);
    assert_eq!(
        serde_json::from_str::<BTreeMap<ItemRef, i32>>(&json).unwrap(),
        map
    );
    assert!(serde_json::from_str::<ItemRef>("\"invoice\"").is_err());
}

#[test]
fn every_reference_reads_back_from_what_it_shows() {
    let parts = ("[a-z0-9]{0,8}", "[^/:\\pC]{1,20}", "[^\\pC]{1,20}");
    for_all(&parts, |(tenant, entity, id)| {
        if let Ok(item) = ItemRef::new(entity, id).and_then(|item| item.with_tenant(tenant)) {
            prop_assert_eq!(item.to_string().parse(), Ok(item));
        }
        Ok(())
    });
    for_all(&any::<String>(), |text| {
        if let Ok(item) = text.parse::<ItemRef>() {
            prop_assert_eq!(item.to_string(), text);
        }
        Ok(())
    });
}

#[test]
fn names_in_files_are_small_latin_letters() {
    let longest = "a".repeat(64);
    for name in [
        "a",
        "draft",
        "wait-for-payment",
        "state_2",
        "a1-_",
        &longest,
    ] {
        assert_eq!(check_name(name), Ok(()), "{name}");
    }
    let too_long = "a".repeat(65);
    for name in [
        "", "1a", "_a", "-a", "Draft", "a b", "a.b", "a/b", "پیش", "aé", "a\n", &too_long,
    ] {
        assert!(check_name(name).is_err(), "{name}");
    }
}

#[test]
fn invisible_characters_are_found_and_persian_joiners_are_not() {
    assert_eq!(has_bidi_or_control("a\u{202e}b\u{0}"), Some('\u{202e}'));
    assert_eq!(has_bidi_or_control("می\u{200c}روم"), None);
    assert_eq!(has_bidi_or_control("سلام 🙂"), None);
}

#[test]
fn ids_are_plain_strings_in_json() {
    let id = UserId::new("ali");
    assert_eq!((id.as_str(), id.to_string().as_str()), ("ali", "ali"));
    assert_eq!(serde_json::to_string(&id).unwrap(), "\"ali\"");
    assert_eq!(
        serde_json::from_str::<IntentId>("\"i-1\"").unwrap(),
        IntentId::from("i-1")
    );
}
