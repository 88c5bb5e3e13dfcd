//! The classic link: a URL that carries everything, signed here, and known to the provider when a payer
//! first opens it.

use super::name::LinkName;
use super::receipt::{classic_receipt, items};
use super::settings::{ReturnUrl, Shop, SignedUrls};
use super::signature::LinkBase;
use super::text::{encode, moscow, rubles};
use crate::{CreatedLink, GatewayError, LinkRequest};

/// Makes the link. The same request gives the same bytes.
pub(super) fn create(shop: &Shop, request: &LinkRequest) -> Result<CreatedLink, GatewayError> {
    let name = LinkName::new(shop, request);
    Ok(CreatedLink {
        url: url(shop, request, &name)?,
        provider_ref: name.provider_ref(),
        url_valid_until: None,
        amount: Some(request.amount),
    })
}

fn url(shop: &Shop, request: &LinkRequest, name: &LinkName) -> Result<String, GatewayError> {
    let options = &shop.options;
    let signed_url = |url: &str| match options.signed_urls {
        SignedUrls::Plain => url.to_owned(),
        SignedUrls::Encoded => encode(url),
    };
    let back = |back: &Option<ReturnUrl>| {
        let back = back.as_ref()?;
        Some((signed_url(&back.url), back.method.word()))
    };
    let (success, fail) = (back(&options.success_url), back(&options.fail_url));
    let items = items(shop, request)?;
    let receipt = (!items.is_empty()).then(|| encode(&classic_receipt(shop, &items)));
    let result_url2 = shop.result_url2.as_deref().map(signed_url);
    let out_sum = rubles(&request.amount);
    // Without a number the provider gives each visit one of its own.
    let inv_id = (!name.reusable).then_some(name.inv_id.as_str());
    let own = name.own("Shp_");
    let base = LinkBase {
        login: &options.merchant_login,
        out_sum: &out_sum,
        inv_id,
        receipt: receipt.as_deref(),
        step_by_step: false,
        result_url2: result_url2.as_deref(),
        success_url2: success
            .as_ref()
            .map(|(url, method)| (url.as_str(), *method)),
        fail_url2: fail.as_ref().map(|(url, method)| (url.as_str(), *method)),
    };
    let signature = options.hash.hex(&base.text(shop.password1.reveal(), &own));
    let mut pairs: Vec<(&str, &str)> = vec![("MerchantLogin", base.login), ("OutSum", &out_sum)];
    pairs.extend(inv_id.map(|number| ("InvId", number)));
    pairs.push(("Description", &request.description));
    pairs.extend(base.receipt.map(|receipt| ("Receipt", receipt)));
    pairs.extend(base.result_url2.map(|url| ("ResultUrl2", url)));
    for (url, method, back) in [
        ("SuccessUrl2", "SuccessUrl2Method", base.success_url2),
        ("FailUrl2", "FailUrl2Method", base.fail_url2),
    ] {
        pairs.extend(
            back.into_iter()
                .flat_map(|(to, by)| [(url, to), (method, by)]),
        );
    }
    pairs.push(("SignatureValue", &signature));
    let until = moscow(request.expires_at);
    pairs.push(("ExpirationDate", &until));
    pairs.push(("Culture", shop.culture(request.locale)));
    pairs.push(("Encoding", "utf-8"));
    pairs.extend(
        options
            .aliases
            .iter()
            .map(|alias| ("PaymentMethods", alias.as_str())),
    );
    if options.test {
        pairs.push(("IsTest", "1"));
    }
    pairs.extend(
        own.iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    );
    let query: Vec<String> = pairs
        .into_iter()
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    Ok(format!(
        "{}/Merchant/Index.aspx?{}",
        options.auth_url,
        query.join("&")
    ))
}
