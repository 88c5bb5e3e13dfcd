//! The process is killed, for real, again and again.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;

use persistence::simulation::Chance;
use persistence::{Commit, JournalStore, Options, Row, Scan, Store, Table, Write};

use super::FRESH_SEED;

const KILLS: u64 = 60;
const ITEMS: u64 = 8;

fn options() -> Options {
    Options {
        first_segment_bytes: 64 << 10,
        segment_bytes: 128 << 10,
        overlay_entries_max: 40,
        checkpoint_every_bytes: 96 << 10,
        index_sync_bytes: 16 << 10,
        ..Options::default()
    }
}

fn step(item: u64, version: u64) -> Commit {
    let timer = |version: u64| format!("{item}/{version}").into_bytes();
    let mut writes = vec![Write::Fresh {
        table: Table::Timers,
        key: timer(version),
        row: Row::default(),
    }];
    if version > 0 {
        writes.push(Write::Delete {
            table: Table::Timers,
            key: timer(version - 1),
        });
    }
    let row = Row::new(format!("{item} at {version}"), vec![7; 100]);
    Commit {
        subject: item.to_string().into(),
        expected: version,
        state: Some(row.clone()),
        writes,
        history: vec![row],
    }
}

/// The process that is killed: commits without end, and tells what was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it is the child of the test below"]
async fn the_child_that_commits_without_end() {
    let mut folder = String::new();
    std::io::stdin().read_line(&mut folder).unwrap();
    let store = Arc::new(JournalStore::open(folder.trim(), options()).unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    for item in 0..ITEMS {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let stored = store.subject(item.to_string().as_bytes()).await.unwrap();
            let mut version = stored.map_or(0, |stored| stored.version);
            loop {
                let done = store.commit(step(item, version)).await.unwrap();
                version = done.version;
                // One write call a line, so that a kill leaves no half of one behind.
                let line = format!("acknowledged {item} {version}\n");
                std::io::stdout().write_all(line.as_bytes()).unwrap();
                if item == 0 && version.is_multiple_of(50) {
                    store.erase_personal(b"0").await.unwrap();
                }
            }
        });
    }
    tasks.join_next().await;
}

fn read(line: &str) -> Option<(u64, u64)> {
    let (item, version) = line.strip_prefix("acknowledged ")?.split_once(' ')?;
    Some((item.parse().ok()?, version.parse().ok()?))
}

/// Starts the child, kills it after so many lines, and remembers what it acknowledged.
fn run_and_kill(folder: &std::path::Path, lines: usize, acknowledged: &mut BTreeMap<u64, u64>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "kill::the_child_that_commits_without_end",
            "--ignored",
            "--nocapture",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "{}", folder.display()).unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = 0;
    let mut note = |line: &str, acknowledged: &mut BTreeMap<u64, u64>| {
        if let Some((item, version)) = read(line) {
            acknowledged.insert(item, version);
            seen += 1;
        }
        seen
    };
    // The harness of the child prints a few lines first: killed after none of its own, it dies
    // while it opens the store.
    while let Some(Ok(line)) = output.next() {
        if note(&line, acknowledged) >= lines {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // What it told before it died counts.
    for line in output.map_while(Result::ok) {
        note(&line, acknowledged);
    }
}

/// Clause 73: killed sixty times, while opening, while committing, while erasing; every acknowledged
/// commit is there, once, and the store opens at the first attempt.
#[tokio::test]
async fn a_killed_process_loses_nothing_acknowledged() {
    println!("seed {}", *FRESH_SEED);
    let mut chance = Chance::seeded(*FRESH_SEED);
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeMap::new();
    for kill in 0..KILLS {
        let lines = if chance.below(3) == 0 {
            0
        } else {
            chance.below(400)
        };
        run_and_kill(folder.path(), lines, &mut acknowledged);
        if kill + 1 < KILLS && chance.below(4) == 0 {
            // Killed again without anybody having looked.
            continue;
        }
        let store = JournalStore::open(folder.path(), options())
            .unwrap_or_else(|error| panic!("kill {kill}: {error}"));
        let mut versions = BTreeMap::new();
        for item in 0..ITEMS {
            let subject = item.to_string();
            let stored = store.subject(subject.as_bytes()).await.unwrap();
            let version = stored.as_ref().map_or(0, |stored| stored.version);
            let told = acknowledged.get(&item).copied().unwrap_or(0);
            assert!(
                version >= told,
                "kill {kill}, item {item}: {version}, acknowledged {told}"
            );
            // What was checked after an earlier kill is checked once more after the last one.
            let after = if kill + 1 == KILLS {
                0
            } else {
                version.saturating_sub(100)
            };
            let history = store
                .history(subject.as_bytes(), after, usize::MAX)
                .await
                .unwrap();
            let texts: Vec<_> = history.into_iter().map(|entry| entry.row.open).collect();
            let expected: Vec<_> = (after..version)
                .map(|version| format!("{item} at {version}").into_bytes())
                .collect();
            assert_eq!(texts, expected, "kill {kill}, item {item}");
            assert_eq!(
                stored.map(|stored| stored.row.open).as_ref(),
                expected.last()
            );
            versions.insert(item, version);
        }
        let timers = store.scan(Scan::all(Table::Timers)).await.unwrap();
        let begun = versions.values().filter(|version| **version > 0).count();
        assert_eq!(timers.len(), begun, "kill {kill}: one timer each");
        let report = store
            .verify()
            .await
            .unwrap_or_else(|error| panic!("kill {kill}: {error}"));
        assert_eq!(report.records, versions.values().sum::<u64>());
    }
    let total: u64 = acknowledged.values().sum();
    println!("{KILLS} kills, {total} acknowledged commits");
    assert!(total > 1000, "{total}");
}
