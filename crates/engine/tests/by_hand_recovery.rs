//! The process dies at every operation while a person has a link made or renewed: never two live links,
//! never one that nobody knows.

use std::sync::Arc;

use chrono::TimeDelta;
use engine::{Error, Input, LinkRow, LinkWish, Renewal};
use payment::LinkStatus;
use payment::gateways::sandbox::Sandbox;
use persistence::{MemoryStore, Store, Table};
use serde_json::{Value as Json, json};

use crate::support::{
    Blow, CrashGateway, CrashHost, CrashStore, Fuse, Parts, World, item, put_invoice, start_time,
};

const PROFILES: [&str; 4] = ["idempotent", "unique_reference", "lookup_only", "nothing"];
const BLOWS: [Blow; 4] = [
    Blow::Before,
    Blow::After,
    Blow::PoisonBefore,
    Blow::PoisonAfter,
];
const ID: &str = "INV-1";

/// What the person wants.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Deed {
    Create,
    Renew,
}

#[derive(Debug, Clone, Copy)]
struct Scene {
    deed: Deed,
    profile: &'static str,
    /// The answer to the first link by hand is lost.
    lost: bool,
}

impl Scene {
    fn sandbox(&self) -> Arc<Sandbox> {
        // Whoever cannot be asked can also not tell that a link nobody knows of was paid.
        let pays = if self.profile == "nothing" {
            json!("never")
        } else {
            json!({ "after": "20m" })
        };
        let first = if self.deed == Deed::Renew { 2 } else { 1 };
        let mut cases: Vec<Json> = Vec::new();
        if self.deed == Deed::Renew {
            cases.push(json!({ "when": { "order": 1 }, "pay": "never" }));
        }
        if self.lost {
            let lost = "timeout_after_accepting";
            cases.push(json!({ "when": { "order": first }, "create": lost }));
        }
        crate::support::sandbox(json!({
            "profile": self.profile, "script": { "pay": pays, "cases": cases },
        }))
    }
}

/// Asks until there is a link. Each wish has its id; one that was given up gets a new one.
async fn asked(world: &World, scene: &Scene) -> Result<LinkRow, Error> {
    let engine = &world.engine;
    let mut number = 0;
    for _ in 0..40 {
        let id = Some(format!("wish-{number}").into());
        let result = match scene.deed {
            Deed::Create => {
                let settings = json!({ "account": "main", "amount": "final" });
                engine
                    .create_link(LinkWish {
                        item: item(ID),
                        settings,
                        state: Some("make_link".to_owned()),
                        by: "zahra".into(),
                        id,
                    })
                    .await
            }
            Deed::Renew => {
                let old = "invoice/INV-1/make_link/2".into();
                let renewal = Renewal {
                    expires: Some(json!({ "days": 3 })),
                    by: "zahra".into(),
                    id,
                };
                engine.renew_link(&old, renewal).await
            }
        };
        let error = match result {
            Ok(link) => return Ok(link),
            Err(error) => error,
        };
        let pause = match error.code() {
            "link_creating" => TimeDelta::minutes(1),
            // What nobody can tell about is over when it has expired.
            "earlier_link_unknown" if scene.profile == "nothing" => TimeDelta::days(1),
            "earlier_link_unknown" => TimeDelta::minutes(1),
            "link_given_up" | "gateway" => {
                number += 1;
                TimeDelta::zero()
            }
            _ => return Err(error),
        };
        world.try_advance_to(engine.now() + pause).await?;
    }
    panic!("there is no link after forty wishes");
}

/// An invoice; where a link is to be renewed, with that link.
async fn prepared(parts: Parts, scene: &Scene) {
    let world = parts.world().await;
    world
        .engine
        .deploy(crate::support::flagship())
        .await
        .unwrap();
    world.engine.submit(Input::start(item(ID))).await.unwrap();
    if scene.deed == Deed::Renew {
        world.act(ID, "approve", "zahra").await;
    }
    world.settle().await;
}

async fn play(parts: Parts, scene: &Scene) -> Result<World, Error> {
    let world = parts.try_world().await?;
    let engine = &world.engine;
    engine.deploy(crate::support::flagship()).await?;
    asked(&world, scene).await?;
    world
        .try_advance_to(engine.now() + TimeDelta::hours(2))
        .await?;
    Ok(world)
}

/// Lives through a scene, dying where it is told to; the world at the end, and how many operations the
/// first life had.
async fn live(scene: &Scene, blow: Option<(u64, Blow)>) -> (World, u64) {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let mut sandbox = scene.sandbox();
    let first = Parts::new(json!({}));
    put_invoice(&first.crm, ID, 45_000_000);
    let whole = Parts {
        store: store.clone(),
        gateway: sandbox.clone(),
        sandbox: sandbox.clone(),
        ..first.clone()
    };
    prepared(whole, scene).await;
    let mut count = 0;
    for life in 0..2 {
        let fuse = match blow.filter(|_| life == 0) {
            Some((at, blow)) => Fuse::at(at, blow, false),
            None => Fuse::safe(),
        };
        let parts = Parts {
            store: Arc::new(CrashStore {
                inner: store.clone(),
                fuse: fuse.clone(),
            }),
            host: CrashHost::host(&first.crm, &fuse),
            gateway: Arc::new(CrashGateway {
                inner: sandbox.clone(),
                fuse: fuse.clone(),
            }),
            sandbox: sandbox.clone(),
            ..first.clone()
        };
        let lived = fuse.guard(play(parts, scene)).await;
        if life == 0 {
            count = fuse.count();
        }
        match lived {
            Some(Ok(world)) if !fuse.has_blown() => {
                fuse.disarm();
                return (world, count);
            }
            None | Some(Ok(_) | Err(Error::Store(_))) => {}
            Some(Err(error)) => panic!("{error} in {scene:?} after {blow:?}"),
        }
        let ledger = sandbox.ledger().reopened().unwrap().unwrap();
        let settings = sandbox.settings().clone();
        sandbox = Arc::new(Sandbox::open(ledger, settings).unwrap());
    }
    unreachable!("the last life has no fuse");
}

/// What must hold however the process died.
async fn check(scene: &Scene, world: &World, blow: Option<(u64, Blow)>) {
    let told = format!("{scene:?} after {blow:?}");
    world.sound(ID).await;
    let links = world.links().await;
    let made: Vec<&LinkRow> = links
        .iter()
        .filter(|link| !link.abandoned && link.id.as_str().contains("/by_hand/"))
        .filter(|link| link.status != LinkStatus::CreateFailed)
        .collect();
    assert_eq!(made.len(), 1, "{told}: {links:#?}");
    let audit = world.audit();
    for at_gateway in &audit.links {
        let ours = links
            .iter()
            .find(|link| link.reference == at_gateway.reference);
        let ours = ours.unwrap_or_else(|| panic!("{told}: nobody knows {at_gateway:?}"));
        let closed = ours.status.is_closed() && ours.id != made[0].id;
        assert!(!(closed && at_gateway.live), "{told}: {ours:?} is live");
        let others = audit.links.iter().filter(|other| {
            other.created_at <= at_gateway.created_at && at_gateway.created_at < other.open_until
        });
        // One that is closed the moment it is made has never been live.
        assert!(
            others.count() <= 1,
            "{told}: two live links: {:#?}",
            audit.links
        );
    }
    let told_of: Vec<String> = world
        .crm()
        .sent()
        .into_iter()
        .map(|sent| sent.key)
        .collect();
    let known = |key: &String| {
        links
            .iter()
            .any(|link| !link.abandoned && key.starts_with(link.id.as_str()))
    };
    assert!(told_of.iter().all(known), "{told}: {told_of:?}");
    let told_now = told_of
        .iter()
        .filter(|key| key.starts_with(made[0].id.as_str()));
    let recipients = if scene.deed == Deed::Create { 2 } else { 1 };
    assert_eq!(told_now.count(), recipients, "{told}");
    assert_eq!(world.rows(Table::Outbox).await, 0, "{told}");
    let payments = world.engine.payments().await.unwrap();
    if scene.profile == "nothing" {
        assert!(payments.is_empty());
        assert_eq!(made[0].status, LinkStatus::Created, "{told}");
        return;
    }
    assert_eq!(made[0].status, LinkStatus::Paid, "{told}");
    assert_eq!(
        (payments.len(), world.crm().receipts().len()),
        (1, 1),
        "{told}"
    );
    let state = if scene.deed == Deed::Create {
        "review"
    } else {
        "done"
    };
    assert_eq!(world.state(ID).await, state, "{told}");
    assert!(
        world.attention().await.is_empty(),
        "{told}: {:?}",
        world.attention().await
    );
}

async fn every_crash(deed: Deed, lost: bool, blows: &[Blow]) {
    for profile in PROFILES {
        let scene = Scene {
            deed,
            profile,
            lost,
        };
        let (world, count) = live(&scene, None).await;
        assert!(world.engine.now() > start_time());
        check(&scene, &world, None).await;
        assert!(count > 8, "{count}");
        for blow in blows {
            for at in 0..count {
                let blow = Some((at, *blow));
                let (world, _) = live(&scene, blow).await;
                check(&scene, &world, blow).await;
            }
        }
    }
}

/// Clause 77, for links by hand.
#[tokio::test]
async fn a_crash_while_a_link_is_made_by_hand_leaves_one_link() {
    every_crash(Deed::Create, false, &BLOWS).await;
}

#[tokio::test]
async fn a_crash_around_a_lost_answer_to_a_link_by_hand_leaves_one_link() {
    every_crash(Deed::Create, true, &BLOWS[..2]).await;
}

#[tokio::test]
async fn a_crash_while_a_link_is_renewed_leaves_one_link() {
    every_crash(Deed::Renew, false, &BLOWS).await;
}

#[tokio::test]
async fn a_crash_around_a_lost_answer_to_a_renewal_leaves_one_link() {
    every_crash(Deed::Renew, true, &BLOWS[..2]).await;
}
