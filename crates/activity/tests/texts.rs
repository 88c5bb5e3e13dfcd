//! The default texts about a link, word for word.

use serde_json::json;
use values::Locale;

use crate::gateway::link;
use crate::kit::Kit;

fn texts(locale: Locale, expires: &serde_json::Value) -> String {
    let mut kit = Kit::invoice();
    kit.answers.party.as_mut().unwrap().language = Some(locale);
    let settings = json!({ "account": "main", "amount": "final", "expires": expires });
    let ready = kit.ready("create_payment_link", &settings);
    let request = kit.request(ready.as_ref());
    let result = serde_json::to_value(link("a")).unwrap();
    let messages = kit
        .conclude(ready.as_ref(), &request, &result)
        .changes
        .messages;
    let blocks: Vec<String> = messages
        .iter()
        .map(|message| match &message.subject {
            Some(subject) => format!("# {subject}\n{}", message.body),
            None => message.body.clone(),
        })
        .collect();
    blocks.join("\n---\n")
}

#[test]
fn the_default_texts_read_as_they_should() {
    let mut all = String::new();
    for locale in Locale::ALL {
        for expires in [json!({ "days": 3 }), json!({ "date": "1405/06/31" })] {
            all.push_str(&format!(
                "== {locale}, {expires}\n{}\n\n",
                texts(locale, &expires)
            ));
        }
    }
    let expected = include_str!("default-texts.txt");
    assert_eq!(
        all.trim_end(),
        expected.trim_end(),
        "tests/default-texts.txt is out of date"
    );
}

#[test]
fn a_description_that_looks_like_a_place_stays_what_it_is() {
    let mut kit = Kit::invoice();
    kit.locales = vec![Locale::En];
    let settings = json!({
        "account": "main",
        "amount": "final",
        "description": "{url} {until} {amount}",
        "recipients": { "sms": ["contact"] },
    });
    let ready = kit.ready("create_payment_link", &settings);
    let request = kit.request(ready.as_ref());
    let result = serde_json::to_value(link("a")).unwrap();
    let messages = kit
        .conclude(ready.as_ref(), &request, &result)
        .changes
        .messages;
    assert!(
        messages[0].body.ends_with("\n{url} {until} {amount}"),
        "{}",
        messages[0].body
    );
}
