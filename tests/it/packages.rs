//! What is given away, as far as it can be told without a release build: the wheel installs a program, and the licences
//! and the bill of materials name all that the program is made of. `packaging/release.sh` tries the rest.

use std::collections::BTreeMap;
use std::env::consts::ARCH;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::pypi;

/// Every file of a wheel but its record has its checksum there; pip does not look.
const RECORDED: &str = r#"
import base64, csv, hashlib, sys, zipfile
wheel = zipfile.ZipFile(sys.argv[1])
record = next(name for name in wheel.namelist() if name.endswith('.dist-info/RECORD'))
rows = {row[0]: row[1:] for row in csv.reader(wheel.read(record).decode().splitlines())}
assert sorted(rows) == sorted(wheel.namelist()), rows
assert rows.pop(record) == ['', '']
for name, (checksum, size) in rows.items():
    data = wheel.read(name)
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip('=')
    assert (checksum, size) == (f'sha256={digest}', str(len(data))), name
"#;

/// What stands before each number of a text in the list of licences.
const RULE: &str = "\n==================== [";

const STAND_IN: &str = "#!/bin/sh\necho stand-in: \"$@\"\n";

/// What a script of `packaging/release` prints.
fn says(script: &str, arguments: &[&str]) -> String {
    let script = format!("{}/packaging/release/{script}", env!("CARGO_MANIFEST_DIR"));
    said(Command::new("python3").arg(script).args(arguments))
}

fn said(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
#[cfg_attr(not(all(target_os = "linux", target_env = "gnu")), ignore = "pip takes no wheel of glibc here")]
fn a_wheel_installs_the_program_and_what_it_is_made_of() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let place = |name: &str| folder.path().join(name).to_str().expect("plain names").to_owned();
    for (name, text) in [("program", STAND_IN), ("licences", "every licence\n"), ("sbom", "{}\n")] {
        fs::write(place(name), text).expect("it is writable");
    }
    let wheel = || says("wheel.py", &[&place("program"), ARCH, &place(""), &place("licences"), &place("sbom")]);
    let path = wheel().trim().to_owned();
    let name = format!("flowlake-{}-py3-none-manylinux_2_28_{ARCH}.whl", env!("CARGO_PKG_VERSION"));
    assert_eq!(Path::new(&path).file_name().and_then(|name| name.to_str()), Some(name.as_str()));
    let first = fs::read(&path).expect("a wheel");
    wheel();
    assert!(first == fs::read(&path).expect("a wheel"), "the same files gave other bytes");

    let venv = folder.path().join("venv");
    pypi::install(&venv, &["--no-index", &path]);
    let program = venv.join("bin/flowlake");
    assert_eq!(said(Command::new(&program).args(["demo", "here"])), "stand-in: demo here\n");
    assert_eq!(fs::metadata(&program).expect("it is there").permissions().mode() & 0o111, 0o111);
    let asked = "import importlib.metadata as m; f = m.distribution('flowlake'); print(f.version); \
                 [print(p.name, p.locate().stat().st_size) for p in f.files if '.dist-info/' in str(p)]";
    let installed = said(Command::new(venv.join("bin/python")).args(["-c", asked]));
    let licence = fs::metadata(concat!(env!("CARGO_MANIFEST_DIR"), "/LICENSE")).expect("a licence").len();
    assert_eq!(installed.lines().next(), Some(env!("CARGO_PKG_VERSION")));
    for line in [&format!("LICENSE {licence}"), "THIRD-PARTY.txt 14", "flowlake.cdx.json 3"] {
        assert!(installed.lines().any(|installed| installed == line), "no {line} among\n{installed}");
    }
    said(Command::new(venv.join("bin/python")).args(["-c", RECORDED, &path]));
}

/// Checksums by name and version, of the crates in Cargo.lock that come from a registry.
fn locked() -> BTreeMap<(String, String), String> {
    let lock = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock")).expect("a lock");
    let entries = lock.split("[[package]]").skip(1).filter_map(|entry| {
        let value = |key: &str| {
            let line = entry.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \""))?;
            Some(line.trim_end_matches('"').to_owned())
        };
        Some(((value("name")?, value("version")?), value("checksum")?))
    });
    entries.collect()
}

#[test]
fn licences_and_bill_name_every_crate_that_the_program_is_made_of() {
    let cargo = said(Command::new(env!("CARGO")).arg("-vV"));
    let target = cargo.lines().find_map(|line| line.strip_prefix("host: ")).expect("cargo names its host");
    let bill: Value = serde_json::from_str(&says("crates.py", &["sbom", target])).expect("JSON");
    let licences = says("crates.py", &["licences", target]);

    let (lines, texts) = licences.split_once(RULE).expect("a list, and then texts");
    let texts: BTreeMap<String, &str> = texts
        .split(RULE)
        .filter_map(|text| text.split_once(" ="))
        .map(|(number, text)| (format!("[{number}"), text))
        .collect();
    let lines: BTreeMap<&str, &str> = lines.lines().filter_map(|line| line.split_once(": ")).collect();

    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let components = bill["components"].as_array().expect("components");
    let listed: BTreeMap<(String, String), &Value> =
        components.iter().map(|crate_| ((text(&crate_["name"]), text(&crate_["version"])), crate_)).collect();
    let locked = locked();
    for ((name, version), component) in &listed {
        // flowlake's own crates come from no registry, and have no checksum.
        let checksum = locked.get(&(name.clone(), version.clone()));
        let is_own = name.starts_with("flowlake-");
        assert_eq!(checksum.is_some(), !is_own, "{name} {version} is not in Cargo.lock");
        assert_eq!(component["hashes"][0]["content"].as_str(), checksum.map(String::as_str), "{name} {version}");
        assert!(component["licenses"][0]["expression"].is_string(), "{name} has no licence");

        // Some files only say which other ones hold.
        let line =
            lines.get(format!("{name} {version}").as_str()).unwrap_or_else(|| panic!("no licence of {name} {version}"));
        let cited = line.split(' ').filter(|word| word.starts_with('['));
        let longest = cited.map(|number| texts[number].trim().len()).max();
        assert!(longest.is_some_and(|bytes| bytes > 300), "{name} cites no licence: {line}");
    }

    // Another witness than cargo: the program names the sources of many crates, in the places of its panics.
    let checked = says("crates.py", &["check", target, env!("CARGO_BIN_EXE_flowlake")]);
    assert!(checked.contains(&format!("all of them among the {} listed", listed.len())), "{checked}");
    for test in ["proptest", "insta", "divan", "rcgen"] {
        assert!(!listed.keys().any(|(name, _)| name == test), "{test} is of the tests");
    }
}
