//! Running the binary in a folder of its own, and comparing what it says.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The binary.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_engine-runner");

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) exit: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// The same, after checking how it ended.
    pub(crate) fn expect(self, exit: i32) -> Ran {
        assert_eq!(self.exit, exit, "out: {}\nerr: {}", self.out, self.err);
        self
    }

    /// The result as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        Ran {
            exit: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A folder that commands run in.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// An empty folder.
    pub(crate) fn empty() -> Place {
        Place {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// A folder with the project file, the workflows (without scenarios) and the example files of the
    /// repository.
    pub(crate) fn with_project() -> Place {
        let place = Place::empty();
        let root = root();
        place.write(
            "charkh.yaml",
            &std::fs::read(root.join("charkh.yaml")).unwrap(),
        );
        for name in ["opportunity", "invoice", "contract"] {
            let file = format!("workflows/{name}.yaml");
            place.write(&file, &std::fs::read(root.join(&file)).unwrap());
        }
        for name in ["invoice.json", "invoice.play.yaml"] {
            place.write(
                name,
                &std::fs::read(root.join("examples").join(name)).unwrap(),
            );
        }
        place
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// Replaces a part of a file, which must be there.
    pub(crate) fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{name} has no {from}");
        self.write(name, text.replacen(from, to, 1).as_bytes());
    }

    /// The binary with these words, in this folder and without the caller's colours.
    pub(crate) fn command(&self, words: &str) -> Command {
        let mut command = Command::new(BINARY);
        command
            .current_dir(self.path())
            .args(words.split_whitespace())
            .env_remove("NO_COLOR")
            .env_remove("CLICOLOR_FORCE")
            .env_remove("CHARKH_LOG");
        command
    }

    /// Runs the binary to its end.
    pub(crate) fn run(&self, words: &str) -> Ran {
        self.command(words).output().unwrap().into()
    }

    /// Runs the invoice of the examples into a store.
    pub(crate) fn run_invoice(&self) -> Ran {
        self.run(
            "run workflows/invoice.yaml --items invoice.json --play invoice.play.yaml \
             --clock virtual --store data",
        )
    }
}

/// Compares with a golden file; with `CHARKH_UPDATE_GOLDENS=1` the file is written instead.
pub(crate) fn golden(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("CHARKH_UPDATE_GOLDENS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, actual).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        actual, expected,
        "{name} differs; CHARKH_UPDATE_GOLDENS=1 cargo test -p engine-runner writes it anew"
    );
}
