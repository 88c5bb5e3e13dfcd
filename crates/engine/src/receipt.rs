//! Receipts: of a payment through a link, and of money that came another way.

use activity::{Accounts, OutsideNumber, OutsideReceipt, ReceiptRule};
use host::{Change, Receipt};
use payment::PaymentFact;
use persistence::{Row, Store, Table, Write};
use state_machine::Instance;
use values::{AccountName, Fields, LinkId, ReceiptId, Value};

use crate::record::{self, LinkRow, PaymentRow, ReceiptRow};
use crate::submit::Extra;
use crate::{Core, Error};

/// What stands for a gateway where none took the money.
pub(crate) const OUTSIDE: &str = "outside";

/// Whose the number of a payment is.
pub(crate) enum Number {
    /// It is new.
    New,
    /// It counts for the same link already.
    Ours,
    /// It is another payment's, and says why.
    Taken(String),
}

impl Core {
    /// Whose the number of a payment for a link is.
    pub(crate) async fn number(
        &self,
        link: &LinkRow,
        fact: &PaymentFact,
        by_person: bool,
    ) -> Result<Number, Error> {
        let transaction = &fact.transaction;
        let key = record::payment_key(&link.gateway, link.account.as_str(), transaction);
        if let Some(row) = self.store.get(Table::Payments, &key).await? {
            let known: PaymentRow = record::decode(&row.open)?;
            if known.link == link.id {
                return Ok(Number::Ours);
            }
            return Ok(Number::Taken(format!(
                "transaction {transaction} of link {} was recorded for link {} before",
                link.id, known.link
            )));
        }
        if by_person && self.is_registered(&link.account, transaction).await? {
            return Ok(Number::Taken(format!(
                "transaction {transaction} of link {} has a receipt without a link already",
                link.id
            )));
        }
        Ok(Number::New)
    }

    /// Whether money of this number that came another way is registered already.
    pub(crate) async fn is_registered(
        &self,
        account: &AccountName,
        transaction: &str,
    ) -> Result<bool, Error> {
        let key = record::outside_key(account.as_str(), transaction);
        Ok(self.store.get(Table::Index, &key).await?.is_some())
    }

    /// Whether a number counts already, whichever way its money came.
    pub(crate) async fn counts(&self, account: &AccountName, number: &str) -> Result<bool, Error> {
        counts(self.store.as_ref(), self.accounts(), account, number).await
    }

    /// The row by which a number counts from now on, unless it does.
    pub(crate) async fn number_that_counts(
        &self,
        number: &OutsideNumber,
    ) -> Result<Vec<Write>, Error> {
        let OutsideNumber {
            account,
            transaction,
        } = number;
        if self.is_registered(account, transaction).await? {
            return Ok(Vec::new());
        }
        Ok(vec![number_write(account, transaction)])
    }

    /// A payment's rows: itself under its permanent key, and its receipt where one is wished.
    pub(crate) fn payment_writes(
        &self,
        link: &LinkRow,
        (fact, first): (&PaymentFact, bool),
        extra: &mut Extra,
        set: &mut Fields,
    ) -> Result<(), Error> {
        let receipt = link.receipt.as_ref().map(|rule| receipt(link, rule, fact));
        let row = PaymentRow {
            link: link.id.clone(),
            item: link.item.clone(),
            gateway: link.gateway.clone(),
            account: link.account.clone(),
            fact: fact.clone(),
            receipt: receipt.as_ref().map(|receipt| receipt.id.clone()),
            recorded_at: self.clock.now(),
        };
        extra.writes.push(Write::Unique {
            table: Table::Payments,
            key: record::payment_key(&link.gateway, link.account.as_str(), &fact.transaction),
            row: Row::open(record::encode(&row)?),
        });
        let Some(receipt) = receipt else {
            return Ok(());
        };
        extra.writes.push(receipt_write(Some(&link.id), &receipt)?);
        let id = receipt.id.clone();
        extra.host_changes.push(Change::RegisterReceipt { receipt });
        // A field holds one receipt: that of the payment that was asked for.
        let field = link.receipt.as_ref().and_then(|rule| rule.field.clone());
        if let Some(field) = field.filter(|_| first) {
            set.insert(field.clone(), Value::Receipt(id.to_string()));
            extra
                .host_changes
                .push(Change::AttachReceipt { field, receipt: id });
        }
        Ok(())
    }
}

/// The receipt of a payment. Its number follows from the payment, so a repeat makes the same one.
fn receipt(link: &LinkRow, rule: &ReceiptRule, fact: &PaymentFact) -> Receipt {
    let account = link.account.as_str();
    let id = record::receipt_id(&link.gateway, account, &fact.transaction);
    Receipt {
        id: ReceiptId::from(id),
        kind: rule.kind.clone(),
        party: link.party.clone(),
        item: link.item.clone(),
        amount: fact.amount,
        account: link.account.clone(),
        gateway: link.gateway.clone(),
        transaction: fact.transaction.clone(),
        tracking_no: fact.tracking_no.clone(),
        paid_at: fact.paid_at,
        approved: rule.approved,
    }
}

/// The receipt of money that came through no link.
pub(crate) fn outside_receipt(draft: OutsideReceipt, instance: &Instance) -> Receipt {
    let account = draft.account.as_str();
    let id = record::receipt_id(OUTSIDE, account, &draft.transaction);
    Receipt {
        id: ReceiptId::from(id),
        kind: draft.rule.kind,
        party: instance.party.clone(),
        item: instance.item.as_ref().clone(),
        amount: draft.amount,
        account: draft.account,
        gateway: OUTSIDE.to_owned(),
        transaction: draft.transaction,
        tracking_no: draft.tracking_no,
        paid_at: draft.paid_at,
        approved: draft.rule.approved,
    }
}

/// The number of money that came another way than through a gateway, under its permanent key: a person,
/// `record_payment` and `register_receipt` share it, so that it counts once.
pub(crate) fn number_write(account: &AccountName, transaction: &str) -> Write {
    Write::Unique {
        table: Table::Index,
        key: record::outside_key(account.as_str(), transaction),
        row: Row::default(),
    }
}

/// Whether a number counts already, whichever way its money came.
pub(crate) async fn counts(
    store: &dyn Store,
    accounts: &Accounts,
    account: &AccountName,
    number: &str,
) -> Result<bool, Error> {
    let outside = record::outside_key(account.as_str(), number);
    if store.get(Table::Index, &outside).await?.is_some() {
        return Ok(true);
    }
    // A gateway's own number is no other money either.
    let Some(known) = accounts.get(account) else {
        return Ok(false);
    };
    let payment = record::payment_key(&known.gateway, account.as_str(), number);
    Ok(store.get(Table::Payments, &payment).await?.is_some())
}

/// A receipt under its permanent key.
pub(crate) fn receipt_write(link: Option<&LinkId>, receipt: &Receipt) -> Result<Write, Error> {
    let row = ReceiptRow {
        receipt: receipt.clone(),
        link: link.cloned(),
        registered: false,
    };
    Ok(Write::Unique {
        table: Table::Receipts,
        key: receipt.id.as_str().as_bytes().to_vec(),
        row: Row::open(record::encode(&row)?),
    })
}
