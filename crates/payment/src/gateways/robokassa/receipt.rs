//! What stands on a receipt: the items of a link, and the second receipt of a prepayment.

use serde::Deserialize;
use serde_json::value::RawValue;
use transport::HttpResponse;
use values::{Currency, Decimal, Money, parse_decimal, parse_number};

use super::settings::{PaymentMethod, ReceiptOptions, Shop, Tax};
use super::text::{Object, array, rubles};
use super::{exchange, token};
use crate::{Conversation, GatewayError, LinkRequest, Operated};

/// The only setting of a link that is this provider's alone.
pub(super) const ITEMS: &str = "items";

/// Longest name of an item, in characters.
const NAME_CHARS_MAX: usize = 128;

/// One line of a receipt.
pub(super) struct Item {
    name: String,
    quantity: Decimal,
    cost: Money,
    sum: Money,
    tax: Tax,
    payment_method: Option<PaymentMethod>,
    payment_object: Option<String>,
    nomenclature_code: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<'a> {
    name: String,
    #[serde(borrow)]
    quantity: Option<&'a RawValue>,
    #[serde(borrow)]
    cost: &'a RawValue,
    tax: Option<Tax>,
    payment_method: Option<PaymentMethod>,
    payment_object: Option<String>,
    nomenclature_code: Option<String>,
}

/// The items of a link: what it names, or one for all of it, or none for a shop without receipts.
pub(super) fn items(shop: &Shop, request: &LinkRequest) -> Result<Vec<Item>, GatewayError> {
    let defaults = shop.options.receipt.as_ref();
    let Some(text) = request.extras.get(ITEMS) else {
        return Ok(defaults
            .map(|receipt| only_item(receipt, request))
            .transpose()?
            .into_iter()
            .collect());
    };
    let written: Vec<Written<'_>> = serde_json::from_str(text).map_err(|error| {
        refused(
            "items_not_valid",
            &format!("the items cannot be read: {error}"),
        )
    })?;
    let items: Vec<Item> = written
        .into_iter()
        .map(|item| item.finish(defaults))
        .collect::<Result<_, _>>()?;
    let total = items
        .iter()
        .try_fold(Money::zero(Currency::Rub), |sum, item| {
            sum.checked_add(&item.sum)
        });
    if total != Ok(request.amount) {
        let message = format!("the items do not add up to {}", request.amount);
        return Err(refused("items_sum_mismatch", &message));
    }
    Ok(items)
}

fn only_item(receipt: &ReceiptOptions, request: &LinkRequest) -> Result<Item, GatewayError> {
    let name = receipt.name.clone();
    Ok(Item {
        name: named(name.unwrap_or_else(|| request.description.clone()))?,
        quantity: Decimal::ONE,
        cost: request.amount,
        sum: request.amount,
        tax: receipt.tax.unwrap_or(Tax::None),
        payment_method: receipt.payment_method,
        payment_object: receipt.payment_object.clone(),
        nomenclature_code: None,
    })
}

fn named(name: String) -> Result<String, GatewayError> {
    let length = name.chars().count();
    if length == 0 || length > NAME_CHARS_MAX {
        let message = format!("the name of an item has 1 to {NAME_CHARS_MAX} characters");
        return Err(refused("items_not_valid", &message));
    }
    Ok(name)
}

fn refused(code: &str, message: &str) -> GatewayError {
    GatewayError::permanent(code, message)
}

impl Written<'_> {
    fn finish(self, defaults: Option<&ReceiptOptions>) -> Result<Item, GatewayError> {
        let number = |raw: &RawValue| {
            written_number(raw)
                .filter(|number| number.is_sign_positive() && !number.is_zero())
                .ok_or_else(|| refused("items_not_valid", "an item has a number that is none"))
        };
        let quantity = self
            .quantity
            .map(number)
            .transpose()?
            .unwrap_or(Decimal::ONE);
        let money = |amount: Decimal| {
            Money::new(amount, Currency::Rub)
                .map_err(|_| refused("items_not_valid", "an item is not in whole kopecks"))
        };
        let cost = money(number(self.cost)?)?;
        let sum = quantity.checked_mul(cost.amount());
        let sum = sum.ok_or_else(|| refused("items_not_valid", "an item is too dear"))?;
        if quantity.normalize().scale() > 3 {
            return Err(refused(
                "items_not_valid",
                "a quantity has at most three decimals",
            ));
        }
        let tax = self
            .tax
            .or_else(|| defaults.and_then(|receipt| receipt.tax));
        Ok(Item {
            name: named(self.name)?,
            quantity,
            cost,
            sum: money(sum)?,
            tax: tax.unwrap_or(Tax::None),
            payment_method: self
                .payment_method
                .or_else(|| defaults.and_then(|receipt| receipt.payment_method)),
            payment_object: self
                .payment_object
                .or_else(|| defaults.and_then(|receipt| receipt.payment_object.clone())),
            nomenclature_code: self.nomenclature_code,
        })
    }
}

/// A number as a file has it, or as a person has typed it between quotes.
fn written_number(raw: &RawValue) -> Option<Decimal> {
    let typed = serde_json::from_str::<String>(raw.get()).ok();
    match typed {
        Some(text) => parse_number(&text).ok(),
        None => parse_decimal(raw.get()).ok(),
    }
}

/// The items as the Invoice API takes them.
pub(super) fn invoice_items(items: &[Item]) -> String {
    array(items.iter().map(|item| {
        Object::default()
            .text("Name", &item.name)
            .raw("Quantity", &item.quantity.normalize().to_string())
            .raw("Cost", &rubles(&item.cost))
            .text("Tax", item.tax.word())
            .maybe(
                "PaymentMethod",
                item.payment_method.map(PaymentMethod::word),
            )
            .maybe("PaymentObject", item.payment_object.as_deref())
            .maybe("NomenclatureCode", item.nomenclature_code.as_deref())
            .json()
    }))
}

/// The receipt as a classic link carries it.
pub(super) fn classic_receipt(shop: &Shop, items: &[Item]) -> String {
    let sno = shop
        .options
        .receipt
        .as_ref()
        .and_then(|receipt| receipt.sno);
    Object::default()
        .maybe("sno", sno.map(super::settings::Sno::word))
        .raw("items", &array(items.iter().map(fiscal_item)))
        .json()
}

fn fiscal_item(item: &Item) -> String {
    Object::default()
        .text("name", &item.name)
        .raw("quantity", &item.quantity.normalize().to_string())
        .raw("sum", &rubles(&item.sum))
        .text("tax", item.tax.word())
        .maybe(
            "payment_method",
            item.payment_method.map(PaymentMethod::word),
        )
        .maybe("payment_object", item.payment_object.as_deref())
        .maybe("nomenclature_code", item.nomenclature_code.as_deref())
        .json()
}

/// Attaches the second receipt of a prepayment.
pub(super) fn second(
    shop: &Shop,
    origin: &str,
    receipt_no: &str,
    amount: &Money,
) -> Conversation<Operated> {
    let payload = match second_payload(shop, origin, receipt_no, amount) {
        Ok(payload) => payload,
        Err(error) => return Conversation::failed(error),
    };
    let body = token::fiscal(shop.options.hash, shop.password1.reveal(), &payload);
    let url = format!("{}/RoboFiscal/Receipt/Attach", shop.options.fiscal_url);
    let request = exchange::post(url, body);
    Conversation::change(request, |response| Conversation::Ended(attached(&response)))
}

fn second_payload(
    shop: &Shop,
    origin: &str,
    receipt_no: &str,
    amount: &Money,
) -> Result<String, GatewayError> {
    let receipt = shop.options.receipt.as_ref();
    let Some((receipt, second)) = receipt.and_then(|all| Some((all, all.second.as_ref()?))) else {
        return Err(refused(
            "unsupported_operation",
            "the account has no `receipt.second`",
        ));
    };
    let plain = !receipt_no.is_empty() && receipt_no.bytes().all(|byte| byte.is_ascii_digit());
    if !plain || receipt_no == origin {
        return Err(refused(
            "receipt_number_not_valid",
            "a receipt's number has digits only and is not the order's",
        ));
    }
    if amount.currency() != Currency::Rub || !amount.is_positive() {
        return Err(refused(
            "amount_not_positive",
            "a receipt is over an amount in RUB",
        ));
    }
    let tax = receipt.tax.unwrap_or(Tax::None);
    let item = Item {
        name: named(second.name.clone())?,
        quantity: Decimal::ONE,
        cost: *amount,
        sum: *amount,
        tax,
        payment_method: Some(PaymentMethod::FullPayment),
        payment_object: receipt.payment_object.clone(),
        nomenclature_code: None,
    };
    let payment = Object::default()
        .raw("type", "2")
        .raw("sum", &rubles(amount));
    let vat = Object::default()
        .text("type", tax.word())
        .raw("sum", &rubles(&contained_tax(amount, tax)?));
    Ok(Object::default()
        .text("merchantId", &shop.options.merchant_login)
        .text("id", receipt_no)
        .text("originId", origin)
        .text("operation", "sell")
        .maybe("sno", receipt.sno.map(super::settings::Sno::word))
        .text("url", &second.url)
        .raw("total", &rubles(amount))
        .raw("items", &array([fiscal_item(&item)]))
        .raw(
            "client",
            &Object::default().text("email", &second.email).json(),
        )
        .raw("payments", &array([payment.json()]))
        .raw("vats", &array([vat.json()]))
        .json())
}

/// The tax inside a price, to the nearest kopeck.
fn contained_tax(amount: &Money, tax: Tax) -> Result<Money, GatewayError> {
    let percent = tax.percent();
    let whole = 100 + percent;
    let kopecks = amount
        .minor_units()
        .ok()
        .and_then(|minor| {
            minor
                .checked_mul(percent)?
                .checked_mul(2)?
                .checked_add(whole)
        })
        .and_then(|doubled| doubled.checked_div(whole.checked_mul(2)?))
        .and_then(|minor| Money::from_minor(minor, Currency::Rub).ok());
    kopecks.ok_or_else(|| refused("amount_over_limit", "the amount is too large for its tax"))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attached<'a> {
    #[serde(borrow)]
    result_code: &'a RawValue,
}

/// Zero is taken, one waits, two is registered already.
fn attached(response: &HttpResponse) -> Result<Operated, GatewayError> {
    let body = exchange::changed(response)?;
    let Ok(answer) = serde_json::from_slice::<Attached<'_>>(body) else {
        return Err(exchange::unclear());
    };
    match answer.result_code.get().trim_matches('"') {
        "0" | "1" | "2" => Ok(Operated::default()),
        "1000" => Err(with_code(
            GatewayError::ambiguous("provider_error", "the provider has failed inside"),
            "1000",
        )),
        code => Err(with_code(
            GatewayError::permanent("receipt_refused", "the provider refuses the receipt"),
            code,
        )),
    }
}

fn with_code(mut error: GatewayError, code: &str) -> GatewayError {
    error.provider_code = Some(code.chars().take(20).collect());
    error
}
