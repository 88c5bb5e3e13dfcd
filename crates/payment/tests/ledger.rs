//! The ledger survives a kill and proves what was asked.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use payment::gateways::sandbox::{LedgerFile, Pause, SandboxError, read_ledger};
use payment::gateways::{Sandbox, SandboxSettings};
use payment::{
    Call, Callback, ErrorClass, Found, Gateway, LinkStatus, ProviderRef, RepeatClass, Simulated,
};
use values::{Currency, Money};

use super::{PROFILES, after, call, request, settings, span, start};

#[tokio::test]
async fn a_reopened_sandbox_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("دفتر.jsonl");
    let settings = settings(RepeatClass::UniqueReference, "{ pay: { after: 2h } }");

    let ledger = LedgerFile::open(&path).unwrap();
    let sandbox = Sandbox::open(ledger, settings.clone()).unwrap();
    let link = sandbox
        .create(call(start()), &request("r-1"))
        .await
        .unwrap();
    let paid = after(span("3h"));
    let before = sandbox
        .status(call(paid), &link.provider_ref)
        .await
        .unwrap();
    let audit = sandbox.audit();
    drop(sandbox);
    assert_eq!(read_ledger(&path).unwrap(), audit);

    let sandbox = Sandbox::open(LedgerFile::open(&path).unwrap(), settings).unwrap();
    assert_eq!(sandbox.audit(), audit);
    assert_eq!(
        sandbox
            .status(call(paid), &link.provider_ref)
            .await
            .unwrap(),
        before
    );
    let again = sandbox
        .create(call(paid), &request("r-1"))
        .await
        .unwrap_err();
    assert!(again.is_duplicate());
    assert_eq!(
        sandbox.find(call(paid), "r-1").await.unwrap(),
        Found::Link(link),
        "the first link is found"
    );
}

#[tokio::test]
async fn every_request_is_on_disk_before_its_answer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.jsonl");
    let script = "{ creates: [unavailable, timeout_before_accepting, timeout_after_accepting] }";
    let settings = settings(RepeatClass::Idempotent, script);
    let sandbox = Sandbox::open(LedgerFile::open(&path).unwrap(), settings).unwrap();

    let mut seen = 0;
    for expected in ["unavailable", "timeout", "timeout", "again", "again"] {
        let answer = sandbox.create(call(start()), &request("r-1")).await;
        assert_eq!(
            answer.err().map_or("again".to_owned(), |error| error.code),
            expected
        );
        seen += 1;
        assert_eq!(read_ledger(&path).unwrap().creates, seen);
    }
    let mut bad = request("r-2");
    bad.amount = Money::zero(Currency::Irr);
    sandbox.create(call(start()), &bad).await.unwrap_err();
    let nowhere = ProviderRef::default();
    sandbox.status(call(start()), &nowhere).await.unwrap_err();
    sandbox.find(call(start()), "r-3").await.unwrap();
    let deactivate = sandbox.as_deactivate().unwrap();
    deactivate
        .deactivate(call(start()), &nowhere)
        .await
        .unwrap_err();

    let audit = read_ledger(&path).unwrap();
    assert_eq!((audit.requests, audit.creates), (9, 6));
    assert_eq!(
        (audit.statuses, audit.finds, audit.deactivations),
        (1, 1, 1)
    );
    assert_eq!(audit.creates_by_answer["timeout"], 2);
    assert_eq!(audit.creates_by_answer["amount_not_positive"], 1);
    assert_eq!(audit.creates_per_reference["r-1"], 5);
    assert_eq!(audit.links.len(), 1);
}

/// A crash can cut the file anywhere; what was answered is a whole line and stays.
#[tokio::test]
async fn a_ledger_cut_at_any_byte_opens_with_its_whole_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.jsonl");
    let settings = settings(RepeatClass::Nothing, "{ pay: { after: 2h, twice: true } }");
    let sandbox = Sandbox::open(LedgerFile::open(&path).unwrap(), settings.clone()).unwrap();
    for reference in ["سفارش-۱", "r-2", "r-2"] {
        sandbox
            .create(call(start()), &request(reference))
            .await
            .unwrap();
    }
    drop(sandbox);
    let whole = std::fs::read(&path).unwrap();
    for length in 0..=whole.len() {
        let torn = folder.path().join("torn.jsonl");
        std::fs::write(&torn, &whole[..length]).unwrap();
        let lines = whole[..length]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count() as u64;
        assert_eq!(
            read_ledger(&torn).unwrap().creates,
            lines,
            "cut at {length}"
        );
        let sandbox = Sandbox::open(LedgerFile::open(&torn).unwrap(), settings.clone()).unwrap();
        sandbox
            .create(call(start()), &request("after"))
            .await
            .unwrap();
        assert_eq!(sandbox.audit().creates, lines + 1, "cut at {length}");
        drop(sandbox);
        assert_eq!(
            read_ledger(&torn).unwrap().creates,
            lines + 1,
            "cut at {length}"
        );
    }
}

#[test]
fn a_ledger_that_holds_something_else_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.jsonl");
    std::fs::write(&path, "{\"account\":\"a\"}\n").unwrap();
    let error = LedgerFile::open(&path).unwrap_err();
    assert!(
        matches!(error, SandboxError::Damaged { line: 1, .. }),
        "{error}"
    );
    assert!(matches!(
        read_ledger(&path),
        Err(SandboxError::Damaged { .. })
    ));
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        "{\"account\":\"a\"}\n",
        "left as it was"
    );

    let error = LedgerFile::open(folder.path()).unwrap_err();
    assert!(
        matches!(error, SandboxError::Io { .. }),
        "a folder: {error}"
    );
}

#[test]
fn a_ledger_is_open_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.jsonl");
    let first = LedgerFile::open(&path).unwrap();
    let error = LedgerFile::open(&path).unwrap_err();
    assert!(matches!(error, SandboxError::InUse { .. }), "{error}");
    drop(first);
    LedgerFile::open(&path).unwrap();
}

#[tokio::test]
async fn accounts_share_a_ledger_and_nothing_else() {
    let ledger = LedgerFile::in_memory();
    let [rials, tomans] = [Currency::Irr, Currency::Irt].map(|currency| {
        let settings = SandboxSettings::new(currency.code(), currency);
        Sandbox::open(ledger.clone(), settings).unwrap()
    });
    let link = rials.create(call(start()), &request("r-1")).await.unwrap();
    assert_eq!(
        tomans.find(call(start()), "r-1").await.unwrap(),
        Found::NotFound
    );
    assert!(
        tomans
            .status(call(start()), &link.provider_ref)
            .await
            .is_err()
    );
    let error = tomans
        .create(call(start()), &request("r-1"))
        .await
        .unwrap_err();
    assert_eq!(error.code, "currency_mismatch");
    assert_eq!(ledger.audit().requests, 4, "both accounts are counted");
    assert_eq!(rials.audit(), tomans.audit());
}

#[test]
fn a_limit_in_another_currency_is_refused_when_the_account_opens() {
    let mut settings = settings(RepeatClass::Idempotent, "never");
    settings.options.limits.amount_max = Some(Money::from_minor(1_000, Currency::Rub).unwrap());
    let error = Sandbox::in_memory(settings).unwrap_err();
    assert!(
        matches!(error, SandboxError::LimitCurrency { .. }),
        "{error}"
    );
}

/// Clause 72: the ledger tells two links that could be paid at one moment from one after another.
#[tokio::test]
async fn the_audit_sees_two_live_links_of_one_reference() {
    for profile in PROFILES {
        let sandbox = sandbox_of(profile);
        let first = sandbox
            .create(call(start()), &request("r-1"))
            .await
            .unwrap();
        sandbox
            .create(call(start()), &request("r-2"))
            .await
            .unwrap();
        let again = sandbox.create(call(start()), &request("r-1")).await;
        let doubles = matches!(profile, RepeatClass::LookupOnly | RepeatClass::Nothing);
        let expected: &[&str] = if doubles { &["r-1"] } else { &[] };
        assert_eq!(
            sandbox.audit().twice_live(),
            expected,
            "{profile:?}: {again:?}"
        );
        assert_eq!(sandbox.audit().live_links_per_reference["r-2"], 1);

        let sandbox = sandbox_of(profile);
        let later = after(span("1m"));
        let link = sandbox
            .create(call(start()), &request("r-1"))
            .await
            .unwrap();
        assert_eq!(link, first, "the same inputs give the same link");
        let deactivate = sandbox.as_deactivate().unwrap();
        deactivate
            .deactivate(call(later), &link.provider_ref)
            .await
            .unwrap();
        let _ = sandbox.create(call(later), &request("r-1")).await;
        let audit = sandbox.audit();
        assert!(
            audit.twice_live().is_empty(),
            "{profile:?}: one after another"
        );
        assert_eq!(
            audit.links.iter().filter(|link| link.live).count(),
            usize::from(doubles)
        );
        assert_eq!(audit.links[0].status, LinkStatus::Cancelled);
    }
}

fn sandbox_of(profile: RepeatClass) -> Sandbox {
    super::sandbox(profile, "never")
}

#[tokio::test]
async fn a_notice_comes_again_after_a_reopening_until_its_link_is_read() {
    let settings = settings(
        RepeatClass::Idempotent,
        "{ pay: { after: 2h }, callback: repeated }",
    );
    let sandbox = Sandbox::in_memory(settings.clone()).unwrap();
    let link = sandbox
        .create(call(start()), &request("r-1"))
        .await
        .unwrap();
    let paid = after(span("2h"));
    assert_eq!(sandbox.take_notices(paid).len(), 2);
    assert_eq!(sandbox.take_notices(paid).len(), 0);

    let reopened = sandbox.ledger().reopened().unwrap().unwrap();
    let sandbox = Sandbox::open(reopened, settings.clone()).unwrap();
    assert_eq!(sandbox.next_notice_at(), Some(paid));
    let notices = sandbox.take_notices(paid);
    assert_eq!(notices.len(), 2);
    let read = sandbox.read_callback(&notices[0]);
    assert!(matches!(read, Callback::Hint { reference, .. } if reference == "r-1"));
    sandbox
        .status(call(paid), &link.provider_ref)
        .await
        .unwrap();

    let reopened = sandbox.ledger().reopened().unwrap().unwrap();
    let sandbox = Sandbox::open(reopened, settings).unwrap();
    assert!(sandbox.take_notices(paid).is_empty());
    assert_eq!(
        sandbox.next_notice_at(),
        Some(paid + TimeDelta::days(1)),
        "the last copy"
    );
}

/// Lets a future wait as long as the test wants.
struct Gate(tokio::sync::Semaphore);

#[async_trait]
impl Pause for Gate {
    async fn pause(&self, _: TimeDelta) {
        self.0.acquire().await.unwrap().forget();
    }
}

/// Clause 38: a caller that dies between the write and the answer leaves a link that it knows
/// nothing of, and the ledger shows it.
#[tokio::test]
async fn what_is_written_stays_when_the_caller_is_gone() {
    let mut settings = settings(RepeatClass::LookupOnly, "never");
    settings.options.delay = Some(span("2m"));
    let gate = Arc::new(Gate(tokio::sync::Semaphore::new(0)));
    let sandbox = Sandbox::in_memory(settings)
        .unwrap()
        .with_pause(gate.clone());
    let request = request("r-1");

    let mut create = sandbox.create(call(start()), &request);
    assert!(futures_once(&mut create).is_none());
    assert_eq!(sandbox.audit().creates, 0, "still on its way");
    gate.0.add_permits(1);
    assert!(futures_once(&mut create).is_none());
    drop(create);
    let audit = sandbox.audit();
    assert_eq!((audit.creates, audit.links.len()), (1, 1));
    assert_eq!(
        audit.links[0].created_at,
        after(span("1m")),
        "half of the delay is the way there"
    );
}

/// Clause 33: the way to the write counts against `send_by`.
#[tokio::test]
async fn a_request_that_travels_past_its_send_by_is_not_written() {
    let mut settings = settings(RepeatClass::Idempotent, "never");
    settings.options.delay = Some(span("4m"));
    let gate = Arc::new(Gate(tokio::sync::Semaphore::new(2)));
    let sandbox = Sandbox::in_memory(settings).unwrap().with_pause(gate);
    let late = Call {
        now: start(),
        send_by: after(span("1m")),
    };
    let error = sandbox.create(late, &request("r-1")).await.unwrap_err();
    assert_eq!(
        (error.class, error.code.as_str()),
        (ErrorClass::Retryable, "send_by_passed")
    );
    assert_eq!(sandbox.audit().requests, 0);
}

/// Polls once.
fn futures_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::Pin::new(future).poll(&mut context) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}
