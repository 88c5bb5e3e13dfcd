//! A bare journal: the same bytes per record, one `fdatasync` per group, and nothing else.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

const PREALLOCATED: u64 = 256 << 20;

/// Records per second with that many writers waiting for their record to be durable.
pub(crate) fn commits_per_second(
    directory: &Path,
    bytes: usize,
    in_flight: usize,
    seconds: u64,
) -> f64 {
    let path = directory.join("bare.log");
    let mut file = File::create(&path).unwrap();
    for _ in 0..PREALLOCATED >> 20 {
        file.write_all(&vec![0; 1 << 20]).unwrap();
    }
    file.sync_all().unwrap();
    let (sender, receiver) = mpsc::channel::<mpsc::SyncSender<()>>();
    let writer = std::thread::spawn(move || write_groups(&file, bytes, &receiver));
    let (stop, done) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let begun = Instant::now();
    let callers: Vec<_> = (0..in_flight)
        .map(|_| {
            let (sender, stop, done) = (sender.clone(), stop.clone(), done.clone());
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let (reply, answered) = mpsc::sync_channel(1);
                    sender.send(reply).unwrap();
                    answered.recv().unwrap();
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    drop(sender);
    std::thread::sleep(Duration::from_secs(seconds));
    stop.store(true, Ordering::Relaxed);
    callers
        .into_iter()
        .for_each(|caller| caller.join().unwrap());
    let elapsed = begun.elapsed().as_secs_f64();
    writer.join().unwrap();
    let _ = std::fs::remove_file(path);
    done.load(Ordering::Relaxed) as f64 / elapsed
}

fn write_groups(file: &File, bytes: usize, receiver: &mpsc::Receiver<mpsc::SyncSender<()>>) {
    let record = vec![7_u8; bytes];
    let mut offset = 0;
    while let Ok(first) = receiver.recv() {
        let mut waiting = vec![first];
        while let Ok(next) = receiver.try_recv() {
            waiting.push(next);
        }
        let group = record.repeat(waiting.len());
        if offset + group.len() as u64 > PREALLOCATED {
            offset = 0;
        }
        file.write_all_at(&group, offset).unwrap();
        file.sync_data().unwrap();
        offset += group.len() as u64;
        for caller in waiting {
            let _ = caller.send(());
        }
    }
}
