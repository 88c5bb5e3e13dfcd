//! A file of JSON lines that only grows, each line on disk before it counts.
//!
//! Lines that come together share one sync. A line cut off by a crash never counted, so it is
//! dropped at the next opening.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;

use crate::exit::{Exit, Failure, Outcome};

type Waiting = (Vec<u8>, oneshot::Sender<std::io::Result<()>>);

/// The open file.
#[derive(Debug)]
pub(crate) struct LineFile {
    sender: Sender<Waiting>,
}

/// A line that was handed in and may not be on disk yet.
#[derive(Debug)]
pub(crate) struct Written(oneshot::Receiver<std::io::Result<()>>);

impl LineFile {
    /// Opens the file, or makes it, and reads the lines it has.
    pub(crate) fn open<T: DeserializeOwned>(path: &Path) -> Outcome<(LineFile, Vec<T>)> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let (rows, whole) = parse(path, &bytes)?;
        file.set_len(u64::try_from(whole).unwrap_or(u64::MAX))?;
        file.seek(SeekFrom::End(0))?;
        let (sender, queue) = channel();
        std::thread::Builder::new()
            .name("lines".to_owned())
            .spawn(move || write(file, &queue))?;
        Ok((LineFile { sender }, rows))
    }

    /// The lines of a file that somebody else may have open; nothing is changed.
    pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Outcome<Vec<T>> {
        Ok(parse(path, &std::fs::read(path)?)?.0)
    }

    /// Hands a line in. Lines are written in the order they were handed in.
    pub(crate) fn append<T: Serialize>(&self, row: &T) -> std::io::Result<Written> {
        let mut line = serde_json::to_vec(row)?;
        line.push(b'\n');
        let (done, written) = oneshot::channel();
        self.sender.send((line, done)).map_err(|_| closed())?;
        Ok(Written(written))
    }
}

impl Written {
    /// Waits until the line is on disk.
    pub(crate) async fn on_disk(self) -> std::io::Result<()> {
        self.0.await.map_err(|_| closed())?
    }
}

/// The lines of a file, and how many of its bytes they are.
fn parse<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Outcome<(Vec<T>, usize)> {
    let whole = bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |last| last + 1);
    let lines = bytes
        .get(..whole)
        .unwrap_or_default()
        .split(|byte| *byte == b'\n');
    let rows = lines
        .enumerate()
        .filter(|(_, line)| !line.is_empty())
        .map(|(index, line)| {
            serde_json::from_slice(line).map_err(|error| {
                let message = format!("{}:{}: {error}", path.display(), index + 1);
                Failure::new(Exit::Failed, "store_damaged", message)
            })
        })
        .collect::<Outcome<Vec<T>>>()?;
    Ok((rows, whole))
}

fn closed() -> std::io::Error {
    std::io::Error::other("an earlier write to the file failed")
}

/// Writes what waits, all of it with one sync. After a failure nobody knows what the file holds, so
/// the thread ends and every later line is refused.
fn write(mut file: File, queue: &Receiver<Waiting>) {
    while let Ok(first) = queue.recv() {
        let waiting: Vec<Waiting> = std::iter::once(first).chain(queue.try_iter()).collect();
        let bytes: Vec<u8> = waiting.iter().flat_map(|(line, _)| line).copied().collect();
        let result = file.write_all(&bytes).and_then(|()| file.sync_data());
        let failed = result.is_err();
        for (_, done) in waiting {
            let answer = match &result {
                Ok(()) => Ok(()),
                Err(error) => Err(std::io::Error::new(error.kind(), error.to_string())),
            };
            // Whoever asked may be gone.
            let _ = done.send(answer);
        }
        if failed {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::LineFile;

    #[tokio::test]
    async fn lines_come_back_in_order_and_a_cut_line_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines.jsonl");
        let (file, before) = LineFile::open::<u32>(&path).unwrap();
        assert!(before.is_empty());
        for number in 0..3 {
            file.append(&number).unwrap().on_disk().await.unwrap();
        }
        drop(file);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.extend_from_slice(b"12");
        std::fs::write(&path, bytes).unwrap();
        let (file, rows) = LineFile::open::<u32>(&path).unwrap();
        assert_eq!(rows, [0, 1, 2]);
        file.append(&3).unwrap().on_disk().await.unwrap();
        let (_, rows) = LineFile::open::<u32>(&path).unwrap();
        assert_eq!(rows, [0, 1, 2, 3]);
    }

    #[test]
    fn a_whole_line_that_is_not_ours_is_an_error_and_the_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines.jsonl");
        std::fs::write(&path, "1\nnot json\n").unwrap();
        assert!(LineFile::open::<u32>(&path).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "1\nnot json\n");
    }
}
