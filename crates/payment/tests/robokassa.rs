//! Robokassa's adapter: what it sends and understands, to the byte, without anybody at the other end.

mod calls;
mod requests;

use std::collections::BTreeMap;

use payment::gateways::{AccountSettings, Secret, SetupError, built_in};
use payment::{Ask, Conversation, LinkRequest, Translator, Usage};
use serde_json::{Value, json};
use std::sync::Arc;
use transport::HttpResponse;
use values::{Currency, Locale, Money, Zone};

/// The number that the reference of [`sale`] has at the account `shop`.
const NUMBER: &str = "941015497557358";

/// Made for these tests; its key is thrown away.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMIIDIjCCAgqgAwIBAgIUKJu1LYGrqsv744+NHn646ZYzTnwwDQYJKoZIhvcNAQEL\nBQAwITEfMB0GA1UEAwwWand0c2lnbi5yb2Jva2Fzc2EudGVzdDAgFw0yNjExMjIy\nMDAyNDZaGA8yMTI2MTAyOTIwMDI0NlowITEfMB0GA1UEAwwWand0c2lnbi5yb2Jv\na2Fzc2EudGVzdDCCASIwDQYJKoZIhvcNAQEBBQADggEPADCCAQoCggEBAL0ilSKl\nHLnX3JBTyjmMHgsmYqzLnghOUVUNLsIj2tuFRxIVnZwlEf8kihxuUOSdLNjLtO35\nCYx6TNVYHsCJCtptXJXOi+s5lE1sLBm1bloT7TqMUELKlJOtAUTwZOnORKk0iN0t\nJaixrmo01Sveu/b3eOdJKyrvCbMqaQgPOtiw2PXT+OtPItckJKinjY5Rwn2s6NNo\n7dnNW4/tONRNKrAym/nL29pBXuPxLzEp6pKYgwsPp13N4ibEx0ZKh3iiWh5YisOQ\n/yMlB6lqQ+7fRQ6TGz0Geor1UWrgJ9QHMfTDBZn/6Pf+fgMDNC8noD29mIi5bD7b\nbn5kXlIQQsimdZMCAwEAAaNQME4wHQYDVR0OBBYEFEdIkNJb4kqK4m4XlQN6eYIx\njKOEMB8GA1UdIwQYMBaAFEdIkNJb4kqK4m4XlQN6eYIxjKOEMAwGA1UdEwEB/wQC\nMAAwDQYJKoZIhvcNAQELBQADggEBABRwSWnuD1149+yB/KsAJ3YSdEUoPGJej722\n5Vz2OOCdKarUeexOte+rjLk+Pyxx5g+074Uao8d8Y3becpQPA677RVhOaFAJIMMz\nyIJHGdxNzhJmGAvVKQXPMnbtGwJZHXcNw5mjn53AoRIli7/kOBmJnyG3ZEvpMUji\ncqByu8SN1mFOIzljY8KJB40h7bZcufQnSzKjSO59mhNL5odWwxaTYPJYBscFQtVH\nRXzlMqHjYvBGODjAcQ1KLMC2b5N1zfYlDweVsaaETiLiflJgrVGWWgWnoM/mIlmN\n2pTT+k5VXj9KCOxTX5SnWAEaHzDTmJgiaiymDEM1PaYko6cWcq0=\n-----END CERTIFICATE-----";

fn settings(options: Value) -> AccountSettings {
    let mut section = json!({"merchant_login": "acme-crm"});
    let section_map = section.as_object_mut().unwrap();
    for (key, value) in options.as_object().unwrap() {
        section_map.insert(key.clone(), value.clone());
    }
    let secrets = [
        ("password1", "p1-Secret"),
        ("password2", "p2-Secret"),
        ("test_password1", "t1-Secret"),
        ("test_password2", "t2-Secret"),
    ];
    let secrets = secrets.map(|(name, text)| (name.to_owned(), Secret::new(text)));
    AccountSettings {
        account: "shop".into(),
        currency: Currency::Rub,
        options: section,
        secrets: BTreeMap::from(secrets),
        callback_url: Some("https://crm.example/c/token".to_owned()),
        zone: Zone::UTC,
    }
}

fn build(settings: &AccountSettings) -> Result<Arc<dyn Translator>, SetupError> {
    let adapter = built_in("robokassa").unwrap().adapter.unwrap();
    adapter(settings)
}

fn adapter(options: Value) -> Arc<dyn Translator> {
    build(&settings(options)).unwrap()
}

fn sale() -> LinkRequest {
    LinkRequest {
        reference: "deal/42/pay/7".to_owned(),
        amount: Money::from_minor(125_050, Currency::Rub).unwrap(),
        expires_at: "2026-12-31T20:59:59Z".parse().unwrap(),
        description: "Сделка 42".to_owned(),
        usage: Usage::OneTime,
        payer_name: None,
        payer_mobile: None,
        comment: None,
        locale: Locale::Ru,
        extras: BTreeMap::new(),
    }
}

fn asked<T: std::fmt::Debug>(conversation: Conversation<T>) -> Ask<T> {
    match conversation {
        Conversation::Ask(ask) => ask,
        Conversation::Ended(end) => panic!("it has ended: {end:?}"),
    }
}

fn ended<T: std::fmt::Debug>(conversation: Conversation<T>) -> Result<T, payment::GatewayError> {
    match conversation {
        Conversation::Ended(end) => end,
        Conversation::Ask(ask) => panic!("it asks {ask:?}"),
    }
}

fn answer(status: u16, body: &str) -> HttpResponse {
    HttpResponse {
        status,
        headers: vec![("retry-after".to_owned(), "30".to_owned())],
        body: body.as_bytes().to_vec(),
    }
}
