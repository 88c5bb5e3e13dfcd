//! Durable transitions per second through the whole engine, beside a bare journal that writes the same bytes.
//!
//! `cargo bench -p engine --bench throughput -- --seconds 60 --in-flight 1,16,256 --stored 0,10000`
//!
//! The work unit is one invoice: start, approve (one guard, a timer set at start and cancelled here), two activities
//! in process, a paid event, the end: six commits, the assignee's notice to the CRM included. Nothing is answered before its commit is durable. `--store`
//! takes `memory`, `journal` or both. Each row is one run; figures of different runs must not be compared.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::float_arithmetic,
    clippy::indexing_slicing,
    reason = "a benchmark measures real time and prints"
)]

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod bare;
mod work;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use persistence::{JournalStore, MemoryStore, Options, Stats, Store};

use work::{Bench, COMMITS_PER_ITEM};

struct Arguments {
    seconds: u64,
    in_flight: Vec<usize>,
    stored: Vec<usize>,
    stores: Vec<String>,
    directory: PathBuf,
}

fn arguments() -> Arguments {
    let mut arguments = Arguments {
        seconds: 5,
        in_flight: vec![1, 16, 256],
        stored: vec![0],
        stores: vec!["memory".to_owned(), "journal".to_owned()],
        directory: PathBuf::from("target/throughput"),
    };
    let numbers = |text: &str| text.split(',').map(|part| part.parse().unwrap()).collect();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seconds" => arguments.seconds = words.next().unwrap().parse().unwrap(),
            "--in-flight" => arguments.in_flight = numbers(&words.next().unwrap()),
            "--stored" => arguments.stored = numbers(&words.next().unwrap()),
            "--store" => {
                arguments.stores = words
                    .next()
                    .unwrap()
                    .split(',')
                    .map(str::to_owned)
                    .collect();
            }
            "--dir" => arguments.directory = PathBuf::from(words.next().unwrap()),
            _ => {}
        }
    }
    arguments
}

/// What one run measured.
struct Row {
    items: u64,
    seconds: f64,
    latencies: Vec<Duration>,
    stats: Option<(Stats, Stats)>,
    written: u64,
    memory: u64,
    cpu: Duration,
}

fn main() {
    let arguments = arguments();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    println!(
        "| store | stored | in flight | items/s | commits/s | p50 | p99 | CPU/commit | bytes/item | disk written/item | memory | bare journal/s | ratio |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for store in &arguments.stores {
        for stored in &arguments.stored {
            runtime.block_on(series(&arguments, store, *stored));
        }
    }
}

async fn series(arguments: &Arguments, kind: &str, stored: usize) {
    let directory = arguments.directory.join(format!("{kind}-{stored}"));
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).unwrap();
    let journal = (kind == "journal").then(|| {
        Arc::new(JournalStore::open(directory.join("store"), Options::default()).unwrap())
    });
    let store: Arc<dyn Store> = match &journal {
        Some(journal) => journal.clone(),
        None => Arc::new(MemoryStore::new()),
    };
    let bench = Arc::new(Bench::new(store.clone()).await);
    bench.fill(stored).await;
    for in_flight in &arguments.in_flight {
        let row = measure(&bench, journal.as_deref(), *in_flight, arguments.seconds).await;
        let bare = row.stats.as_ref().map(|(before, after)| {
            let records = (after.records - before.records).max(1);
            let bytes = (after.journal_bytes - before.journal_bytes) / records;
            bare::commits_per_second(
                &directory,
                bytes as usize,
                *in_flight,
                arguments.seconds.min(10),
            )
        });
        print(kind, stored, *in_flight, &row, bare);
    }
    store.close().await.unwrap();
    let _ = std::fs::remove_dir_all(&directory);
}

async fn measure(
    bench: &Arc<Bench>,
    journal: Option<&JournalStore>,
    in_flight: usize,
    seconds: u64,
) -> Row {
    let stop = Arc::new(AtomicBool::new(false));
    let before = journal.map(JournalStore::stats);
    let written = bytes_written();
    let cpu = cpu_time();
    let begun = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..in_flight {
        let (bench, stop) = (bench.clone(), stop.clone());
        tasks.push(tokio::spawn(async move {
            let mut latencies = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                bench.one_item(&mut latencies).await;
            }
            latencies
        }));
    }
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    stop.store(true, Ordering::Relaxed);
    let mut latencies = Vec::new();
    let mut items = 0;
    for task in tasks {
        let own = task.await.unwrap();
        items += own.len() as u64 / 3;
        latencies.extend(own);
    }
    latencies.sort();
    Row {
        items,
        seconds: begun.elapsed().as_secs_f64(),
        latencies,
        stats: before.zip(journal.map(JournalStore::stats)),
        written: bytes_written() - written,
        memory: resident_bytes(),
        cpu: cpu_time() - cpu,
    }
}

fn print(kind: &str, stored: usize, in_flight: usize, row: &Row, bare: Option<f64>) {
    let items = row.items as f64 / row.seconds;
    let commits = items * COMMITS_PER_ITEM as f64;
    let at = |part: f64| {
        let index = ((row.latencies.len() as f64 * part) as usize).min(row.latencies.len() - 1);
        format!("{:.2} ms", row.latencies[index].as_secs_f64() * 1e3)
    };
    let journal = row
        .stats
        .as_ref()
        .map_or("–".to_owned(), |(before, after)| {
            format!(
                "{:.1} KB",
                (after.journal_bytes - before.journal_bytes) as f64 / row.items as f64 / 1e3
            )
        });
    let bare_text = bare.map_or("–".to_owned(), |bare| format!("{bare:.0}"));
    let ratio = bare.map_or("–".to_owned(), |bare| {
        format!("{:.0} %", commits / bare * 100.0)
    });
    println!(
        "| {kind} | {stored} | {in_flight} | {items:.0} | {commits:.0} | {} | {} | {:.1} µs | {journal} | {:.1} KB | {} MB | {bare_text} | {ratio} |",
        at(0.5),
        at(0.99),
        row.cpu.as_secs_f64() * 1e6 / (row.items * COMMITS_PER_ITEM) as f64,
        row.written as f64 / row.items as f64 / 1e3,
        row.memory / 1_000_000,
    );
}

fn bytes_written() -> u64 {
    let io = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let line = io.lines().find(|line| line.starts_with("write_bytes"));
    line.and_then(|line| line.split(": ").nth(1)?.parse().ok())
        .unwrap_or_default()
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    let kilobytes: u64 = line
        .and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or_default();
    kilobytes * 1024
}

/// Processor time of this process, user and system, to a hundredth of a second.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|word| word.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 10)
}
