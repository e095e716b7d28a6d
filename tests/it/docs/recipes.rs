//! The `justfile`: what its recipes run is there, and CONTRIBUTING.md names no recipe that is not.

use std::collections::BTreeMap;
use std::fs;

use super::{page, root};

/// The commands of each recipe.
fn recipes() -> BTreeMap<String, Vec<String>> {
    let text = fs::read_to_string(root().join("justfile")).expect("the justfile");
    let mut recipes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut name = String::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix("    ") {
            Some(command) => recipes.entry(name.clone()).or_default().push(command.to_owned()),
            None => name = line.split([' ', ':']).next().expect("a name").to_owned(),
        }
    }
    assert!(recipes.len() > 10, "{} recipes are found", recipes.len());
    recipes
}

fn exists(path: &str) -> bool {
    root().join(path).exists()
}

/// What a command names that is not there.
fn lacks(command: &str, manifest: &str, topics: &str) -> Vec<String> {
    let words: Vec<&str> = command.split(' ').collect();
    let given = "{{";
    let mut lacks = Vec::new();
    let known = ["@just", "cargo", "perf"];
    let program = words.iter().find(|word| !word.contains('=')).expect("a program");
    if !known.contains(program) && !exists(program) {
        lacks.push((*program).to_owned());
    }
    for (word, value) in words.iter().zip(words.iter().skip(1)).filter(|(_, value)| !value.starts_with(given)) {
        let is_there = match *word {
            "--test" => exists(&format!("tests/{value}/main.rs")),
            "--bench" => exists(&format!("benches/{value}.rs")),
            "--profile" => manifest.contains(&format!("[profile.{value}]")),
            "--manifest-path" => exists(value),
            "-p" => {
                *value == "flowlake" || exists(&format!("src/{}/Cargo.toml", value.trim_start_matches("flowlake-")))
            }
            // A topic is a module of the integration tests.
            "it" if !value.starts_with('-') && *value != "slow" => {
                topics.contains(&format!("mod {};", value.split("::").next().unwrap_or_default()))
            }
            _ => true,
        };
        if !is_there {
            lacks.push(format!("{word} {value}"));
        }
    }
    lacks
}

#[test]
fn recipes_run_what_is_there() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the manifest");
    let topics = fs::read_to_string(root().join("tests/it/main.rs")).expect("the topics");
    for (name, commands) in recipes() {
        for command in commands {
            assert_eq!(lacks(&command, &manifest, &topics), Vec::<String>::new(), "{name}: {command}");
        }
    }
    assert_eq!(lacks("cargo test --test ti x", &manifest, &topics), ["--test ti"]);
    assert_eq!(lacks("cargo bench --bench none", &manifest, &topics), ["--bench none"]);
    assert_eq!(lacks(".ci/none", &manifest, &topics), [".ci/none"]);
    assert_eq!(lacks("A=b cargo test --locked --test it nothing", &manifest, &topics), ["it nothing"]);
}

#[test]
fn contributing_names_every_recipe_and_no_other() {
    let page = page("CONTRIBUTING.md");
    let spans = page.text.split('`').skip(1).step_by(2).filter_map(|span| span.strip_prefix("just "));
    let mut told: Vec<&str> = spans.filter_map(|span| span.split(' ').next()).collect();
    told.sort_unstable();
    told.dedup();
    let recipes = recipes();
    let names: Vec<&str> = recipes.keys().map(String::as_str).filter(|name| *name != "default").collect();
    assert_eq!(told, names);
}
