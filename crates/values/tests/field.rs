//! Values of fields: typed by people, taken from JSON, kept in our own JSON.

use chrono::NaiveTime;
use proptest::prelude::{Just, Strategy, any, prop, prop_assert_eq, prop_oneof};
use serde_json::json;
use values::{
    Calendar, Currency, Date, Decimal, FieldType, Fields, MoneyError, Timestamp, Value, ValueError,
};

use crate::money::any_money;
use crate::random::for_all;

const DATE: FieldType = FieldType::Date {
    calendar: Calendar::Jalali,
};

fn choice() -> FieldType {
    FieldType::Choice {
        options: vec!["نقدی".into(), "کارت".into(), "cash".into()],
    }
}

fn item(entity: Option<&str>) -> FieldType {
    FieldType::Item {
        entity: entity.map(str::to_owned),
    }
}

fn list(of: FieldType) -> FieldType {
    FieldType::List { of: Box::new(of) }
}

fn parse(text: &str, field_type: &FieldType) -> Result<Value, ValueError> {
    Value::parse(text, field_type, None)
}

#[test]
fn typed_text_becomes_a_value_of_the_field() {
    let day = Date::from_ymd_opt(2026, 9, 22).unwrap();
    let instant: Timestamp = "2026-09-22T10:35:00Z".parse().unwrap();
    let table = [
        (" سلام ", FieldType::Text, Value::Text("سلام".into())),
        ("", FieldType::Text, Value::Empty),
        ("  ", FieldType::Money, Value::Empty),
        (
            "۱۲٫۵",
            FieldType::Number,
            Value::Number(Decimal::new(125, 1)),
        ),
        (
            "1,500 IRR",
            FieldType::Money,
            Value::Money("1500 IRR".parse().unwrap()),
        ),
        ("بله", FieldType::Bool, Value::Bool(true)),
        ("خیر", FieldType::Bool, Value::Bool(false)),
        ("خير", FieldType::Bool, Value::Bool(false)),
        ("Да", FieldType::Bool, Value::Bool(true)),
        ("TRUE", FieldType::Bool, Value::Bool(true)),
        ("no", FieldType::Bool, Value::Bool(false)),
        ("۱۴۰۵/۰۶/۳۱", DATE, Value::Date(day)),
        ("2026-09-22", DATE, Value::Date(day)),
        (
            "۱۴:۰۵",
            FieldType::Time,
            Value::Time(NaiveTime::from_hms_opt(14, 5, 0).unwrap()),
        ),
        (
            "9:05:30",
            FieldType::Time,
            Value::Time(NaiveTime::from_hms_opt(9, 5, 30).unwrap()),
        ),
        (
            "2026-09-22T14:05:00+03:30",
            FieldType::Instant,
            Value::Instant(instant),
        ),
        ("ali", FieldType::User, Value::User("ali".into())),
        ("sales", FieldType::Group, Value::Group("sales".into())),
        (
            "manager",
            FieldType::Position,
            Value::Position("manager".into()),
        ),
        ("r-1", FieldType::Receipt, Value::Receipt("r-1".into())),
        (
            "invoice/17",
            item(None),
            Value::Item("invoice/17".parse().unwrap()),
        ),
        (
            "17",
            item(Some("invoice")),
            Value::Item("invoice/17".parse().unwrap()),
        ),
        (
            "a:invoice/17",
            item(Some("invoice")),
            Value::Item("a:invoice/17".parse().unwrap()),
        ),
        (
            "https://pay.example/1",
            FieldType::Link,
            Value::Text("https://pay.example/1".into()),
        ),
        ("كارت", choice(), Value::Choice("کارت".into())),
        (
            "a; b",
            list(FieldType::Text),
            Value::List(vec!["a".into_text(), "b".into_text()]),
        ),
        (
            "a؛b",
            list(FieldType::Text),
            Value::List(vec!["a".into_text(), "b".into_text()]),
        ),
    ];
    for (text, field_type, value) in table {
        let parsed = parse(text, &field_type);
        assert_eq!(parsed, Ok(value), "{text:?} as {}", field_type.name());
        assert!(
            parsed.unwrap().fits(&field_type),
            "{text:?} as {}",
            field_type.name()
        );
    }
}

trait IntoText {
    fn into_text(self) -> Value;
}

impl IntoText for &str {
    fn into_text(self) -> Value {
        Value::Text(self.into())
    }
}

#[test]
fn text_that_is_no_value_of_the_field_is_refused() {
    type Check = fn(&ValueError) -> bool;
    let table: [(&str, FieldType, Check); 20] = [
        ("abc", FieldType::Number, |e| {
            matches!(e, ValueError::Number(_))
        }),
        ("1500", FieldType::Money, |e| {
            matches!(e, ValueError::Money(MoneyError::MissingCurrency { .. }))
        }),
        ("0", FieldType::Money, |e| {
            matches!(e, ValueError::Money(MoneyError::MissingCurrency { .. }))
        }),
        ("maybe", FieldType::Bool, |e| {
            matches!(e, ValueError::NotABool { .. })
        }),
        ("1", FieldType::Bool, |e| {
            matches!(e, ValueError::NotABool { .. })
        }),
        ("1404/12/30", DATE, |e| matches!(e, ValueError::Date(_))),
        ("25:00", FieldType::Time, |e| {
            matches!(e, ValueError::NotATime { .. })
        }),
        ("14", FieldType::Time, |e| {
            matches!(e, ValueError::NotATime { .. })
        }),
        ("1405/06/31 14:05", FieldType::Instant, |e| {
            matches!(e, ValueError::NoOffset { .. })
        }),
        ("2026-09-22T14:05", FieldType::Instant, |e| {
            matches!(e, ValueError::NoOffset { .. })
        }),
        ("a\u{202e}b", FieldType::User, |e| {
            matches!(e, ValueError::Id(_))
        }),
        ("17", item(None), |e| matches!(e, ValueError::Id(_))),
        ("contract/17", item(Some("invoice")), |e| {
            matches!(e, ValueError::WrongEntity { .. })
        }),
        ("1405/17", item(Some("invoice")), |e| {
            matches!(e, ValueError::WrongEntity { .. })
        }),
        ("javascript:alert(1)", FieldType::Link, |e| {
            matches!(e, ValueError::NotALink { .. })
        }),
        ("https://a b", FieldType::Link, |e| {
            matches!(e, ValueError::NotALink { .. })
        }),
        ("https://", FieldType::Link, |e| {
            matches!(e, ValueError::NotALink { .. })
        }),
        ("barter", choice(), |e| {
            matches!(e, ValueError::NotAnOption { .. })
        }),
        ("a;;b", list(FieldType::Text), |e| {
            *e == ValueError::EmptyMember
        }),
        ("a", list(list(FieldType::Text)), |e| {
            *e == ValueError::NestedList
        }),
    ];
    for (text, field_type, is_expected) in table {
        let error = parse(text, &field_type).expect_err(text);
        assert!(
            is_expected(&error),
            "{text:?} as {}: {error:?}",
            field_type.name()
        );
    }
    let error = parse("barter", &choice()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`barter` is not one of: نقدی, کارت, cash"
    );
}

#[test]
fn with_a_currency_money_may_be_a_bare_zero_and_nothing_else() {
    let parse = |text| Value::parse(text, &FieldType::Money, Some(Currency::Irr));
    assert_eq!(parse("0"), Ok(Value::Money("0 IRR".parse().unwrap())));
    assert_eq!(parse("5 IRR"), Ok(Value::Money("5 IRR".parse().unwrap())));
    assert!(parse("5").is_err());
    assert!(parse("5 USD").is_err());
}

#[test]
fn json_becomes_a_value_without_any_float() {
    let from =
        |json: serde_json::Value, field_type: &FieldType| Value::from_json(&json, field_type);
    assert_eq!(from(json!(null), &FieldType::Money), Ok(Value::Empty));
    assert_eq!(
        from(json!(15), &FieldType::Number),
        Ok(Value::Number(Decimal::from(15)))
    );
    assert_eq!(
        from(json!(-15), &FieldType::Number),
        Ok(Value::Number(Decimal::from(-15)))
    );
    assert_eq!(
        from(json!(u64::MAX), &FieldType::Number),
        Ok(Value::Number(Decimal::from(u64::MAX)))
    );
    assert_eq!(
        from(json!("12.5"), &FieldType::Number),
        Ok(Value::Number(Decimal::new(125, 1)))
    );
    assert_eq!(
        from(json!("5 IRR"), &FieldType::Money),
        Ok(Value::Money("5 IRR".parse().unwrap()))
    );
    assert_eq!(from(json!(true), &FieldType::Bool), Ok(Value::Bool(true)));
    assert_eq!(
        from(json!(" a "), &FieldType::Text),
        Ok(Value::Text(" a ".into()))
    );
    assert_eq!(
        from(json!(["a", null]), &list(FieldType::Text)),
        Ok(Value::List(vec!["a".into_text(), Value::Empty]))
    );
    for number in ["12.5", "1e3", "1.0", "99999999999999999999"] {
        let json: serde_json::Value = serde_json::from_str(number).unwrap();
        let refused = from(json, &FieldType::Number);
        assert!(
            matches!(refused, Err(ValueError::InexactJson { .. })),
            "{number}: {refused:?}"
        );
    }
    assert!(matches!(
        from(json!(15), &FieldType::Money),
        Err(ValueError::Money(_))
    ));
    for (json, field_type) in [
        (json!(1), FieldType::Text),
        (json!(1), FieldType::Bool),
        (json!("yes"), FieldType::Bool),
        (json!("a"), list(FieldType::Text)),
        (json!(true), FieldType::Text),
        (json!(["a"]), FieldType::Text),
        (json!({"a": 1}), FieldType::Text),
        (json!([["a"]]), list(FieldType::Text)),
    ] {
        let refused = from(json.clone(), &field_type);
        assert!(
            matches!(refused, Err(ValueError::WrongType { .. })),
            "{json}: {refused:?}"
        );
    }
}

#[test]
fn values_have_short_names_in_our_json() {
    let fields = Fields::from([
        ("amount".into(), Value::Money("1500 IRR".parse().unwrap())),
        (
            "due".into(),
            Value::Date(Date::from_ymd_opt(2026, 9, 22).unwrap()),
        ),
        ("nothing".into(), Value::Empty),
        ("rate".into(), Value::Number(Decimal::new(1500, 3))),
        ("tags".into(), Value::List(vec!["a".into_text()])),
        ("which".into(), Value::Item("invoice/17".parse().unwrap())),
    ]);
    let expected = json!({
        "amount": {"money": "1500 IRR"},
        "due": {"date": "2026-09-22"},
        "nothing": "empty",
        "rate": {"number": "1.5"},
        "tags": {"list": [{"text": "a"}]},
        "which": {"item": "invoice/17"},
    });
    assert_eq!(serde_json::to_value(&fields).unwrap(), expected);
    assert_eq!(serde_json::from_value::<Fields>(expected).unwrap(), fields);
    assert!(serde_json::from_value::<Value>(json!({"number": 1.5})).is_err());
    assert!(serde_json::from_value::<Value>(json!({"number": "1e5"})).is_err());
    assert!(serde_json::from_value::<Value>(json!({"money": "1500"})).is_err());
}

#[test]
fn field_types_keep_their_shape_in_our_json() {
    let table = [
        (FieldType::Text, json!("text")),
        (DATE, json!({"date": {"calendar": "jalali"}})),
        (
            item(Some("invoice")),
            json!({"item": {"entity": "invoice"}}),
        ),
        (list(FieldType::Money), json!({"list": {"of": "money"}})),
        (
            FieldType::Choice {
                options: vec!["a".into()],
            },
            json!({"choice": {"options": ["a"]}}),
        ),
    ];
    for (field_type, expected) in table {
        assert_eq!(serde_json::to_value(&field_type).unwrap(), expected);
        assert_eq!(
            serde_json::from_value::<FieldType>(expected).unwrap(),
            field_type
        );
    }
}

#[test]
fn a_value_fits_only_its_own_type() {
    let money = Value::Money("5 IRR".parse().unwrap());
    assert!(money.fits(&FieldType::Money));
    assert!(!money.fits(&FieldType::Number));
    assert!(Value::Empty.fits(&FieldType::Money));
    assert!("x".into_text().fits(&FieldType::Link));
    assert!(!"x".into_text().fits(&FieldType::User));
    assert!(!Value::Choice("barter".into()).fits(&choice()));
    assert!(!Value::Item("contract/1".parse().unwrap()).fits(&item(Some("invoice"))));
    assert!(Value::Item("contract/1".parse().unwrap()).fits(&item(None)));
    assert!(!Value::List(vec![money]).fits(&list(FieldType::Text)));
    assert!(Value::Empty.is_empty() && Value::List(vec![]).is_empty() && "".into_text().is_empty());
    assert!(!Value::Bool(false).is_empty());
}

fn any_value() -> impl Strategy<Value = (Value, FieldType)> {
    let date = (0_i32..900_000)
        .prop_map(|days| Value::Date(Date::from_num_days_from_ce_opt(days + 600_000).unwrap()));
    let time = (0_u32..86_400).prop_map(|second| {
        Value::Time(NaiveTime::from_num_seconds_from_midnight_opt(second, 0).unwrap())
    });
    let instant = (0_i64..4_000_000_000, 0_u32..1_000_000_000).prop_map(|(second, nanos)| {
        Value::Instant(Timestamp::from_timestamp(second, nanos).unwrap())
    });
    let number = (any::<i64>(), 0_u32..19)
        .prop_map(|(mantissa, scale)| Value::Number(Decimal::new(mantissa, scale)));
    let id = "[a-z0-9-]{1,20}";
    let single = prop_oneof![
        (any_money().prop_map(Value::Money), Just(FieldType::Money)),
        (number, Just(FieldType::Number)),
        (any::<bool>().prop_map(Value::Bool), Just(FieldType::Bool)),
        (date, Just(DATE)),
        (time, Just(FieldType::Time)),
        (instant, Just(FieldType::Instant)),
        (id.prop_map(Value::User), Just(FieldType::User)),
        (id.prop_map(Value::Receipt), Just(FieldType::Receipt)),
        (
            "[a-z]{1,8}/[0-9]{1,8}".prop_map(|text| Value::Item(text.parse().unwrap())),
            Just(item(None))
        ),
        (
            "[a-zآ-ی]{1,20}".prop_map(Value::Text),
            Just(FieldType::Text)
        ),
    ];
    prop_oneof![
        4 => single,
        1 => prop::collection::vec(any_money().prop_map(Value::Money), 1..4)
            .prop_map(|values| (Value::List(values), list(FieldType::Money))),
    ]
}

#[test]
fn every_value_reads_back_from_what_it_shows_and_from_json() {
    for_all(&any_value(), |(value, field_type)| {
        prop_assert_eq!(parse(&value.to_string(), &field_type), Ok(value.clone()));
        let json = serde_json::to_string(&value).unwrap();
        prop_assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), value.clone());
        prop_assert_eq!(value.fits(&field_type), true);
        Ok(())
    });
}
