//! The Invoice API: making, closing and listing invoices by signed tokens.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;
use transport::{HttpRequest, HttpResponse};
use values::{Money, Timestamp};

use super::name::LinkName;
use super::receipt::{invoice_items, items};
use super::settings::{ReturnUrl, Shop};
use super::text::{Object, amount, array, days_from, moment, moscow, moscow_day, quoted, rubles};
use super::{codes, exchange, token};
use crate::{
    Conversation, CreatedLink, GatewayError, LinkRequest, LinkStatus, ListPage, ListSpan,
    ListedLink,
};

/// How many invoices one page has.
const PAGE_SIZE: usize = 100;
/// After so many pages a look-up gives up.
const PAGES_MAX: usize = 100;

fn ask(shop: &Shop, method: &str, payload: &str) -> HttpRequest {
    let options = &shop.options;
    let key = format!("{}:{}", options.merchant_login, shop.password1.reveal());
    let token = token::sign(options.hash, options.token_names, &key, payload);
    let url = format!("{}/InvoiceServiceWebApi/api/{method}", options.services_url);
    exchange::post(url, quoted(&token))
}

/// The request that makes an invoice.
pub(super) fn create_request(
    shop: &Shop,
    request: &LinkRequest,
    name: &LinkName,
) -> Result<HttpRequest, GatewayError> {
    let options = &shop.options;
    let kind = if name.reusable { "Reusable" } else { "OneTime" };
    let own = name.own("shp_").into_iter();
    let own = own.fold(Object::default(), |own, (name, value)| {
        own.text(&name, &value)
    });
    let mut payload = Object::default()
        .text("MerchantLogin", &options.merchant_login)
        .text("InvoiceType", kind)
        .raw("OutSum", &rubles(&request.amount))
        .raw("InvId", &name.inv_id)
        .text("Culture", shop.culture(request.locale))
        .text("Description", &request.description)
        .maybe("MerchantComments", request.comment.as_deref())
        .raw("UserFields", &own.json());
    let items = items(shop, request)?;
    if !items.is_empty() {
        payload = payload.raw("InvoiceItems", &invoice_items(&items));
        let sno = options.receipt.as_ref().and_then(|receipt| receipt.sno);
        payload = payload.maybe("Sno", sno.map(super::settings::Sno::word));
    }
    payload = payload.text("ExpirationDate", &moscow(request.expires_at));
    for (key, back) in [
        ("SuccessUrl2Data", &options.success_url),
        ("FailUrl2Data", &options.fail_url),
    ] {
        if let Some(back) = back {
            payload = payload.raw(key, &back_json(back));
        }
    }
    if !options.aliases.is_empty() {
        let aliases = options.aliases.iter().map(|alias| quoted(alias));
        payload = payload.raw("Aliases", &array(aliases));
    }
    if let Some(url) = &shop.result_url2 {
        let more = Object::default().text("ResultURL2", url);
        payload = payload.raw("AdditionalParameters", &more.json());
    }
    Ok(ask(shop, "CreateInvoice", &payload.json()))
}

fn back_json(back: &ReturnUrl) -> String {
    Object::default()
        .text("Url", &back.url)
        .text("Method", back.method.word())
        .json()
}

/// The request that closes an invoice.
pub(super) fn deactivate_request(shop: &Shop, inv_id: &str) -> HttpRequest {
    let payload = Object::default()
        .text("MerchantLogin", &shop.options.merchant_login)
        .raw("InvId", inv_id);
    ask(shop, "DeactivateInvoice", &payload.json())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    is_success: bool,
    message: Option<String>,
    error_message: Option<String>,
    #[serde(borrow)]
    error_code: Option<&'a RawValue>,
    id: Option<String>,
    #[serde(borrow)]
    inv_id: Option<&'a RawValue>,
    url: Option<String>,
}

/// What a wish comes to, once the answer is read.
pub(super) enum Word<T> {
    /// It was done.
    Done(T),
    /// It was refused, with the provider's words.
    Refused(String),
}

impl Answer<'_> {
    /// A number where there is one, otherwise the words.
    fn refusal(self) -> String {
        let code = self.error_code.map(|raw| unquoted(raw).to_owned());
        let code = code.filter(|code| codes::error_of(code).is_some());
        code.or(self.message)
            .or(self.error_message)
            .unwrap_or_default()
    }
}

fn answer(response: &HttpResponse) -> Result<Answer<'_>, GatewayError> {
    let body = exchange::changed(response)?;
    serde_json::from_slice(body).map_err(|_| exchange::unclear())
}

/// What the answer to a create says. A link for another number than ours is not the one we asked for.
pub(super) fn created(
    shop: &Shop,
    mut name: LinkName,
    response: &HttpResponse,
) -> Result<Word<CreatedLink>, GatewayError> {
    let answer = answer(response)?;
    if !answer.is_success {
        return Ok(Word::Refused(answer.refusal()));
    }
    let ours = answer
        .inv_id
        .is_some_and(|number| unquoted(number) == name.inv_id);
    let url = answer.url.filter(|url| shop.is_pay_url(url));
    let (true, Some(url)) = (ours, url) else {
        return Err(exchange::unclear());
    };
    name.id = answer.id;
    Ok(Word::Done(CreatedLink {
        provider_ref: name.provider_ref(),
        url,
        url_valid_until: None,
        amount: None,
    }))
}

/// What the answer to a deactivation says.
pub(super) fn deactivated(response: &HttpResponse) -> Result<Word<()>, GatewayError> {
    let answer = answer(response)?;
    Ok(if answer.is_success {
        Word::Done(())
    } else {
        Word::Refused(answer.refusal())
    })
}

/// A number, whether it came as one or as text.
fn unquoted(raw: &RawValue) -> &str {
    raw.get().trim_matches('"')
}

/// The provider's word for the state of an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowStatus {
    NotPaid,
    Paid,
    Expired,
    Unknown,
}

/// One invoice of the list.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) inv_id: String,
    pub(super) id: Option<String>,
    pub(super) status: RowStatus,
    pub(super) amount: Option<Money>,
    pub(super) url: Option<String>,
    pub(super) created: Option<Timestamp>,
    pub(super) modified: Option<Timestamp>,
    /// Our parameters by their names in small letters.
    pub(super) own: BTreeMap<String, String>,
}

impl Row {
    /// Whether it may be the invoice of a reference; a row without our parameter may.
    pub(super) fn is_of(&self, reference: &str) -> bool {
        let named = self.own.get(super::name::OWN_REFERENCE);
        named.is_none_or(|named| named == reference)
    }

    /// As a line of the provider's own list.
    fn listed(self) -> ListedLink {
        ListedLink {
            name: self.inv_id,
            amount: self.amount,
            created_at: self.created,
            status: match self.status {
                RowStatus::NotPaid => LinkStatus::Created,
                RowStatus::Paid => LinkStatus::Paid,
                RowStatus::Expired => LinkStatus::Expired,
                RowStatus::Unknown => LinkStatus::Unknown,
            },
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenRow<'a> {
    id: Option<String>,
    #[serde(borrow)]
    inv_id: Option<&'a RawValue>,
    #[serde(borrow)]
    out_sum: Option<&'a RawValue>,
    invoice_status: Option<String>,
    invoice_payment_url: Option<String>,
    created: Option<String>,
    modified: Option<String>,
    user_fields: Option<serde_json::Value>,
}

impl WrittenRow<'_> {
    fn finish(self) -> Option<Row> {
        let word = self.invoice_status.unwrap_or_default().to_ascii_lowercase();
        Some(Row {
            inv_id: unquoted(self.inv_id?).to_owned(),
            id: self.id,
            status: match word.as_str() {
                "notpaid" => RowStatus::NotPaid,
                "paid" => RowStatus::Paid,
                "expired" => RowStatus::Expired,
                _ => RowStatus::Unknown,
            },
            amount: self.out_sum.and_then(|raw| amount(raw.get())),
            url: self.invoice_payment_url,
            created: self.created.and_then(|text| moment(&text)),
            modified: self.modified.and_then(|text| moment(&text)),
            own: own_fields(self.user_fields),
        })
    }
}

/// Our parameters out of an object, or out of a list of names and values.
fn own_fields(fields: Option<serde_json::Value>) -> BTreeMap<String, String> {
    let mut own = BTreeMap::new();
    let mut add = |name: &str, value: Option<&serde_json::Value>| {
        if let Some(text) = value.and_then(|value| value.as_str()) {
            own.insert(name.to_ascii_lowercase(), text.to_owned());
        }
    };
    match fields {
        Some(serde_json::Value::Object(map)) => {
            map.iter().for_each(|(name, value)| add(name, Some(value)));
        }
        Some(serde_json::Value::Array(list)) => {
            for field in &list {
                if let Some(name) = field.get("name").and_then(|name| name.as_str()) {
                    add(name, field.get("value"));
                }
            }
        }
        _ => {}
    }
    own
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenPage<'a> {
    is_success: bool,
    total: Option<usize>,
    #[serde(borrow)]
    invoice_information_list: Option<Vec<WrittenRow<'a>>>,
}

/// What a look through the list has found.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) rows: Vec<Row>,
    /// Whether every page was seen, or everything wanted was found.
    pub(super) complete: bool,
}

/// A look through the list for some numbers, between two days.
pub(super) struct Search {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    pub(super) wanted: Vec<String>,
}

/// Reads page after page until every wanted number is found.
pub(super) fn list(shop: Arc<Shop>, search: Search) -> Conversation<Listing> {
    next_page(shop, search, 1, Listing::default())
}

fn next_page(
    shop: Arc<Shop>,
    search: Search,
    page: usize,
    mut listing: Listing,
) -> Conversation<Listing> {
    let request = list_request(&shop, (search.from, search.to), page);
    Conversation::read(request, move |response| {
        let read = match read_page(&response) {
            Ok(read) => read,
            Err(error) => return Conversation::failed(error),
        };
        let (rows, seen, total) = read;
        let wanted = rows
            .into_iter()
            .filter(|row| search.wanted.contains(&row.inv_id));
        listing.rows.extend(wanted);
        let found = |number: &String| listing.rows.iter().any(|row| &row.inv_id == number);
        let through = seen == 0 || page.saturating_mul(PAGE_SIZE) >= total;
        listing.complete = through || search.wanted.iter().all(found);
        if listing.complete || page >= PAGES_MAX {
            return Conversation::done(listing);
        }
        next_page(shop, search, page.saturating_add(1), listing)
    })
}

/// One page of the list between two days, for whoever wants to see all of it.
pub(super) fn page(shop: &Shop, span: ListSpan, page: Option<&str>) -> Conversation<ListPage> {
    let number = page.map_or(Some(1), |page| page.parse::<usize>().ok());
    let Some(number) = number.filter(|number| *number <= PAGES_MAX) else {
        return Conversation::failed(GatewayError::permanent(
            "page_not_valid",
            "the list has no such page",
        ));
    };
    // Whether the last day belongs to the list is documented nowhere.
    let request = list_request(shop, (span.from, days_from(span.to, 1)), number);
    Conversation::read(request, move |response| {
        let read = read_page(&response).map(|(rows, seen, total)| {
            let through = seen == 0 || number.saturating_mul(PAGE_SIZE) >= total;
            ListPage {
                links: rows.into_iter().map(Row::listed).collect(),
                next: (!through).then(|| number.saturating_add(1).to_string()),
            }
        });
        Conversation::Ended(read)
    })
}

fn list_request(shop: &Shop, (from, to): (Timestamp, Timestamp), page: usize) -> HttpRequest {
    let words = |words: &[&str]| array(words.iter().map(|word| quoted(word)));
    let payload = Object::default()
        .text("MerchantLogin", &shop.options.merchant_login)
        .raw("CurrentPage", &page.to_string())
        .raw("PageSize", &PAGE_SIZE.to_string())
        .raw("InvoiceStatuses", &words(&["Paid", "Expired", "Notpaid"]))
        .raw("InvoiceTypes", &words(&["OneTime", "Reusable"]))
        .text("DateFrom", &moscow_day(from))
        .text("DateTo", &moscow_day(to));
    ask(shop, "GetInvoiceInformationList", &payload.json())
}

type Page = (Vec<Row>, usize, usize);

fn read_page(response: &HttpResponse) -> Result<Page, GatewayError> {
    let body = exchange::read(response)?;
    let page: WrittenPage<'_> = serde_json::from_slice(body).map_err(|_| exchange::unreadable())?;
    if !page.is_success {
        return Err(GatewayError::permanent(
            "list_refused",
            "the provider refuses its list",
        ));
    }
    let rows = page.invoice_information_list.unwrap_or_default();
    let seen = rows.len();
    // Without a total, a page that is not full is the last one.
    let unknown = if seen < PAGE_SIZE { 0 } else { usize::MAX };
    let total = page.total.unwrap_or(unknown);
    Ok((
        rows.into_iter().filter_map(WrittenRow::finish).collect(),
        seen,
        total,
    ))
}
