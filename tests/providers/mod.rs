//! Every provider we speak to, played in process: payments under every fault, counted on both sides.
//!
//! A few payments for each fault, provider and phase in every run; `CHARKH_PAYMENTS=100` makes it the evidence run.

mod crash;
#[allow(dead_code, reason = "the engine's own tests use the rest of it")]
#[path = "../../crates/engine/tests/support/fuse.rs"]
mod fuse;
mod stage;

use charkh::simulator::{Fault, FaultRule};

use stage::{PROVIDERS, Played, Seen, Stage};

/// The phases in which something can go wrong, as the simulators name their operations.
const PHASES: &[&str] = &[
    "ott",
    "create",
    "status",
    "list",
    "find",
    "deactivate",
    "call",
    "page",
];

/// Payments for each fault, provider and phase.
fn payments() -> u32 {
    let set = std::env::var("CHARKH_PAYMENTS").ok();
    set.map_or(3, |text| text.parse().unwrap())
}

/// The fixed seed, and one that is new every time and printed.
fn seeds() -> [u64; 2] {
    let fresh = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .subsec_nanos();
    [0x51ed_c0de, u64::from(fresh) | 1]
}

#[tokio::test]
async fn without_faults_every_payment_becomes_one_receipt() {
    for provider in PROVIDERS {
        let stage = Stage::new(provider, Vec::new(), 1).await;
        stage.play(8).await;
        let seen = stage.judge().await;
        assert_eq!((seen.payments, seen.parked), (8, 0), "{provider:?}");
        assert_eq!(seen.differences, 0, "{provider:?}");
    }
}

/// Whatever goes wrong: what the provider has booked is what we have booked, to the last unit; one receipt for a
/// payment; never two live links for one reference; nothing paid without a payment there; and once the faults are
/// over, the two books differ in nothing but what a person is asked about.
#[tokio::test]
async fn no_fault_loses_or_doubles_money() {
    let (count, seeds) = (payments(), seeds());
    println!("seeds {:#x} and {:#x}", seeds[0], seeds[1]);
    let mut total = Seen::default();
    for provider in PROVIDERS {
        for fault in Fault::ALL {
            for (phase, seed) in PHASES
                .iter()
                .flat_map(|phase| seeds.map(|seed| (phase, seed)))
            {
                let rule = FaultRule {
                    skip: u32::try_from(seed % 3).unwrap(),
                    times: count,
                    ..FaultRule::first(*fault, phase)
                };
                println!("{provider:?} {fault:?} at {phase}, seed {seed:#x}");
                let stage = Stage::new(provider, vec![rule], seed).await;
                stage.play(count).await;
                total += stage.judge().await;
            }
        }
    }
    println!("{total:?}");
    assert!(total.payments > total.items / 2, "{total:?}");
    assert_eq!(total.differences, 0, "{total:?}");
}

/// How often POD was told that a payment is taken.
fn taken(stage: &Stage) -> usize {
    let asked = stage.around.asked.lock().unwrap();
    let verify = |body: &&String| body.starts_with("scProductId=29808&");
    asked.iter().filter(verify).count()
}

/// Money that waits at POD is compared before it is taken: as long as the amount is another one, it waits, and a
/// person is asked.
#[tokio::test]
async fn money_that_waits_is_taken_only_when_it_is_what_was_asked_for() {
    for fault in [Fault::AmountOneMore, Fault::AmountTenfold] {
        let lies = FaultRule {
            times: u32::MAX,
            ..FaultRule::first(fault, "status")
        };
        let stage = Stage::new(Played::PodWaiting, vec![lies], 1).await;
        stage.play(2).await;
        assert_eq!(taken(&stage), 0, "{fault:?}");
        assert!(stage.engine.payments().await.unwrap().is_empty());
        let asked = stage.engine.attention().await.unwrap();
        assert_eq!(asked.len(), 2, "{asked:?}");
    }
    let stage = Stage::new(Played::PodWaiting, Vec::new(), 1).await;
    stage.play(2).await;
    assert_eq!(taken(&stage), 2);
    let seen = stage.judge().await;
    assert_eq!((seen.payments, seen.parked, seen.differences), (2, 0, 0));
}
