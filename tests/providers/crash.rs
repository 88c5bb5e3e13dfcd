//! The process dies at every operation of a payment's life, and at pairs of them, and is started again.

use super::fuse::{Blow, Fuse};
use super::stage::{PROVIDERS, Played, Surroundings};

/// One life from a store's point of view: from where the last one ended, to the end or to the blow. Whether it died.
async fn live(around: &std::sync::Arc<Surroundings>, fuse: &std::sync::Arc<Fuse>) -> bool {
    let life = async {
        let stage = around.engine(fuse).await;
        stage.play(1).await;
    };
    fuse.guard(life).await.is_none()
}

/// The end after these blows, one in each life.
async fn end_after(played: Played, blows: &[(u64, Blow)]) -> (Vec<String>, u64) {
    let around = Surroundings::new(played, Vec::new(), 7);
    let mut operations = 0;
    for (at, blow) in blows {
        let fuse = Fuse::at(*at, *blow, false);
        if !live(&around, &fuse).await {
            break;
        }
    }
    let fuse = Fuse::safe();
    live(&around, &fuse).await;
    operations += fuse.count();
    let stage = around.engine(&Fuse::safe()).await;
    stage.judge().await;
    (stage.end().await, operations)
}

/// Before or after every write to the store, every request to the provider, every write to the CRM and every message:
/// the end is the one without a crash.
#[tokio::test]
async fn a_crash_at_any_operation_changes_nothing() {
    for played in PROVIDERS {
        let (whole, operations) = end_after(played, &[]).await;
        assert!(operations > 10, "{played:?} does {operations} things");
        for at in 0..operations {
            for blow in [Blow::Before, Blow::After] {
                let (end, _) = end_after(played, &[(at, blow)]).await;
                assert_eq!(end, whole, "{played:?} died {blow:?} operation {at}");
            }
        }
    }
}

/// The same for a second crash while the first one is being mended.
#[tokio::test]
async fn two_crashes_change_nothing() {
    let every = std::env::var_os("CHARKH_PAIRS").is_some();
    for played in PROVIDERS {
        let (whole, operations) = end_after(played, &[]).await;
        for first in 0..operations {
            let seconds = 0..operations;
            for second in seconds.step_by(if every { 1 } else { 4 }) {
                let blows = [(first, Blow::After), (second, Blow::After)];
                let (end, _) = end_after(played, &blows).await;
                assert_eq!(
                    end, whole,
                    "{played:?} died after {first}, then after {second}"
                );
            }
        }
    }
}
