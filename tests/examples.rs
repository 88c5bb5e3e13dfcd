//! Every example runs, and says what its golden file says.

use std::path::Path;
use std::process::Command;

use crate::{files, root, text};

/// The name of an example: of a file, or of a folder with a `main.rs`; the other files there are parts of it.
fn name_of(path: &Path) -> Option<String> {
    let file = path.file_name()?.to_string_lossy();
    let named = match path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        None => path.file_stem()?,
        Some(folder) if file == "main.rs" => folder.file_name()?,
        Some(_) => return None,
    };
    Some(named.to_string_lossy().into_owned())
}

#[test]
fn every_example_says_what_it_should() {
    let folder = root().join("examples");
    let examples: Vec<String> = files(&folder, ".rs")
        .iter()
        .filter_map(|path| name_of(path.strip_prefix(&folder).unwrap()))
        .collect();
    assert!(examples.len() >= 4);
    for name in examples {
        // Built already by the test command; cargo only finds the binary.
        let output = Command::new(env!("CARGO"))
            .args(["run", "--quiet", "--offline", "--example", &name])
            .current_dir(root())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {complained}");
        let golden = folder.join(format!("{name}.out"));
        if std::env::var_os("CHARKH_UPDATE_GOLDENS").is_some() {
            std::fs::write(&golden, &said).unwrap();
        }
        assert!(golden.is_file(), "{name}.out is missing");
        assert_eq!(
            said,
            text(&golden),
            "{name}; CHARKH_UPDATE_GOLDENS=1 writes it anew"
        );
    }
}
