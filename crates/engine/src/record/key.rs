//! Keys: ordered, so that what is due first is listed first.

use values::{ItemRef, Timestamp};

/// The subject of every commit of an item.
pub(crate) fn item_key(item: &ItemRef) -> Vec<u8> {
    item.to_string().into_bytes()
}

/// Where the reply to an input is kept. The separator cannot occur in either part.
pub(crate) fn input_key(item: &ItemRef, input: &str) -> Vec<u8> {
    joined(&[item.to_string().as_bytes(), input.as_bytes()])
}

/// A timer: due first, listed first.
pub(crate) fn timer_key(due: Timestamp, owner: &str, entry: u64, name: &str) -> Vec<u8> {
    let mut key = due_prefix(due);
    key.extend(joined(&[owner.as_bytes(), name.as_bytes()]));
    key.extend(entry.to_be_bytes());
    key
}

/// Work to do: due first, listed first.
pub(crate) fn outbox_key(due: Timestamp, id: &str) -> Vec<u8> {
    let mut key = due_prefix(due);
    key.extend(id.as_bytes());
    key
}

/// The permanent key of a payment: what makes it count once.
pub(crate) fn payment_key(gateway: &str, account: &str, transaction: &str) -> Vec<u8> {
    joined(&[
        gateway.as_bytes(),
        account.as_bytes(),
        transaction.as_bytes(),
    ])
}

/// A definition, by its hash.
pub(crate) fn definition_key(hash: &str) -> Vec<u8> {
    hash.as_bytes().to_vec()
}

/// The active definition of a workflow.
pub(crate) fn workflow_key(workflow: &str) -> Vec<u8> {
    joined(&[b"workflow", workflow.as_bytes()])
}

/// What a person must look at, one row per item and reason.
pub(crate) fn attention_key(item: &ItemRef, reason: &str) -> Vec<u8> {
    joined(&[item.to_string().as_bytes(), reason.as_bytes()])
}

/// The reason in a key of that list.
pub(crate) fn attention_reason(key: &[u8]) -> String {
    let reason = key.splitn(2, |byte| *byte == 0).nth(1).unwrap_or_default();
    String::from_utf8_lossy(reason).into_owned()
}

/// Where it is kept that somebody has settled such a thing, so that it does not come back.
pub(crate) fn resolved_key(item: &ItemRef, reason: &str) -> Vec<u8> {
    joined(&[b"resolved", item.to_string().as_bytes(), reason.as_bytes()])
}

/// Our reference of an order number that a provider's calls carry instead.
pub(crate) fn order_key(account: &str, order_no: &str) -> Vec<u8> {
    joined(&[b"order", account.as_bytes(), order_no.as_bytes()])
}

/// That money of this number, which came another way than through a gateway, counts already.
pub(crate) fn outside_key(account: &str, transaction: &str) -> Vec<u8> {
    joined(&[b"outside", account.as_bytes(), transaction.as_bytes()])
}

/// How many links people have had made for an item by hand.
pub(crate) fn by_hand_key(item: &ItemRef) -> Vec<u8> {
    joined(&[b"by_hand", item.to_string().as_bytes()])
}

/// What a person asked for when a link was made by hand.
pub(crate) fn wish_key(link: &str) -> Vec<u8> {
    joined(&[b"wish", link.as_bytes()])
}

/// That a call about a link was kept already.
pub(crate) fn heard_key(link: &str, digest: &str) -> Vec<u8> {
    joined(&[b"heard", link.as_bytes(), digest.as_bytes()])
}

/// A call about nothing we know.
pub(crate) fn stray_key(account: &str, place: &str) -> Vec<u8> {
    joined(&[b"stray", account.as_bytes(), place.as_bytes()])
}

/// The subject under which calls about nothing we know are kept.
pub(crate) fn callbacks_key() -> Vec<u8> {
    joined(&[b"engine", b"callbacks"])
}

/// The number of a payment's receipt. The parts are joined by what neither a gateway nor an account
/// has in its name, so that two payments never share one.
pub(crate) fn receipt_id(gateway: &str, account: &str, transaction: &str) -> String {
    format!("{gateway}/{account}/{transaction}")
}

/// The subject under which rows are removed that belong to nothing any more.
pub(crate) fn sweep_key() -> Vec<u8> {
    joined(&[b"engine", b"sweep"])
}

/// Milliseconds since 1970, ordered as bytes; moments before 1970 sort first. A part of a
/// millisecond counts as a whole one, so that nothing is due before its time.
fn due_prefix(due: Timestamp) -> Vec<u8> {
    let part = !due.timestamp_subsec_nanos().is_multiple_of(1_000_000);
    millis(due.timestamp_millis().saturating_add(i64::from(part)))
}

/// The first key of what is not due yet.
pub(crate) fn after_due(now: Timestamp) -> Vec<u8> {
    millis(now.timestamp_millis().saturating_add(1))
}

fn millis(millis: i64) -> Vec<u8> {
    u64::try_from(millis)
        .unwrap_or_default()
        .to_be_bytes()
        .to_vec()
}

fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.join(&0)
}

/// The due time at the start of a timer's or outbox row's key.
pub(crate) fn due_of(key: &[u8]) -> Option<Timestamp> {
    let millis = u64::from_be_bytes(key.get(..8)?.try_into().ok()?);
    Timestamp::from_timestamp_millis(i64::try_from(millis).ok()?)
}
