//! Options that nobody typed: named lakes, the environment, which file is read, what it may not say, and what `config`
//! shows.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use crate::lab::{Lab, Said, said};

const LOG: &str = "version srcaddr start\n2 10.0.0.1 1694735970\n2 10.0.0.2 1694735971\n";

const COUNT: &str = "SELECT count(*) AS n FROM flow_logs";

/// Lakes as a file in the lab's root names them.
const LAKES: &str = "[lakes.prod]\nlake = \"lake\"\nsources = [\"logs\"]\n";

/// The program in a folder, with the files and variables that a user's shell would give it.
fn run(lab: &Lab, folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Said {
    let mut command = lab.program(arguments);
    command.env_remove("FLOWLAKE_CONFIG").envs(variables.iter().copied()).current_dir(folder);
    said(command.output().expect("the program starts"))
}

/// A lab with two records, and its root.
fn lab() -> (Lab, PathBuf) {
    let lab = Lab::on_disk();
    lab.put_gz("logs/a.log.gz", LOG);
    let root = lab.path("");
    (lab, root)
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a file has a folder")).expect("the lab is writable");
    fs::write(path, text).expect("the lab is writable");
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).expect("the lab owns its files");
}

#[test]
fn a_named_lake_is_converted_and_asked() {
    let (lab, root) = lab();
    write(&root.join("flowlake.toml"), &format!("{LAKES}memory = \"1GiB\"\n"));
    let done = run(&lab, &root, &[], &["convert", "@prod", "--json"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert_eq!(done.stderr, "from ./flowlake.toml: source ./logs, lake ./lake, --memory 1GiB\n");
    assert_eq!(lab.rows_of("lake").len(), 2);
    let asked = run(&lab, &root, &[("FLOWLAKE_FORMAT", "csv")], &["query", "@prod", COUNT]);
    assert_eq!((asked.code, asked.stdout.as_str()), (0, "n\n2\n"), "{}", asked.stderr);
    // Typed once, everything is as it was.
    let asked = run(&lab, &root, &[("FLOWLAKE_FORMAT", "csv")], &["query", "@prod", COUNT, "--format", "json"]);
    assert_eq!(asked.stdout.trim(), "[{\"n\":2}]", "{}", asked.stderr);
    let verified = run(&lab, &root, &[], &["verify", "@prod", "@prod"]);
    assert_eq!(verified.code, 0, "{}", verified.stderr);
    let again = run(&lab, &root, &[], &["convert", "logs", "@prod", "--full-scan"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert_eq!(lab.rows_of("lake").len(), 2);
}

#[test]
fn an_unknown_name_lists_the_known_ones_and_where_they_were_looked_for() {
    let (lab, root) = lab();
    write(&root.join("flowlake.toml"), LAKES);
    let settings = lab.temporary().join(".config/flowlake/flowlake.toml").display().to_string();
    let unknown = run(&lab, &root, &[], &["query", "@pord", COUNT]);
    assert_eq!(unknown.code, 2);
    assert_eq!(
        unknown.stderr,
        format!(
            "error: @pord is no lake of flowlake.toml; did you mean @prod? known: @prod (./flowlake.toml: read, \
             {settings}: not read, another one comes first); a path that begins with @ is written ./@pord\n"
        )
    );
    fs::create_dir(root.join("@pord")).expect("the lab is writable");
    let path = run(&lab, &root, &[], &["query", "./@pord", COUNT]);
    assert!(path.code == 1 && path.stderr.contains("/@pord/"), "{}", path.stderr);
}

#[test]
fn the_first_file_is_read_and_no_other() {
    let (lab, root) = lab();
    let (here, xdg) = (root.join("flowlake.toml"), lab.temporary().join("xdg"));
    let settings = xdg.join("flowlake/flowlake.toml");
    let format = |format: &str| format!("[query]\nformat = \"{format}\"\n");
    let list = |variables: &[(&str, &str)]| {
        let asked = run(&lab, &root, variables, &["query", "lake", COUNT]);
        assert_eq!(asked.code, 0, "{}", asked.stderr);
        asked.stdout.trim().to_owned()
    };
    lab.convert(&[], 0);
    let home = [("XDG_CONFIG_HOME", xdg.to_str().expect("plain names"))];
    write(&settings, &format("ndjson"));
    assert_eq!(list(&home), "{\"n\":2}");
    write(&here, &format("json"));
    assert_eq!(list(&home), "[{\"n\":2}]");
    let named = root.join("other.toml");
    write(&named, &format("csv"));
    assert_eq!(list(&[home[0], ("FLOWLAKE_CONFIG", "other.toml")]), "n\n2");
    assert!(list(&[home[0], ("FLOWLAKE_CONFIG", "")]).contains("+---+"));
    let gone = run(&lab, &root, &[("FLOWLAKE_CONFIG", "gone.toml")], &["query", "lake", COUNT]);
    assert_eq!((gone.code, gone.stderr.as_str()), (2, "error: gone.toml: it cannot be read: entity not found\n"));
    // In the folder of settings itself, its file is the user's.
    write(&settings, "spill = \"spill\"\n");
    let own = run(&lab, &xdg.join("flowlake"), &home, &["config", "query"]);
    assert!(own.code == 0 && own.stdout.contains("xdg/flowlake/spill"), "{}{}", own.stdout, own.stderr);
}

#[test]
fn a_file_that_others_can_have_written_is_refused() {
    let (lab, root) = lab();
    let file = root.join("flowlake.toml");
    write(&file, LAKES);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).expect("the lab owns its files");
    let refused = |arguments: &[&str], why: &str| {
        let said = run(&lab, &root, &[], arguments);
        assert_eq!(said.code, 2, "{}", said.stderr);
        assert!(said.stderr.contains("./flowlake.toml: ") && said.stderr.contains(why), "{}", said.stderr);
    };
    refused(&["query", "lake", COUNT], "other users may change it (mode 666)");
    refused(&["config"], "other users may change it (mode 666)");
    // Commands that take no options do not read it.
    assert_eq!(run(&lab, &root, &[], &["completions", "bash"]).code, 0);
    assert_eq!(run(&lab, &root, &[], &["query", "--help"]).code, 0);
    write(&file, &"# a long file\n".repeat(100_000));
    refused(&["query", "lake", COUNT], "more than 1048576 bytes");
    fs::remove_file(&file).expect("it is there");
    fs::create_dir(&file).expect("the lab is writable");
    refused(&["query", "lake", COUNT], "it is no file");
}

#[test]
#[ignore = "needs root, to give a file to another user"]
fn a_file_or_link_of_another_user_is_refused() {
    let (lab, root) = lab();
    let file = root.join("flowlake.toml");
    write(&file, LAKES);
    chown(&file, Some(65_534), None).expect("root may");
    let asked = |variables: &[(&str, &str)]| run(&lab, &root, variables, &["query", "lake", COUNT]);
    let refused = asked(&[]);
    assert!(
        refused.code == 2 && refused.stderr.contains("belongs to another user (number 65534)"),
        "{}",
        refused.stderr
    );
    // Root in a container names a file of its host.
    assert_eq!(asked(&[("FLOWLAKE_CONFIG", "flowlake.toml")]).code, 1);
    fs::rename(&file, root.join("mine.toml")).expect("it is there");
    chown(root.join("mine.toml"), Some(0), None).expect("root may");
    symlink("mine.toml", &file).expect("the lab is writable");
    assert_eq!(asked(&[]).code, 1);
    std::os::unix::fs::lchown(&file, Some(65_534), None).expect("root may");
    assert_eq!(asked(&[]).code, 2);
}

#[test]
fn the_file_of_a_folder_sets_nothing_that_leads_elsewhere() {
    let (lab, root) = lab();
    let file = root.join("flowlake.toml");
    for (text, why) in [
        ("[lakes.prod]\nlake = \"s3://b/\"\nlake-option = [\"endpoint=http://evil\"]\n", "line 3: endpoint of a store"),
        ("source-option = \"role_arn=arn:aws:iam::1:role/r\"\n", "line 1: role_arn of a store"),
        ("lake-option = \"AWS-Region=a.evil.example/\"\n", "line 1: the region is no name"),
        ("[query]\nspill = \"/home\"\n", "line 2: `spill` is not taken from the file of the current folder"),
        ("follow-links = true\n", "line 1: `follow-links`"),
    ] {
        write(&file, text);
        let said = run(&lab, &root, &[], &["query", "lake", COUNT]);
        assert_eq!(said.code, 2, "{text}: {}", said.stderr);
        assert!(
            said.stderr.starts_with("error: ./flowlake.toml line ") && said.stderr.contains(why),
            "{}",
            said.stderr
        );
        // Named, it is the user's own word.
        let said = run(&lab, &root, &[("FLOWLAKE_CONFIG", "flowlake.toml")], &["config"]);
        assert_eq!(said.code, 0, "{text}: {}", said.stderr);
    }
    write(&file, "lake-option = [\"region=eu-west-1\", \"timeout=9s\"]\n");
    assert_eq!(run(&lab, &root, &[], &["config"]).code, 0);
}

#[test]
fn secrets_in_a_file_are_refused_and_never_told() {
    let (lab, root) = lab();
    for text in [
        "[lakes.prod]\nlake = \"s3://b/\"\nsecret_access_key = \"hunter2\"\n",
        "[lakes.prod]\nlake = \"https://ana:hunter2@host/b\"\n",
        "source-option = [\"session_token=hunter2\"]\n",
        "secret_access_key = \"hunter2\n",
    ] {
        write(&root.join("own.toml"), text);
        for arguments in [&["config"][..], &["query", "@prod", COUNT]] {
            let said = run(&lab, &root, &[("FLOWLAKE_CONFIG", "own.toml")], arguments);
            assert_eq!(said.code, 2, "{text}: {}", said.stderr);
            assert!(!said.stderr.contains("hunter2") && said.stdout.is_empty(), "{}{}", said.stdout, said.stderr);
        }
    }
    let secret = [("FLOWLAKE_LAKE_OPTION", "secret_access_key=hunter2,region=eu-west-1")];
    let shown = run(&lab, &root, &secret, &["config", "query"]);
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    assert!(shown.stdout.contains("secret_access_key=…, region=eu-west-1"), "{}", shown.stdout);
}

#[test]
fn what_is_in_force_is_shown_as_in_the_golden_text() {
    let (lab, root) = lab();
    let text = format!("memory = \"1GiB\"\n\n[query]\nformat = \"csv\"\n\n{LAKES}lookback = \"5d\"\n");
    write(&root.join("flowlake.toml"), &text);
    let variables = [("FLOWLAKE_THREADS", "2")];
    let mut shown = String::new();
    for arguments in [&["config"][..], &["config", "@prod"], &["config", "repair"], &["config", "query", "@prod"]] {
        let said = run(&lab, &root, &variables, arguments);
        assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{arguments:?}");
        shown.extend([&format!("$ flowlake {}\n", arguments.join(" ")), said.stdout.as_str(), "\n"]);
    }
    let shown = shown.replace(&lab.temporary().display().to_string(), "/home/ana");
    crate::golden::assert_golden("config.txt", &shown);
    for (arguments, why) in [
        (&["config", "quary"][..], "\"quary\" is no command that takes options; did you mean query?"),
        (&["config", "query", "prod"], "\"prod\" is no @NAME of a lake; write @prod"),
        (&["config", "@dev"], "known: @prod"),
    ] {
        let said = run(&lab, &root, &variables, arguments);
        assert!(said.code == 2 && said.stderr.contains(why), "{arguments:?}: {}", said.stderr);
    }
}

#[test]
fn a_bad_value_says_where_it_comes_from() {
    let (lab, root) = lab();
    write(&root.join("flowlake.toml"), "\n[convert]\ncompression = \"lzma\"\n");
    let said = run(&lab, &root, &[("FLOWLAKE_SINCE", "yesterday")], &["convert", "logs", "lake"]);
    assert!(said.code == 2 && said.stderr.contains("(hint: --since comes from FLOWLAKE_SINCE)"), "{}", said.stderr);
    let said = run(&lab, &root, &[], &["convert", "logs", "lake"]);
    assert!(said.stderr.contains("(hint: --compression comes from ./flowlake.toml line 3)"), "{}", said.stderr);
}

#[test]
fn completions_and_pages_hold_the_variables_and_the_new_command() {
    let (lab, root) = lab();
    let bash = run(&lab, &root, &[], &["completions", "bash"]);
    assert!(bash.code == 0 && bash.stdout.contains("flowlake__subcmd__config"), "{}", bash.stderr);
    let man = run(&lab, &root, &[], &["man", "man"]);
    assert_eq!(man.code, 0, "{}", man.stderr);
    let page = fs::read_to_string(root.join("man/flowlake-convert.1")).expect("a page");
    assert!(page.contains("[env: FLOWLAKE_LOOKBACK]"), "{page}");
    assert!(root.join("man/flowlake-config.1").is_file());
}
