//! No circle between files: what a file names, it comes after. The face of a folder (`mod.rs`, `lib.rs`, or `serve.rs`
//! beside `serve/`) is no stop on the way: a name that it hands on is counted as of the file that has it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A module by its names from the root of its crate on.
type Module = Vec<String>;

/// The files of a crate and what each of them names.
struct Crate {
    root: PathBuf,
    files: BTreeMap<Module, PathBuf>,
    /// Names that a face hands on, with their paths.
    handed_on: BTreeMap<(Module, String), Vec<String>>,
}

impl Crate {
    /// `without` are folders of other crates below `root`.
    fn read(root: &Path, without: &[PathBuf]) -> Crate {
        let mut found = Crate { root: root.to_owned(), files: BTreeMap::new(), handed_on: BTreeMap::new() };
        let mut handed_on = BTreeMap::new();
        let mut open = vec![root.to_owned()];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(&folder).expect("a folder of the source") {
                let path = entry.expect("an entry").path();
                let name = path.file_stem().and_then(|name| name.to_str()).expect("plain names").to_owned();
                if path.is_dir() && name != "tests" && !without.contains(&path) {
                    open.push(path);
                } else if path.extension().is_some_and(|ending| ending == "rs") && name != "tests" && name != "main" {
                    found.files.insert(found.module_of(&path), path);
                }
            }
        }
        for (module, path) in found.files.iter().filter(|(_, path)| found.is_face(path)) {
            for used in uses(&text_of(path)).into_iter().filter(|used| used.is_public) {
                let path = found.absolute(module, used.path);
                handed_on.insert((module.clone(), path.last().expect("a name").clone()), path);
            }
        }
        found.handed_on = handed_on;
        found
    }

    fn module_of(&self, path: &Path) -> Module {
        let inside = path.strip_prefix(&self.root).expect("it lies in it").with_extension("");
        let mut names: Module = inside.iter().map(|name| name.to_str().expect("plain names").to_owned()).collect();
        if matches!(names.last().map(String::as_str), Some("mod" | "lib")) {
            names.pop();
        }
        names
    }

    fn is_face(&self, path: &Path) -> bool {
        let name = path.file_name().and_then(|name| name.to_str());
        matches!(name, Some("mod.rs" | "lib.rs")) || path.with_extension("").is_dir()
    }

    /// A path as it is written in a module, from the root of the crate on.
    fn absolute(&self, module: &Module, path: Vec<String>) -> Vec<String> {
        let mut at = module.clone();
        let mut rest = path.into_iter().peekable();
        match rest.peek().map(String::as_str) {
            Some("crate") => at.clear(),
            Some("super" | "self") => {}
            // A module of its own, or one of another crate.
            _ => return at.into_iter().chain(rest).collect(),
        }
        while let Some(step) = rest.next_if(|step| matches!(step.as_str(), "crate" | "self" | "super")) {
            if step == "super" {
                at.pop();
            }
        }
        at.into_iter().chain(rest).collect()
    }

    /// The file that a path leads to; `None` if it leads to a face, or out of the crate.
    fn file_of(&self, path: &[String], hops: u32) -> Option<&Path> {
        let known = (0..=path.len()).rev().find(|&end| self.files.contains_key(&path[..end]))?;
        let (module, rest) = path.split_at(known);
        let file = self.files.get(module)?;
        if !self.is_face(file) {
            return Some(file);
        }
        let next = self.handed_on.get(&(module.to_vec(), rest.first()?.clone()))?;
        if hops == 0 || next == path { None } else { self.file_of(next, hops - 1) }
    }

    /// Which other files each file names.
    fn edges(&self) -> BTreeMap<&Path, BTreeSet<&Path>> {
        let mut edges = BTreeMap::new();
        for (module, path) in self.files.iter().filter(|(_, path)| !self.is_face(path)) {
            let text = text_of(path);
            let named = uses(&text).into_iter().map(|used| used.path).chain(inline(&text));
            let led = named.filter_map(|named| self.file_of(&self.absolute(module, named), 8));
            edges.insert(path.as_path(), led.filter(|&other| other != path).collect());
        }
        edges
    }
}

/// The text of a file without its comments and its tests.
fn text_of(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a source file");
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

struct Used {
    is_public: bool,
    path: Vec<String>,
}

/// Each name of each `use`, by its whole path; what it is renamed to does not matter.
fn uses(text: &str) -> Vec<Used> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("use ") {
        let line = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let before = text[line..at].trim();
        if before.is_empty() || before.starts_with("pub") {
            let tree = text[at + 4..].split(';').next().unwrap_or_default();
            let mut paths = Vec::new();
            spread(&mut Vec::new(), tree, &mut paths);
            found.extend(paths.into_iter().map(|path| Used { is_public: !before.is_empty(), path }));
        }
    }
    found
}

/// `a::{b, c::d}` as `a::b` and `a::c::d`.
fn spread(before: &mut Vec<String>, tree: &str, found: &mut Vec<Vec<String>>) {
    let tree = tree.trim();
    let (head, group) = match tree.split_once('{') {
        Some((head, group)) => (head, Some(group.trim_end().strip_suffix('}').unwrap_or(group))),
        None => (tree.split(" as ").next().unwrap_or_default(), None),
    };
    let had = before.len();
    before.extend(head.split("::").map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned));
    match group {
        Some(group) => parts(group).into_iter().for_each(|part| spread(before, part, found)),
        None => found.push(before.clone()),
    }
    before.truncate(had);
}

/// What stands between the commas of one level.
fn parts(group: &str) -> Vec<&str> {
    let (mut depth, mut begin, mut found) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(&group[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    found.push(&group[begin..]);
    found.retain(|part| !part.trim().is_empty());
    found
}

/// Paths in the code itself: `super::names::hash(…)`.
fn inline(text: &str) -> Vec<Vec<String>> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let words = text.split(|c| !is_name(c)).filter(|word| word.starts_with("super::") || word.starts_with("crate::"));
    words.map(|word| word.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect()).collect()
}

/// What is left when files that name none of the others, or that none names, are taken away again and again.
fn in_circles<'a>(mut edges: BTreeMap<&'a Path, BTreeSet<&'a Path>>) -> BTreeMap<&'a Path, BTreeSet<&'a Path>> {
    loop {
        let named: BTreeSet<&Path> = edges.values().flatten().copied().collect();
        let before = edges.len();
        edges.retain(|file, names| named.contains(file) && !names.is_empty());
        let left: BTreeSet<&Path> = edges.keys().copied().collect();
        edges.values_mut().for_each(|names| names.retain(|name| left.contains(name)));
        if edges.len() == before {
            return edges;
        }
    }
}

#[test]
fn no_files_name_each_other_in_a_circle() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let inner = ["codec", "functions"].map(|name| source.join(name));
    let [codec, functions] = inner.clone();
    for (root, without, known) in [
        (source, &inner[..], ("source/location.rs", "source/error.rs")),
        (codec, &[], ("decode/lines.rs", "decode/object.rs")),
        (functions, &[], ("times/recast.rs", "call.rs")),
    ] {
        let found = Crate::read(&root, without);
        let edges = found.edges();
        let (from, to) = (root.join(known.0), root.join(known.1));
        assert!(edges[from.as_path()].contains(to.as_path()), "a use that is there is seen: {edges:#?}");
        let circles = in_circles(edges);
        assert!(circles.is_empty(), "files in circles, and what they name of each other: {circles:#?}");
    }
}

#[test]
fn circles_are_found() {
    let [a, b, c] = ["a", "b", "c"].map(Path::new);
    let edges = |c_names: &[&'static Path]| {
        BTreeMap::from([(a, BTreeSet::from([b])), (b, BTreeSet::from([c])), (c, c_names.iter().copied().collect())])
    };
    assert!(in_circles(edges(&[])).is_empty());
    assert_eq!(in_circles(edges(&[a])).len(), 3);
    let named: Vec<_> =
        uses("pub use a::{b, c::{self, D as E}};\n").into_iter().map(|used| used.path.join("::")).collect();
    assert_eq!(named, ["a::b", "a::c::self", "a::c::D"]);
}
