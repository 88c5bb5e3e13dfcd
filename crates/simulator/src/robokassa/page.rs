//! The pay page: what a payer sees, and what their buttons do.

use values::{Money, Timestamp};

use super::book::{Book, Invoice, Refusal};
use super::settings::RobokassaSettings;
use super::wire::{
    digest, encoded_id, escaped, form, guid, moment, money, own_part, six_decimals, value,
};

/// The parameters that a classic link's signature is over, after sum and number.
const SIGNED: [&str; 9] = [
    "OutSumCurrency",
    "UserIp",
    "Receipt",
    "StepByStep",
    "ResultUrl2",
    "SuccessUrl2",
    "SuccessUrl2Method",
    "FailUrl2",
    "FailUrl2Method",
];

/// The invoice of a page's name.
pub(super) fn of_page(book: &Book, name: &str) -> Result<usize, Refusal> {
    let mut invoices = book.invoices.iter();
    let found = invoices
        .position(|invoice| invoice.signature.is_none() && encoded_id(&invoice.guid) == name);
    found.ok_or(Refusal(53, "the invoice is not found"))
}

/// The classic link of a query; the first visit is how the provider comes to know it.
pub(super) fn of_query(
    settings: &RobokassaSettings,
    book: &mut Book,
    now: Timestamp,
    query: &[(String, String)],
) -> Result<usize, Refusal> {
    let get = |name: &str| value(query, name);
    if get("MerchantLogin") != Some(settings.login.as_str()) {
        return Err(Refusal(26, "the shop is not found"));
    }
    let signature = signed(settings, query)?;
    let number = match get("InvId").filter(|text| !matches!(*text, "" | "0")) {
        None => None,
        Some(text) => Some(
            text.parse()
                .map_err(|_| Refusal(30, "the number is not valid"))?,
        ),
    };
    let amount = get("OutSum").and_then(money).filter(Money::is_positive);
    let amount = amount.ok_or(Refusal(31, "the sum is not valid"))?;
    if get("Description").is_some_and(|text| text.chars().count() > 100) {
        return Err(Refusal(500, "the description is too long"));
    }
    let known = match number {
        Some(number) => book.numbered(number),
        None => {
            let mut invoices = book.invoices.iter();
            invoices.position(|invoice| invoice.signature.as_deref() == Some(signature.as_str()))
        }
    };
    if let Some(index) = known {
        let same = book
            .invoices
            .get(index)
            .is_some_and(|invoice| invoice.amount == amount);
        let taken = Refusal(40, "the number is used already");
        return if same { Ok(index) } else { Err(taken) };
    }
    let back = |url: &str, method: &str| {
        let url = get(url)?.to_owned();
        Some((url, get(method).unwrap_or("GET").to_owned()))
    };
    let own = query
        .iter()
        .filter(|(name, _)| name.to_lowercase().starts_with("shp_"));
    book.invoices.push(Invoice {
        number,
        guid: guid(&format!("classic {signature}")),
        reusable: number.is_none(),
        test: get("IsTest") == Some("1"),
        amount,
        description: get("Description").unwrap_or_default().to_owned(),
        created: now,
        modified: now,
        expires: get("ExpirationDate").and_then(moment),
        closed: None,
        own: own.cloned().collect(),
        success: back("SuccessUrl2", "SuccessUrl2Method"),
        fail: back("FailUrl2", "FailUrl2Method"),
        signature: Some(signature),
        hidden: 0,
    });
    Ok(book.invoices.len().saturating_sub(1))
}

/// The signature of a query that holds.
fn signed(settings: &RobokassaSettings, query: &[(String, String)]) -> Result<String, Refusal> {
    let get = |name: &str| value(query, name);
    let test = get("IsTest") == Some("1");
    let password = match (&settings.test_passwords, test) {
        (Some((first, _)), true) => first,
        (None, true) => return Err(Refusal(23, "there are no test passwords")),
        (_, false) => &settings.password1,
    };
    let mut parts = vec![settings.login.as_str(), get("OutSum").unwrap_or_default()];
    parts.push(get("InvId").unwrap_or_default());
    parts.extend(SIGNED.iter().filter_map(|name| get(name)));
    parts.push(password);
    let own: Vec<_> = query
        .iter()
        .filter(|(name, _)| name.to_lowercase().starts_with("shp_"))
        .cloned()
        .collect();
    let base = parts.join(":") + &own_part(&own);
    let claimed = get("SignatureValue").unwrap_or_default();
    if digest(settings.hash, &base).eq_ignore_ascii_case(claimed) {
        Ok(claimed.to_lowercase())
    } else {
        Err(Refusal(29, "the signature is not valid"))
    }
}

/// The page with the sum and the buttons.
pub(super) fn shown(invoice: &Invoice) -> String {
    format!(
        "<!doctype html><html lang=\"ru\"><meta charset=\"utf-8\"><title>Robokassa</title>\
         <h1>{}</h1><p>{}</p><form method=\"post\">\
         <button name=\"action\" value=\"pay\">Оплатить</button>\
         <button name=\"action\" value=\"decline\">Отказаться</button>\
         <button name=\"action\" value=\"leave\">Уйти</button></form></html>",
        escaped(&invoice.amount.to_string()),
        escaped(&invoice.description),
    )
}

/// The page that takes nobody.
pub(super) fn turned_away(refusal: Refusal) -> String {
    format!(
        "<!doctype html><html lang=\"ru\"><meta charset=\"utf-8\"><title>Robokassa</title>\
         <p>error {}: {}</p></html>",
        refusal.0, refusal.1
    )
}

/// Where the browser goes after a button, where the link says so. Success is signed with the first
/// password; a failure is not signed at all.
pub(super) fn way_back(
    settings: &RobokassaSettings,
    invoice: &Invoice,
    inv_id: u64,
    paid: bool,
) -> Option<String> {
    let (url, _) = if paid {
        &invoice.success
    } else {
        &invoice.fail
    }
    .as_ref()?;
    let out_sum = six_decimals(&invoice.amount);
    let mut pairs = vec![
        ("OutSum".to_owned(), out_sum.clone()),
        ("InvId".to_owned(), inv_id.to_string()),
        ("Culture".to_owned(), "ru".to_owned()),
    ];
    if paid {
        let tests = settings.test_passwords.as_ref().filter(|_| invoice.test);
        let password = tests.map_or(&settings.password1, |(first, _)| first);
        let base = format!("{out_sum}:{inv_id}:{password}{}", own_part(&invoice.own));
        pairs.push(("SignatureValue".to_owned(), digest(settings.hash, &base)));
    }
    pairs.extend(invoice.own.iter().cloned());
    let joint = if url.contains('?') { '&' } else { '?' };
    Some(format!("{url}{joint}{}", form(&pairs)))
}
