//! Reading files from disk, and finding them.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use charkh::workflow_file::{PROJECT_FILE, SourceFile, syntax};

use crate::exit::{Exit, Failure, Outcome};

/// What a file of a project is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FileKind {
    /// The project file.
    Project,
    /// A workflow.
    Workflow,
    /// A scenario.
    Scenario,
    /// People's actions for a run.
    Play,
}

/// What the file of that name is.
pub(crate) fn kind(path: &Path) -> FileKind {
    let name = name(path);
    let stem = name
        .strip_suffix(".yaml")
        .or_else(|| name.strip_suffix(".yml"))
        .unwrap_or(&name);
    if name == PROJECT_FILE {
        FileKind::Project
    } else if stem.ends_with(".scenario") {
        FileKind::Scenario
    } else if stem.ends_with(".play") {
        FileKind::Play
    } else {
        FileKind::Workflow
    }
}

fn name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

fn is_yaml(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ending == "yaml" || ending == "yml")
}

/// A YAML file of the project. One byte beyond the bound is read, so that the reader can say no.
pub(crate) fn read(path: &Path) -> Outcome<SourceFile> {
    let bytes = read_up_to(path, syntax::BYTES_MAX.saturating_add(1))?;
    Ok(SourceFile::new(path.display().to_string(), bytes))
}

/// The bytes of a file, at most so many.
pub(crate) fn read_up_to(path: &Path, bytes_max: usize) -> Outcome<Vec<u8>> {
    let shown = path.display();
    if path.is_dir() {
        return Err(
            Failure::usage("file_is_folder", format!("{shown} is a folder, not a file"))
                .help("name one of the files in it"),
        );
    }
    let mut bytes = Vec::new();
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX);
    let read = File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes));
    match read {
        Ok(_) => Ok(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(Failure::usage(
            "file_missing",
            format!("there is no file {shown}"),
        )),
        Err(error) => Err(Failure::new(
            Exit::Failed,
            "file_unreadable",
            format!("{shown}: {error}"),
        )),
    }
}

/// Every YAML file that the paths name: files as they are, folders with everything below them, in
/// order, each once.
pub(crate) fn find(paths: &[PathBuf]) -> Outcome<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            walk(path, &mut found)?;
        } else if path.exists() {
            found.push(path.clone());
        } else {
            let message = format!("there is no file {}", path.display());
            return Err(Failure::usage("file_missing", message));
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|path| seen.insert(path.clone()));
    Ok(found)
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Outcome<()> {
    let unreadable = |error: std::io::Error| {
        let message = format!("{}: {error}", folder.display());
        Failure::new(Exit::Failed, "file_unreadable", message)
    };
    let mut entries = std::fs::read_dir(folder)
        .map_err(unreadable)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<PathBuf>, std::io::Error>>()
        .map_err(unreadable)?;
    entries.sort();
    for path in entries {
        // Hidden folders and links to elsewhere belong to somebody else.
        if name(&path).starts_with('.') || path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            walk(&path, found)?;
        } else if is_yaml(&path) {
            found.push(path);
        }
    }
    Ok(())
}

/// Writes a file so that it is there whole or as it was before.
pub(crate) fn replace(path: &Path, text: &str) -> Outcome<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    std::fs::write(&beside, text)?;
    std::fs::rename(&beside, path)?;
    Ok(())
}
