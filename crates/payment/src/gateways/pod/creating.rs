//! Making an invoice, turning it into a link, and finding it again.

use std::sync::Arc;

use transport::HttpResponse;
use values::{Currency, Timestamp};

use super::answer::{Told, malformed};
use super::invoice::Invoice;
use super::options::{LinkKind, Method};
use super::reference::{Metadata, provider_ref};
use super::wire::{Desk, Fields};
use crate::{
    Conversation, CreatedLink, DUPLICATE_REFERENCE, Effect, ErrorClass, Found, GatewayError,
    LinkRequest, Operated, ProviderRef,
};

/// Invoices of one bill number that a look-up asks for: there is one, unless something is wrong.
const SAME_NUMBER_MAX: &str = "10";

/// Makes the link: a one-time token, the invoice, and the way to its money.
pub(super) fn create(
    desk: &Arc<Desk>,
    now: Timestamp,
    request: &LinkRequest,
) -> Conversation<CreatedLink> {
    if request.expires_at <= now {
        let message = format!("the expiry {} has passed", request.expires_at);
        return Conversation::failed(GatewayError::permanent("expiry_past", message));
    }
    let life = request.expires_at.signed_duration_since(now);
    if desk.options.limits.expiry_max.is_some_and(|max| life > max) {
        let message = "the link would live longer than the account allows";
        return Conversation::failed(GatewayError::permanent("expiry_over_limit", message));
    }
    let (metadata, fields) = match issue_fields(desk, request) {
        Ok(issue) => issue,
        Err(error) => return Conversation::failed(error),
    };
    let desk = Arc::clone(desk);
    with_ott(&Arc::clone(&desk), move |ott| {
        let http = desk.service(Method::IssueInvoice, fields, Some(&ott));
        Conversation::change(http, move |response| issued(desk, now, metadata, &response))
    })
}

/// Asks for a one-time token and goes on with it.
pub(super) fn with_ott<T: Send + 'static>(
    desk: &Arc<Desk>,
    next: impl FnOnce(String) -> Conversation<T> + Send + 'static,
) -> Conversation<T> {
    let request = desk.ask_ott();
    let desk = Arc::clone(desk);
    Conversation::read(request, move |response| match desk.read_ott(&response) {
        Ok(ott) => next(ott),
        Err(error) => Conversation::failed(error),
    })
}

/// The fields of the invoice, and what it carries for us.
fn issue_fields(desk: &Desk, request: &LinkRequest) -> Result<(Metadata, Fields), GatewayError> {
    let unpayable =
        || GatewayError::permanent("amount_not_whole", "the amount is not in whole rials");
    let rials = request.amount.convert_to(Currency::Irr);
    let amount = rials
        .and_then(|rials| rials.minor_units())
        .map_err(|_| unpayable())?
        .to_string();
    let metadata = Metadata {
        reference: request.reference.clone(),
        amount: amount.clone(),
        expires_at: request.expires_at,
        comment: request.comment.clone(),
    };
    let text = serde_json::to_string(&metadata)
        .map_err(|_| GatewayError::permanent("metadata_not_written", "the metadata has no text"))?;
    // POD refuses a line without a description.
    let described = match request.description.trim() {
        "" => request.reference.clone(),
        _ => request.description.clone(),
    };
    let options = &desk.options;
    let mut fields: Fields = vec![
        ("productId[]", "0".to_owned()),
        ("price[]", amount),
        ("quantity[]", "1".to_owned()),
        ("productDescription[]", described.clone()),
        ("guildCode", options.guild_code.clone()),
        ("billNumber", request.reference.clone()),
        ("description", described),
        // Left out, POD adds its value-added tax to our amount.
        ("preferredTaxRate", "0".to_owned()),
        ("verificationNeeded", options.verification.to_string()),
        ("metadata", text),
    ];
    fields.extend(
        desk.redirect_url()
            .map(|url| ("redirectURL", url.to_owned())),
    );
    if let Some(user) = request.extras.get(super::USER_ID) {
        fields.push(("userId", values::latin_digits(user.trim()).into_owned()));
    }
    if options.deadline {
        fields.push(("deadline", desk.jalali_day(request.expires_at)?));
    }
    if let Some(length) = options.close_timeout {
        fields.push(("closeTimeOut", length.num_seconds().to_string()));
    }
    // A number that POD would refuse is left out, unless the text is the point.
    let mobile = request.payer_mobile.as_deref();
    let iranian = mobile.filter(|mobile| super::is_iranian_mobile(mobile));
    fields.extend(iranian.map(|mobile| ("cellphoneNumber", mobile.to_owned())));
    Ok((metadata, fields))
}

/// Understands the answer to the invoice's making.
fn issued(
    desk: Arc<Desk>,
    now: Timestamp,
    metadata: Metadata,
    response: &HttpResponse,
) -> Conversation<CreatedLink> {
    let text = match desk.read(response, Effect::Changes) {
        Ok(Told::Result(text)) => text,
        Ok(Told::Refused(refusal)) => {
            let duplicate = &desk.options.duplicate_texts;
            if super::refusals::holds(&refusal.message, duplicate) {
                return Conversation::failed(duplicate_of(refusal.error));
            }
            if !refusal.doubtful {
                return Conversation::failed(refusal.error);
            }
            return refused_or_duplicate(&desk, &metadata.reference, refusal.error);
        }
        Err(error) => return Conversation::failed(error),
    };
    let named = Invoice::parse(&text).and_then(|invoice| {
        let bill_number = invoice.text("billNumber");
        let ours = bill_number.is_none_or(|number| number == metadata.reference);
        let link = provider_ref(&metadata, &metadata.reference, &invoice);
        link.filter(|_| ours).map(|link| (link, invoice))
    });
    let Some((link, invoice)) = named else {
        return Conversation::failed(malformed(Effect::Changes));
    };
    let made = described(&desk, link, &invoice);
    match desk.options.link {
        LinkKind::Gateway | LinkKind::Wallet => Conversation::done(made),
        // The invoice exists now: whatever goes wrong with its URL, it is there to be found.
        LinkKind::ShortLived => short_lived(&desk, now, made).or_else(|mut error| {
            error.class = ErrorClass::Ambiguous;
            Conversation::failed(error)
        }),
        LinkKind::Sms => texted(desk, made),
    }
}

/// An unknown refusal may be the one for a bill number that is taken: the list knows.
fn refused_or_duplicate(
    desk: &Arc<Desk>,
    reference: &str,
    error: GatewayError,
) -> Conversation<CreatedLink> {
    let wanted = reference.to_owned();
    let reader = Arc::clone(desk);
    Conversation::read(look_up(desk, reference), move |response| {
        let listed = reader.read_list(&response);
        let Ok(list) = listed else {
            return Conversation::failed(GatewayError::ambiguous(
                "refused_and_not_read",
                "the provider refuses, and does not say whether the invoice exists",
            ));
        };
        let taken = list
            .iter()
            .any(|invoice| invoice.text("billNumber").as_ref() == Some(&wanted));
        Conversation::failed(if taken { duplicate_of(error) } else { error })
    })
}

fn duplicate_of(mut error: GatewayError) -> GatewayError {
    error.class = ErrorClass::Permanent;
    error.code = DUPLICATE_REFERENCE.to_owned();
    error
}

fn look_up(desk: &Desk, bill_number: &str) -> transport::HttpRequest {
    let fields = vec![
        ("billNumber", bill_number.to_owned()),
        ("offset", "0".to_owned()),
        ("size", SAME_NUMBER_MAX.to_owned()),
    ];
    desk.service(Method::GetInvoiceList, fields, None)
}

/// The link as far as no further call is needed.
fn described(desk: &Desk, provider_ref: ProviderRef, invoice: &Invoice) -> CreatedLink {
    let name = |key: &str| {
        provider_ref
            .0
            .get(key)
            .map(String::as_str)
            .unwrap_or_default()
    };
    CreatedLink {
        url: desk.lasting_url(name("invoice_id"), name("unique_number")),
        url_valid_until: None,
        amount: invoice.payable(desk.currency),
        provider_ref,
    }
}

/// The link with a URL that works for some minutes.
fn short_lived(desk: &Arc<Desk>, now: Timestamp, made: CreatedLink) -> Conversation<CreatedLink> {
    let id = made.provider_ref.0.get("invoice_id").cloned();
    fresh_url(desk, now, id.unwrap_or_default()).and_then(move |fresh| {
        Conversation::done(CreatedLink {
            url: fresh.url.unwrap_or_default(),
            url_valid_until: fresh.url_valid_until,
            ..made
        })
    })
}

/// A URL that works for some minutes from when it was asked for. Asking for one changes nothing.
pub(super) fn fresh_url(
    desk: &Arc<Desk>,
    now: Timestamp,
    invoice_id: String,
) -> Conversation<Operated> {
    let mut fields: Fields = vec![("invoiceId", invoice_id)];
    fields.extend(
        desk.redirect_url()
            .map(|url| ("redirectUri", url.to_owned())),
    );
    fields.extend(desk.callback_url.clone().map(|url| ("callbackUri", url)));
    fields.extend(desk.options.bank.clone().map(|bank| ("gateway", bank)));
    let request = desk.service(Method::GetInvoicePaymentLink, fields, None);
    let desk = Arc::clone(desk);
    Conversation::read(request, move |response| {
        let url = match desk.read(&response, Effect::Reads) {
            Ok(Told::Result(text)) => serde_json::from_str::<String>(&text)
                .ok()
                .and_then(|given| desk.completed_url(&given)),
            Ok(Told::Refused(refusal)) => return Conversation::failed(refusal.error),
            Err(error) => return Conversation::failed(error),
        };
        let Some(url) = url else {
            return Conversation::failed(malformed(Effect::Reads));
        };
        let end = now.checked_add_signed(desk.options.url_life);
        Conversation::done(Operated {
            url: Some(url),
            url_valid_until: Some(end.unwrap_or(now)),
        })
    })
}

/// Has the payer texted. An invoice whose text is refused reaches nobody, so it is taken back.
fn texted(desk: Arc<Desk>, made: CreatedLink) -> Conversation<CreatedLink> {
    let id = made.provider_ref.0.get("invoice_id").cloned();
    let id = id.unwrap_or_default();
    let request = desk.service(Method::SendInvoicePaymentSms, text_fields(&desk, &id), None);
    Conversation::change(request, move |response| {
        match desk.read(&response, Effect::Changes) {
            Ok(Told::Result(_)) => Conversation::done(made),
            Ok(Told::Refused(refusal)) => taken_back(desk, id, refusal.error),
            Err(mut error) => {
                error.class = ErrorClass::Ambiguous;
                Conversation::failed(error)
            }
        }
    })
}

fn taken_back(desk: Arc<Desk>, id: String, mut why: GatewayError) -> Conversation<CreatedLink> {
    let request = desk.service(Method::CancelInvoice, vec![("id", id)], None);
    Conversation::change(request, move |response| {
        match desk.read(&response, Effect::Changes) {
            Ok(Told::Result(_)) => why.code = "text_refused".to_owned(),
            _ => why.class = ErrorClass::Ambiguous,
        }
        Conversation::failed(why)
    })
}

/// The fields of a text to the payer.
pub(super) fn text_fields(desk: &Desk, invoice_id: &str) -> Fields {
    let mut fields: Fields = vec![("invoiceId", invoice_id.to_owned())];
    fields.extend(desk.options.wallet.clone().map(|wallet| ("wallet", wallet)));
    fields.extend(desk.callback_url.clone().map(|url| ("callbackUri", url)));
    fields.extend(
        desk.redirect_url()
            .map(|url| ("redirectUri", url.to_owned())),
    );
    fields
}

/// Looks the invoice of a reference up.
pub(super) fn find(desk: &Arc<Desk>, now: Timestamp, reference: &str) -> Conversation<Found> {
    let wanted = reference.to_owned();
    let reader = Arc::clone(desk);
    Conversation::read(look_up(desk, reference), move |response| {
        let list = match reader.read_list(&response) {
            Ok(list) => list,
            Err(error) => return Conversation::failed(error),
        };
        // A filter that POD does not know would list strangers.
        let mut same = list
            .iter()
            .filter(|invoice| invoice.text("billNumber").as_ref() == Some(&wanted));
        let (first, second) = (same.next(), same.next());
        let Some(invoice) = first else {
            return Conversation::done(if list.is_empty() {
                Found::NotFound
            } else {
                Found::CannotTell
            });
        };
        match (kept(invoice, &wanted), second) {
            (Some(metadata), None) => adopted(&reader, now, &metadata, invoice),
            _ => Conversation::done(Found::CannotTell),
        }
    })
}

/// What an invoice carries for us, where it is ours.
fn kept(invoice: &Invoice, reference: &str) -> Option<Metadata> {
    let text = invoice.text("metadata")?;
    let metadata: Metadata = serde_json::from_str(&text).ok()?;
    (metadata.reference == reference).then_some(metadata)
}

fn adopted(
    desk: &Arc<Desk>,
    now: Timestamp,
    metadata: &Metadata,
    invoice: &Invoice,
) -> Conversation<Found> {
    let Some(link) = provider_ref(metadata, &metadata.reference, invoice) else {
        return Conversation::failed(malformed(Effect::Reads));
    };
    let made = described(desk, link, invoice);
    let open = matches!(invoice.standing(), Ok(super::invoice::Standing::Open));
    if desk.options.link == LinkKind::ShortLived && open {
        return short_lived(desk, now, made).and_then(|made| Conversation::done(Found::Link(made)));
    }
    Conversation::done(Found::Link(made))
}
