//! The list of the reports that come with the program: every file of `sql/`, by name, as Rust for `src/report/pack.rs`.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=sql");
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo names the folder")).join("sql");
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder)? {
        files.push(entry?.path());
    }
    files.retain(|file| file.extension().is_some_and(|extension| extension == "sql"));
    files.sort_by_key(|file| name(file));
    let mut list = String::from("&[\n");
    for file in &files {
        // The folder is found when the program is compiled: the checkout may lie elsewhere by then.
        let path = format!("/sql/{}.sql", name(file));
        writeln!(list, "    ({:?}, include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {path:?}))),", name(file))
            .expect("a string takes all");
    }
    list.push_str("]\n");
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo names the folder"));
    fs::write(out.join("reports.rs"), list)
}

/// A report is called as its file is.
fn name(file: &Path) -> String {
    file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}
