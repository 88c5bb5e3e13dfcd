//! Promises about balances and receipts.

use chrono::DateTime;
use values::{AccountName, Money, ReceiptId, Value};

use super::items::{apply, field, invoice};
use super::{Broken, Given, check, good};
use crate::{Applied, Change, Receipt};

/// A receipt for the smallest unit, so that every balance can bear it.
fn receipt(given: &Given, transaction: &str, approved: bool) -> Result<Receipt, Broken> {
    Ok(Receipt {
        id: ReceiptId::new(format!("receipt-{transaction}")),
        kind: "online".to_owned(),
        party: Some(given.party.clone()),
        item: invoice(given)?.clone(),
        amount: good(Money::from_minor(1, given.balance.currency()))?,
        account: AccountName::from("main"),
        gateway: "sandbox".to_owned(),
        transaction: transaction.to_owned(),
        tracking_no: None,
        paid_at: DateTime::UNIX_EPOCH,
        approved,
    })
}

/// The balance after that many smallest units were paid.
async fn expect_balance(given: &Given, paid: i128) -> Result<(), Broken> {
    let currency = given.balance.currency();
    let balance = good(given.host.ledger.balance(&given.party, currency).await)?;
    let paid = good(Money::from_minor(paid, currency))?;
    let expected = good(given.balance.checked_sub(&paid))?;
    check(balance == expected, || {
        format!("the balance is {balance}, not {expected}")
    })
}

pub(super) async fn a_balance_is_kept_by_currency(given: &Given) -> Result<(), Broken> {
    expect_balance(given, 0).await?;
    let other = good(
        given
            .host
            .ledger
            .balance(&given.party, given.other_currency)
            .await,
    )?;
    check(other == Money::zero(given.other_currency), || {
        format!("{other}")
    })
}

/// The key of a receipt is its gateway, account and transaction: neither a repeat of the write nor
/// another write for the same payment registers it twice.
pub(super) async fn a_receipt_is_registered_once_per_transaction(
    given: &Given,
) -> Result<(), Broken> {
    let change = Change::RegisterReceipt {
        receipt: receipt(given, "tx-1", true)?,
    };
    for key in ["receipt-1", "receipt-1", "receipt-2"] {
        let applied = apply(given, key, change.clone()).await?;
        check(matches!(applied, Applied::Done { .. }), || {
            format!("{applied:?}")
        })?;
        let receipts = (given.receipts)();
        check(receipts == 1, || {
            format!("{receipts} receipts of one payment")
        })?;
        expect_balance(given, 1).await?;
    }
    let other = Change::RegisterReceipt {
        receipt: receipt(given, "tx-2", true)?,
    };
    apply(given, "receipt-3", other).await?;
    let receipts = (given.receipts)();
    check(receipts == 2, || {
        format!("{receipts} receipts of two payments")
    })?;
    expect_balance(given, 2).await
}

pub(super) async fn the_balance_falls_only_when_a_receipt_is_approved(
    given: &Given,
) -> Result<(), Broken> {
    let waiting = Change::RegisterReceipt {
        receipt: receipt(given, "tx-1", false)?,
    };
    apply(given, "receipt-1", waiting).await?;
    let receipts = (given.receipts)();
    check(receipts == 1, || format!("{receipts} receipts"))?;
    expect_balance(given, 0).await?;
    let approved = Change::RegisterReceipt {
        receipt: receipt(given, "tx-2", true)?,
    };
    apply(given, "receipt-2", approved).await?;
    expect_balance(given, 1).await
}

pub(super) async fn a_receipt_is_attached_to_its_field(given: &Given) -> Result<(), Broken> {
    let receipt = receipt(given, "tx-1", true)?;
    let id = receipt.id.clone();
    apply(given, "receipt-1", Change::RegisterReceipt { receipt }).await?;
    let attach = Change::AttachReceipt {
        field: given.receipt_field.clone(),
        receipt: id.clone(),
    };
    apply(given, "attach-1", attach).await?;
    let attached = field(given, &given.receipt_field).await?;
    check(attached == Some(Value::Receipt(id.to_string())), || {
        format!("{attached:?}")
    })
}
