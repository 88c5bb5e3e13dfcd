//! Durable commits a second, beside a bare journal that syncs the same bytes in the same way.
//!
//! ```text
//! cargo bench -p persistence -- [seconds a sample] [items already stored] [in flight ...]
//! ```
//! The work is an invoice's: six commits an item, each with its state, a history entry, and one to
//! three rows that come and go. Samples of the two alternate; compare within one run only.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a benchmark may print, and may stop at the first surprise"
)]

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use persistence::{Commit, JournalStore, MemoryStore, Options, Row, Store, Table, Write};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

const STEPS: u64 = 6;

static ORDERED: std::sync::LazyLock<bool> =
    std::sync::LazyLock::new(|| std::env::args().any(|word| word == "ordered"));

fn item_key(item: u64) -> Vec<u8> {
    // Spread, so that neighbours in time are no neighbours in the index, unless asked otherwise.
    let number = if *ORDERED {
        item
    } else {
        item.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    };
    format!("invoice/{number:016x}").into_bytes()
}

fn key(name: &str, item: u64) -> Vec<u8> {
    format!("{name}/{item:016x}").into_bytes()
}

/// Step `step` of an item's life.
fn commit(item: u64, step: u64) -> Commit {
    let fresh = |table, name: &str, size: usize| Write::Fresh {
        table,
        key: key(name, item),
        row: Row::open(vec![b'r'; size]),
    };
    let delete = |table, name: &str| Write::Delete {
        table,
        key: key(name, item),
    };
    let writes = match step {
        0 => vec![fresh(Table::Timers, "timeout", 24)],
        1 => vec![
            delete(Table::Timers, "timeout"),
            fresh(Table::Outbox, "link", 120),
        ],
        2 => vec![
            delete(Table::Outbox, "link"),
            fresh(Table::Links, "link", 120),
            fresh(Table::Outbox, "sms", 120),
        ],
        3 => vec![delete(Table::Outbox, "sms")],
        4 => vec![
            fresh(Table::Payments, "paid", 60),
            fresh(Table::Outbox, "receipt", 120),
        ],
        _ => vec![delete(Table::Outbox, "receipt")],
    };
    Commit {
        subject: item_key(item),
        expected: step,
        state: Some(Row::new(vec![b's'; 240], vec![b'p'; 60])),
        writes,
        history: vec![Row::new(vec![b'h'; 120], vec![b'q'; 20])],
    }
}

/// Bytes a record of this work takes in the journal, about.
const RECORD_BYTES: usize = 740;

#[derive(Default)]
struct Sample {
    rate: u64,
    p50: u64,
    p99: u64,
}

async fn measure<F, Fut>(
    in_flight: u64,
    time: Duration,
    next_item: &Arc<AtomicU64>,
    one: F,
) -> Sample
where
    F: Fn(u64, u64) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..in_flight {
        let (one, next_item) = (one.clone(), Arc::clone(next_item));
        tasks.spawn(async move {
            let mut taken = Vec::new();
            while start.elapsed() < time {
                let item = next_item.fetch_add(1, Ordering::Relaxed);
                for step in 0..STEPS {
                    let begin = Instant::now();
                    one(item, step).await;
                    taken.push(begin.elapsed().as_micros() as u64);
                }
            }
            taken
        });
    }
    let mut taken = Vec::new();
    while let Some(done) = tasks.join_next().await {
        taken.extend(done.unwrap());
    }
    let rate = taken.len() as u64 * 1_000_000 / start.elapsed().as_micros() as u64;
    taken.sort_unstable();
    Sample {
        rate,
        p50: taken[taken.len() / 2],
        p99: taken[taken.len() * 99 / 100],
    }
}

/// The least a durable journal does: gather what is ready, one write, one sync, answer.
struct Bare {
    sender: mpsc::Sender<(Vec<u8>, oneshot::Sender<()>)>,
}

const SEGMENT: u64 = 64 << 20;

fn blank(path: PathBuf) -> std::fs::File {
    let file = std::fs::File::create(path).unwrap();
    let zeros = vec![0; 1 << 20];
    for at in 0..SEGMENT >> 20 {
        file.write_all_at(&zeros, at << 20).unwrap();
    }
    file.sync_all().unwrap();
    file
}

impl Bare {
    fn open(folder: &Path) -> Self {
        let (sender, mut queue) = mpsc::channel::<(Vec<u8>, oneshot::Sender<()>)>(4096);
        let (ready, blanks) = std::sync::mpsc::sync_channel(1);
        let folder = folder.to_path_buf();
        std::thread::spawn(move || {
            for number in 0_u64.. {
                if ready.send(blank(folder.join(number.to_string()))).is_err() {
                    return;
                }
            }
        });
        std::thread::spawn(move || {
            let mut file = blanks.recv().unwrap();
            let (mut batch, mut bytes, mut at) = (Vec::new(), Vec::new(), 0_u64);
            while queue.blocking_recv_many(&mut batch, 1024) > 0 {
                bytes.clear();
                for (record, _) in &batch {
                    bytes.extend_from_slice(record);
                }
                if at + bytes.len() as u64 > SEGMENT {
                    file = blanks.recv().unwrap();
                    at = 0;
                }
                file.write_all_at(&bytes, at).unwrap();
                file.sync_data().unwrap();
                at += bytes.len() as u64;
                for (_, reply) in batch.drain(..) {
                    let _ = reply.send(());
                }
            }
        });
        Self { sender }
    }

    async fn commit(&self, bytes: usize) {
        let (reply, answer) = oneshot::channel();
        self.sender.send((vec![b'x'; bytes], reply)).await.unwrap();
        answer.await.unwrap();
    }
}

fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok())
        .unwrap_or(0)
        / 1024
}

/// CPU time of this process, in microseconds.
fn cpu_micros() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<_> = stat
        .rsplit(')')
        .next()
        .unwrap_or("")
        .split_whitespace()
        .collect();
    let tick = |at: usize| {
        fields
            .get(at)
            .and_then(|field| field.parse::<u64>().ok())
            .unwrap_or(0)
    };
    (tick(11) + tick(12)) * 10_000
}

fn median(mut samples: Vec<Sample>) -> Sample {
    samples.sort_by_key(|sample| sample.rate);
    let middle = samples.len() / 2;
    samples.remove(middle)
}

/// Items that wait in the store while it is measured.
async fn fill(store: &Arc<JournalStore>, items: u64, next_item: &Arc<AtomicU64>) {
    let mut tasks = JoinSet::new();
    let end = next_item.load(Ordering::Relaxed) + items;
    for _ in 0..256 {
        let (store, next_item) = (Arc::clone(store), Arc::clone(next_item));
        tasks.spawn(async move {
            loop {
                let item = next_item.fetch_add(1, Ordering::Relaxed);
                if item >= end {
                    return;
                }
                store.commit(commit(item, 0)).await.unwrap();
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

struct Subjects {
    store: Arc<JournalStore>,
    bare: Arc<Bare>,
    memory: Arc<MemoryStore>,
    next_item: Arc<AtomicU64>,
    /// Only the store, for a profile: the others run as short as can be.
    alone: bool,
}

impl Subjects {
    async fn stored<S: Store>(&self, store: &Arc<S>, in_flight: u64, time: Duration) -> Sample {
        let store = Arc::clone(store);
        let one = move |item, step| {
            let store = Arc::clone(&store);
            async move {
                store.commit(commit(item, step)).await.unwrap();
            }
        };
        measure(in_flight, time, &self.next_item, one).await
    }

    async fn bared(&self, in_flight: u64, time: Duration) -> Sample {
        let bare = Arc::clone(&self.bare);
        let one = move |_, _| {
            let bare = Arc::clone(&bare);
            async move { bare.commit(RECORD_BYTES).await }
        };
        measure(in_flight, time, &self.next_item, one).await
    }

    /// Samples of the two in turn, and the line that says how they compare.
    async fn compare(&self, in_flight: u64, seconds: u64) {
        let time = Duration::from_secs(seconds);
        let spent = |begin, rate: u64| (cpu_micros() - begin) * 100 / (rate * seconds).max(1);
        let (mut ours, mut bares, mut cpu, mut bare_cpu) = (Vec::new(), Vec::new(), 0, 0);
        for _ in 0..3 {
            let begin = cpu_micros();
            ours.push(self.stored(&self.store, in_flight, time).await);
            cpu = spent(begin, ours.last().unwrap().rate);
            let begin = cpu_micros();
            let short = Duration::from_millis(50);
            bares.push(
                self.bared(in_flight, if self.alone { short } else { time })
                    .await,
            );
            bare_cpu = spent(begin, bares.last().unwrap().rate);
        }
        let short = Duration::from_millis(if self.alone { 50 } else { 500 });
        let in_memory = self.stored(&self.memory, in_flight, short).await;
        let (ours, bares) = (median(ours), median(bares));
        println!(
            "{in_flight:9} {:9} {:7} {:7} | {:7} {:4} {:5} | {:3} % | {:7} | {}.{:02} {}.{:02}",
            ours.rate,
            ours.p50,
            ours.p99,
            bares.rate,
            bares.p50,
            bares.p99,
            ours.rate * 100 / bares.rate.max(1),
            in_memory.rate,
            cpu / 100,
            cpu % 100,
            bare_cpu / 100,
            bare_cpu % 100,
        );
    }
}

async fn run(seconds: u64, stored: u64, in_flights: &[u64]) {
    let folder = tempfile::tempdir_in(".").unwrap();
    let bare_folder = tempfile::tempdir_in(".").unwrap();
    let path = folder.path().join("store");
    let subjects = Subjects {
        store: Arc::new(JournalStore::open(&path, Options::default()).unwrap()),
        bare: Arc::new(Bare::open(bare_folder.path())),
        memory: Arc::new(MemoryStore::new()),
        next_item: Arc::new(AtomicU64::new(1)),
        alone: std::env::args().any(|word| word == "alone"),
    };
    fill(&subjects.store, stored, &subjects.next_item).await;
    // Lets the first blanks be made.
    subjects.bare.commit(RECORD_BYTES).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    println!("{stored} items stored, {} MiB resident", resident_mib());
    println!(
        "in flight   store/s  p50 us  p99 us | bare/s  p50  p99 | share | memory/s | us CPU, bare"
    );
    for &in_flight in in_flights {
        subjects.compare(in_flight, seconds).await;
    }
    let stats = subjects.store.stats();
    println!("{stats:?}");
    println!(
        "per commit: {} B journal, {} B index, {} B checkpoint; {} commits a group; {} MiB resident",
        stats.journal_bytes / stats.records,
        stats.index_bytes / stats.records,
        stats.checkpoint_bytes / stats.records,
        stats.records / stats.groups,
        resident_mib(),
    );
    let begin = Instant::now();
    subjects.store.close().await.unwrap();
    println!("closed in {} ms", begin.elapsed().as_millis());
    drop(subjects);
    let begin = Instant::now();
    let store = JournalStore::open(&path, Options::default()).unwrap();
    let (taken, replayed) = (begin.elapsed().as_millis(), store.stats().replayed);
    println!("opened in {taken} ms, {replayed} records replayed");
}

fn main() {
    let numbers: Vec<u64> = std::env::args()
        .filter_map(|word| word.parse().ok())
        .collect();
    let seconds = numbers.first().copied().unwrap_or(3);
    let stored = numbers.get(1).copied().unwrap_or(10_000);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
    let in_flights = numbers.get(2..).filter(|rest| !rest.is_empty());
    runtime.block_on(run(seconds, stored, in_flights.unwrap_or(&[1, 16, 256])));
}
