//! The process dies at every operation, and at every pair of operations, and is started again: the end is
//! the one it would have had.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use engine::{Error, Input, MessageStatus};
use payment::LinkStatus;
use payment::gateways::sandbox::Sandbox;
use persistence::{MemoryStore, Store, Table};
use serde_json::{Value as Json, json};
use state_machine::Definition;
use values::{Fields, Timestamp};

use crate::support::{
    Blow, CrashGateway, CrashHost, CrashStore, Fuse, Parts, World, flagship, item, noticed,
    put_invoice, renewing, start_time, working,
};

const PROFILES: [&str; 4] = ["idempotent", "unique_reference", "lookup_only", "nothing"];
const BLOWS: [Blow; 4] = [
    Blow::Before,
    Blow::After,
    Blow::PoisonBefore,
    Blow::PoisonAfter,
];
const ID: &str = "INV-1";

/// What people do; each input carries an id, so that it can be handed in again after a crash.
#[derive(Clone, Copy)]
enum Step {
    Act(&'static str),
    /// Time passes to so many minutes after the start.
    To(i64),
}

#[derive(Clone)]
struct Scene {
    profile: &'static str,
    script: Json,
    definition: Definition,
    steps: &'static [Step],
    /// Messages to the only recipient are refused.
    deaf: bool,
    /// Time passes between the lives, so that what is to be sent by a moment is too late.
    delay: TimeDelta,
}

impl Scene {
    fn plain(profile: &'static str) -> Scene {
        Scene {
            profile,
            script: json!({ "pay": { "after": "10m" } }),
            definition: flagship(),
            steps: &[Step::Act("approve"), Step::To(60)],
            deaf: false,
            delay: TimeDelta::zero(),
        }
    }

    /// The first answer of the gateway is lost.
    fn lost_answer(profile: &'static str) -> Scene {
        Scene {
            script: json!({ "create": "timeout_after_accepting", "pay": { "after": "10m" } }),
            ..Scene::plain(profile)
        }
    }

    /// Nobody pays the first link in time; a second one is made before it has expired, and paid.
    fn second_entry(profile: &'static str) -> Scene {
        Scene {
            script: json!({
                "pay": "never",
                "cases": [{ "when": { "order": 2 }, "pay": { "after": "10m" } }],
            }),
            steps: &[
                Step::Act("approve"),
                Step::To(60),
                Step::Act("renew"),
                Step::To(200),
            ],
            definition: renewing(),
            ..Scene::plain(profile)
        }
    }

    /// The same by the activity for it.
    fn renewed(profile: &'static str) -> Scene {
        Scene {
            definition: working("renew_payment_link", json!({ "expires": { "days": 2 } })),
            ..Scene::second_entry(profile)
        }
    }

    /// Money that came another way is recorded.
    fn recorded(profile: &'static str) -> Scene {
        Scene {
            script: json!({ "pay": "never" }),
            steps: &[
                Step::Act("approve"),
                Step::To(60),
                Step::Act("renew"),
                Step::To(200),
            ],
            definition: working("record_payment", json!({ "transaction": "S-1" })),
            ..Scene::plain(profile)
        }
    }

    /// Nobody can be told about the link.
    fn unheard(profile: &'static str) -> Scene {
        Scene {
            script: json!({ "pay": "never" }),
            steps: &[Step::Act("approve"), Step::To(30)],
            definition: noticed(),
            deaf: true,
            ..Scene::plain(profile)
        }
    }

    fn sandbox(&self) -> Arc<Sandbox> {
        crate::support::sandbox(json!({ "profile": self.profile, "script": self.script }))
    }
}

/// Everything that must be the same however often the process died.
#[derive(Debug, Clone, PartialEq)]
struct End {
    state: String,
    incident: Option<String>,
    fields: Fields,
    links: Vec<(String, LinkStatus)>,
    payments: Vec<String>,
    receipts: Vec<(String, bool)>,
    registered: Vec<String>,
    messages: Vec<(String, MessageStatus)>,
    sent: Vec<String>,
    attention: Vec<String>,
    notices: Vec<String>,
    crm_fields: Fields,
    crm_stage: Option<String>,
    waiting: usize,
    made: BTreeMap<String, u64>,
}

impl End {
    async fn of(world: &World) -> End {
        world.sound(ID).await;
        let instance = world.instance(ID).await;
        let links = world.links().await;
        let crm = world.crm();
        let in_crm = crm.item(&item(ID)).unwrap();
        let mut sent: Vec<String> = crm.sent().into_iter().map(|sent| sent.key).collect();
        sent.sort();
        let mut notices: Vec<String> = crm.notices().into_iter().map(|(_, what)| what).collect();
        notices.sort();
        let mut made = BTreeMap::new();
        for link in world.audit().links {
            *made.entry(link.reference).or_default() += 1;
        }
        let receipts = world.engine.receipts().await.unwrap();
        let payments = world.engine.payments().await.unwrap();
        End {
            state: instance.state.clone(),
            incident: instance.incident.map(|incident| incident.code),
            fields: instance.fields.as_ref().clone(),
            links: links
                .into_iter()
                .map(|link| (link.reference, link.status))
                .collect(),
            payments: payments
                .into_iter()
                .map(|paid| paid.fact.transaction)
                .collect(),
            receipts: receipts
                .into_iter()
                .map(|row| (row.receipt.id.to_string(), row.registered))
                .collect(),
            registered: crm
                .receipts()
                .into_iter()
                .map(|receipt| receipt.id.to_string())
                .collect(),
            messages: world
                .messages()
                .await
                .into_iter()
                .map(|message| (message.id.to_string(), message.status))
                .collect(),
            sent,
            attention: world.attention_codes().await,
            notices,
            crm_fields: in_crm.fields,
            crm_stage: in_crm.stage,
            waiting: world.rows(Table::Outbox).await,
            made,
        }
    }
}

async fn play(parts: Parts, scene: &Scene) -> Result<World, Error> {
    let world = parts.try_world().await?;
    let engine = &world.engine;
    engine.deploy(scene.definition.clone()).await?;
    engine
        .submit(Input::start(item(ID)).with_id("start"))
        .await?;
    engine.settle().await?;
    for (number, step) in scene.steps.iter().enumerate() {
        match step {
            Step::Act("renew") => {
                let input = Input::event(item(ID), "renew", Fields::new());
                engine.submit(input.with_id(number.to_string())).await?;
                engine.settle().await?;
            }
            Step::Act(name) => {
                let input = Input::action(item(ID), name, "zahra");
                engine.submit(input.with_id(number.to_string())).await?;
                engine.settle().await?;
            }
            Step::To(minutes) => {
                let target: Timestamp = start_time() + TimeDelta::minutes(*minutes);
                world.try_advance_to(target.max(world.engine.now())).await?;
            }
        }
    }
    Ok(world)
}

/// Lives through a scene, dying where it is told to; the world at the end, and how many operations each
/// life had.
async fn live(scene: &Scene, blows: &[(u64, Blow)], reads: bool) -> (World, Vec<u64>) {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let mut sandbox = scene.sandbox();
    let first = Parts::new(json!({}));
    put_invoice(&first.crm, ID, 45_000_000);
    if scene.deaf {
        first.crm.refuse_destination("+989123334455");
    }
    let mut counts = Vec::new();
    for life in 0..=blows.len() {
        let fuse = blows
            .get(life)
            .map_or_else(Fuse::safe, |(at, blow)| Fuse::at(*at, *blow, reads));
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
        counts.push(fuse.count());
        match lived {
            Some(Ok(world)) if !fuse.has_blown() => {
                fuse.disarm();
                return (world, counts);
            }
            None | Some(Ok(_) | Err(Error::Store(_))) => {}
            Some(Err(error)) => panic!("{error} after {blows:?}"),
        }
        let ledger = sandbox.ledger().reopened().unwrap().unwrap();
        let settings = sandbox.settings().clone();
        sandbox = Arc::new(Sandbox::open(ledger, settings).unwrap());
        let clock = &first.clock;
        clock.set(engine::Clock::now(clock.as_ref()) + scene.delay);
    }
    unreachable!("the last life has no fuse");
}

/// What is expected of the end; a gateway that allows nothing may leave the item parked.
async fn check(scene: &Scene, expected: &End, blows: &[(u64, Blow)], world: &World) {
    let end = End::of(world).await;
    let parked = end.incident.is_some() && end.state == "make_link";
    if scene.profile != "nothing" || !parked {
        assert_eq!(&end, expected, "{} after {blows:?}", scene.profile);
        return;
    }
    for (reference, links) in &end.made {
        assert!(*links <= 1, "{reference} has {links} links after {blows:?}");
    }
    assert!(
        end.attention.contains(&end.incident.clone().unwrap()),
        "{end:?}"
    );
    assert_eq!(end.waiting, 1, "only the parked request waits: {end:?}");
    // A person's retry asks by the gateway's own rules, and those allow nothing.
    let retry = Input::retry(item(ID), "zahra", "looked at it");
    world.engine.submit(retry).await.unwrap();
    world.settle().await;
    assert_eq!(End::of(world).await, end, "after {blows:?}");
}

/// Dies once at every operation in every way.
async fn every_single_crash(scene: &Scene, reads: bool, blows: &[Blow]) -> u64 {
    let (world, counts) = live(scene, &[], reads).await;
    let expected = End::of(&world).await;
    for blow in blows {
        for at in 0..counts[0] {
            let blows = [(at, *blow)];
            let (world, _) = live(scene, &blows, reads).await;
            check(scene, &expected, &blows, &world).await;
        }
    }
    counts[0]
}

/// Clause 77: a crash at any write, to the store or to the outside, leads to the end it would have had.
#[tokio::test]
async fn a_crash_at_any_write_leads_to_the_same_end() {
    for profile in PROFILES {
        let operations = every_single_crash(&Scene::plain(profile), false, &BLOWS).await;
        assert!(operations > 15, "{operations}");
    }
}

#[tokio::test]
async fn a_crash_at_any_read_leads_to_the_same_end() {
    every_single_crash(&Scene::plain("idempotent"), true, &[Blow::Before]).await;
}

#[tokio::test]
async fn a_crash_around_a_lost_answer_leads_to_the_same_end() {
    for profile in PROFILES {
        every_single_crash(&Scene::lost_answer(profile), false, &BLOWS).await;
    }
}

#[tokio::test]
async fn a_crash_around_a_second_link_leads_to_the_same_end() {
    for profile in PROFILES {
        every_single_crash(&Scene::second_entry(profile), false, &BLOWS[..2]).await;
    }
}

#[tokio::test]
async fn a_crash_around_a_renewal_leads_to_the_same_end() {
    for profile in ["idempotent", "lookup_only"] {
        every_single_crash(&Scene::renewed(profile), false, &BLOWS[..2]).await;
    }
}

#[tokio::test]
async fn a_crash_around_a_recorded_payment_leads_to_the_same_end() {
    every_single_crash(&Scene::recorded("idempotent"), false, &BLOWS[..2]).await;
}

#[tokio::test]
async fn a_crash_around_a_failed_message_leads_to_the_same_end() {
    every_single_crash(&Scene::unheard("idempotent"), false, &BLOWS).await;
}

#[tokio::test]
async fn a_crash_with_a_long_silence_after_it_leads_to_the_same_end() {
    for profile in PROFILES {
        let scene = Scene {
            delay: TimeDelta::minutes(4),
            ..Scene::plain(profile)
        };
        every_single_crash(&scene, false, &BLOWS[..2]).await;
    }
}

/// A small generator: pairs are many, so some are chosen.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Clause 77, twice over: a crash while the work of the first crash is taken up again.
#[tokio::test]
async fn a_second_crash_while_recovering_leads_to_the_same_end() {
    let fresh = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .subsec_nanos();
    for seed in [0x9E37_79B9, u64::from(fresh) | 1] {
        let mut random = Random(seed);
        for profile in PROFILES {
            for scene in [Scene::plain(profile), Scene::lost_answer(profile)] {
                let (world, counts) = live(&scene, &[], false).await;
                let expected = End::of(&world).await;
                for _ in 0..60 {
                    let blows = [
                        (random.below(counts[0]), BLOWS[random.below(4) as usize]),
                        (random.below(counts[0]), BLOWS[random.below(4) as usize]),
                    ];
                    let (world, _) = live(&scene, &blows, false).await;
                    println!("seed {seed}: {profile} {blows:?}");
                    check(&scene, &expected, &blows, &world).await;
                }
            }
        }
    }
}
