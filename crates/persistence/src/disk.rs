//! Where bytes go: the few file operations the journal needs, on a real folder.
//!
//! Not a file system: names are relative to one folder, files are read and written by offset, and
//! every promise of durability is an explicit call. A simulated disk keeps the same promises.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Must exist; never written.
    Read,
    /// Must exist.
    Write,
    /// Made when missing, emptied when not.
    Create,
}

/// Why the folder could not be locked.
#[derive(Debug)]
pub enum LockFailure {
    /// Somebody else holds it; their process id when it could be read.
    Held(Option<u32>),
    /// The operating system refused.
    Io(io::Error),
}

/// One folder of files.
pub trait Disk: Send + Sync + std::fmt::Debug + 'static {
    /// The folder's own path, for messages.
    fn root(&self) -> &Path;
    /// Takes the folder for this store alone, until the returned value is dropped. The lock file's
    /// content is left alone until [`DiskLock::sign`].
    ///
    /// # Errors
    /// When somebody else has it, or the operating system refuses.
    fn lock(&self) -> Result<Box<dyn DiskLock>, LockFailure>;
    /// Makes a folder inside, with its parents; an existing one is fine.
    ///
    /// # Errors
    /// The operating system's.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// File names in a folder, sorted; empty when the folder is missing.
    ///
    /// # Errors
    /// The operating system's.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;
    /// Opens a file.
    ///
    /// # Errors
    /// The operating system's.
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn BlockFile>>;
    /// Renames a file, replacing the target. Durable after [`Disk::sync_dir`].
    ///
    /// # Errors
    /// The operating system's.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file; a missing one is fine.
    ///
    /// # Errors
    /// The operating system's.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes names made, renamed and removed in a folder durable.
    ///
    /// # Errors
    /// The operating system's.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
}

/// A lock on a folder; dropping it lets go.
pub trait DiskLock: Send + Sync + std::fmt::Debug {
    /// Writes this process's id into the lock file, for the message the next opener gets.
    ///
    /// # Errors
    /// The operating system's.
    fn sign(&self) -> io::Result<()>;
}

/// One file, read and written by offset.
pub trait BlockFile: Send + Sync + std::fmt::Debug {
    /// Reads up to `buffer.len()` bytes; fewer only at the end of the file.
    ///
    /// # Errors
    /// The operating system's.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all of `bytes`. Not durable before a sync.
    ///
    /// # Errors
    /// The operating system's; then any part of the bytes may have been written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Makes every byte written so far durable. After an error nothing is known about them.
    ///
    /// # Errors
    /// The operating system's.
    fn sync_data(&self) -> io::Result<()>;
    /// Length in bytes.
    ///
    /// # Errors
    /// The operating system's.
    fn length(&self) -> io::Result<u64>;
}

/// A folder of the operating system.
#[derive(Debug)]
pub struct RealDisk {
    root: PathBuf,
}

impl RealDisk {
    /// Works in `root`, which [`Disk::create_dir`] of the empty path makes when missing.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }
}

impl Disk for RealDisk {
    fn root(&self) -> &Path {
        &self.root
    }

    fn lock(&self) -> Result<Box<dyn DiskLock>, LockFailure> {
        let path = self.root.join("LOCK");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(path).map_err(LockFailure::Io)?;
        match file.try_lock() {
            Ok(()) => Ok(Box::new(RealLock { file })),
            Err(TryLockError::WouldBlock) => Err(LockFailure::Held(read_pid(&file))),
            Err(TryLockError::Error(error)) => Err(LockFailure::Io(error)),
        }
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        std::fs::create_dir_all(self.root.join(path))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let entries = match std::fs::read_dir(self.root.join(path)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in entries {
            // A name that is not UTF-8 is none of ours.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn BlockFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(access != Access::Read);
        options
            .create(access == Access::Create)
            .truncate(access == Access::Create);
        Ok(Arc::new(RealFile {
            file: options.open(self.root.join(path))?,
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(self.root.join(from), self.root.join(to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match std::fs::remove_file(self.root.join(path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        // Only Unix lets a folder be opened and synced; elsewhere names are durable by themselves.
        if cfg!(unix) {
            File::open(self.root.join(path))?.sync_all()
        } else {
            Ok(())
        }
    }
}

#[derive(Debug)]
struct RealLock {
    file: File,
}

impl DiskLock for RealLock {
    fn sign(&self) -> io::Result<()> {
        let text = format!("{}\n", std::process::id());
        self.file.set_len(0)?;
        write_all_at(&self.file, text.as_bytes(), 0)
    }
}

impl Drop for RealLock {
    fn drop(&mut self) {
        // Closing would do, were it not for a child process that this one is just starting: it
        // shares the lock until it becomes another program.
        let _ = self.file.unlock();
    }
}

fn read_pid(file: &File) -> Option<u32> {
    let mut text = [0; 16];
    let read = read_at(file, &mut text, 0).ok()?;
    std::str::from_utf8(text.get(..read)?)
        .ok()?
        .trim()
        .parse()
        .ok()
}

#[derive(Debug)]
struct RealFile {
    file: File,
}

impl BlockFile for RealFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let at = offset.saturating_add(u64::try_from(done).unwrap_or(u64::MAX));
            match read_at(&self.file, rest, at) {
                Ok(0) => break,
                Ok(read) => done = done.saturating_add(read),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        write_all_at(&self.file, bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(unix)]
fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

#[cfg(windows)]
fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    let (mut rest, mut at) = (bytes, offset);
    while !rest.is_empty() {
        let written = std::os::windows::fs::FileExt::seek_write(file, rest, at)?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        rest = rest.get(written..).unwrap_or_default();
        at = at.saturating_add(u64::try_from(written).unwrap_or(u64::MAX));
    }
    Ok(())
}
