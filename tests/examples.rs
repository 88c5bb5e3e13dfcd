//! Every example runs, and says what its golden file says.

use std::process::Command;

use crate::{files, root, text};

#[test]
fn every_example_says_what_it_should() {
    let folder = root().join("examples");
    let examples = files(&folder, ".rs");
    assert!(examples.len() >= 4);
    for example in examples {
        let name = example.file_stem().unwrap().to_string_lossy().into_owned();
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
