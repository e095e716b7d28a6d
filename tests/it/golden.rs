//! The help of the program and of each of its commands, word for word, in `tests/golden/help`; other texts beside it.
//!
//! `FLOWLAKE_GOLDEN=update cargo test --test it golden` writes what the program says now; look at the difference before
//! committing it. A new command has no golden text, which fails until it is written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::lab::Lab;

const HINT: &str = "`FLOWLAKE_GOLDEN=update cargo test --test it golden` writes it anew";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/help")
}

/// Holds a text against `tests/golden/NAME`.
pub fn assert_golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if is_update() {
        std::fs::write(&path, text).expect("the checkout is writable");
    }
    let golden = std::fs::read_to_string(&path);
    let golden = golden.unwrap_or_else(|error| panic!("tests/golden/{name}: {error}; {HINT}"));
    assert_eq!(text, golden, "tests/golden/{name} differs; {HINT}");
}

/// Whether golden texts are to be written.
pub fn is_update() -> bool {
    std::env::var_os("FLOWLAKE_GOLDEN").is_some_and(|value| value == "update")
}

/// The names under `Commands:` in the help of the program.
fn commands(help: &str) -> Vec<String> {
    let (_, listed) = help.split_once("\nCommands:\n").expect("help lists the commands");
    let lines = listed.lines().take_while(|line| !line.is_empty());
    // What a command does goes on in lines that are indented further.
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.map(|line| line.split_whitespace().next().expect("a name").to_owned()).filter(|name| name != "help").collect()
}

fn help_texts(lab: &Lab) -> BTreeMap<String, String> {
    let said = |arguments: &[&str]| {
        let said = lab.run(arguments);
        assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{arguments:?}");
        said.stdout
    };
    let whole = said(&["--help"]);
    let commands = commands(&whole);
    assert!(commands.iter().any(|command| command == "convert"), "{commands:?}");
    let mut texts = BTreeMap::from([("flowlake.txt".to_owned(), whole)]);
    for command in commands {
        texts.insert(format!("{command}.txt"), said(&[&command, "--help"]));
    }
    texts
}

#[test]
fn help_is_word_for_word_what_was_agreed() {
    let texts = help_texts(&Lab::on_disk());
    let folder = folder();
    if is_update() {
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("the checkout is writable");
        for (name, text) in &texts {
            std::fs::write(folder.join(name), text).expect("the checkout is writable");
        }
    }
    for (name, text) in &texts {
        let golden = std::fs::read_to_string(folder.join(name));
        let golden = golden.unwrap_or_else(|error| panic!("tests/golden/help/{name}: {error}; {HINT}"));
        assert_eq!(*text, golden, "tests/golden/help/{name} differs; {HINT}");
    }
    for entry in std::fs::read_dir(&folder).expect("golden texts") {
        let name = entry.expect("an entry").file_name().into_string().expect("plain names");
        assert!(texts.contains_key(&name), "tests/golden/help/{name} is of no command; {HINT}");
    }
}
