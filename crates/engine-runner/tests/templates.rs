//! Projects made by `init`.

use crate::support::Place;

#[test]
fn a_new_project_is_green_at_once_whatever_the_template() {
    for template in ["opportunity", "invoice", "contract"] {
        let place = Place::empty();
        let made = place
            .run(&format!("init demo --template {template}"))
            .expect(0);
        assert!(made.out.contains("engine-runner test"), "{}", made.out);
        let inside = Place::empty();
        let run = |words: &str| {
            let mut command = inside.command(words);
            command.current_dir(place.path().join("demo"));
            crate::support::Ran::from(command.output().unwrap())
        };
        let checked = run("check").expect(0);
        assert!(
            checked.out.contains("nothing to complain about"),
            "{}",
            checked.out
        );
        let tested = run("test").expect(0);
        assert!(tested.out.contains(template), "{}", tested.out);
        run(&format!("graph workflows/{template}.yaml --format svg")).expect(0);
        let first = place.read(&format!("demo/workflows/{template}.yaml"));
        assert!(first.starts_with("# yaml-language-server: $schema=../.charkh/workflow"));
        assert!(
            place
                .path()
                .join("demo/.charkh/scenario.schema.json")
                .is_file()
        );
        let again = place
            .run(&format!("init demo --template {template}"))
            .expect(6);
        assert!(again.err.contains("file_exists"), "{}", again.err);
    }
}
