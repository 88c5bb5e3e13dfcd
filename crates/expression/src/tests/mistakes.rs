//! Tests.
#[test]
fn scratch() {
    let list = std::fs::read_to_string("/tmp/bad.txt").unwrap();
    for src in list.lines().filter(|l| !l.is_empty()) {
        let src = src.replace("\\n", "\n");
        println!("── {src}");
        match crate::Expression::compile(&src, &super::schema(), crate::Expected::Any) {
            Ok(e) => println!(
                "   OK {:?} => {:?}",
                e.result_type(),
                e.evaluate(&super::facts())
            ),
            Err(ps) => {
                for p in ps {
                    let line = src.lines().nth(p.line - 1).unwrap_or("");
                    println!(
                        "   {line}\n   {}{} {:?} {}:{} {}\n      hint {:?} try {:?}",
                        " ".repeat(p.column - 1),
                        "^".repeat(p.length),
                        p.code,
                        p.line,
                        p.column,
                        p.message,
                        p.hint,
                        p.suggestion
                    );
                }
            }
        }
    }
}
