//! The command line as scripts and people know it: names of commands and flags, and where help says what.

use crate::lab::Lab;

const CONVERT_FLAGS: [&str; 21] = [
    "--copies",
    "--since",
    "--until",
    "--log-account",
    "--log-region",
    "--lookback",
    "--full-scan",
    "--format",
    "--partition-by",
    "--scratch",
    "--compression",
    "--file-size",
    "--threads",
    "--memory",
    "--stop-after",
    "--source-option",
    "--lake-option",
    "--dry-run",
    "--progress",
    "--json",
    "--help",
];

#[test]
fn help_names_every_command_and_flag() {
    let lab = Lab::on_disk();
    let help = lab.run(&["--help"]);
    assert_eq!(help.code, 0);
    for command in
        ["convert", "sample", "inspect", "rejects", "verify", "repair", "query", "report", "dashboard", "demo"]
    {
        assert!(help.stdout.contains(command), "{}", help.stdout);
    }
    let convert = lab.run(&["convert", "--help"]);
    for flag in CONVERT_FLAGS {
        assert!(convert.stdout.contains(flag), "{flag} is missing:\n{}", convert.stdout);
    }
    assert!(convert.stdout.contains("Usage: flowlake convert [OPTIONS] <SOURCE>... <LAKE>"), "{}", convert.stdout);
    assert!(convert.stdout.contains("75 another run on this"), "{}", convert.stdout);
}

#[test]
fn bad_usage_is_2_and_says_what_is_right() {
    let lab = Lab::on_disk();
    for (arguments, hint) in [
        (vec!["convert", "only-one"], "Usage"),
        (vec!["convert", "a", "b", "--since", "yesterday"], "write a date"),
        (vec!["convert", "a", "b", "--compression", "lzma"], "zstd"),
        (vec!["convert", "a", "b", "--file-size", "12parsecs"], "256MiB"),
    ] {
        let said = lab.run(&arguments);
        assert_eq!(said.code, 2, "{arguments:?}: {}", said.stderr);
        assert!(said.stderr.contains(hint), "{arguments:?}: {}", said.stderr);
    }
}
