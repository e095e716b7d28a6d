//! The shell of `flowlake query` on a pseudo-terminal: every command, what fits the terminal, keys, and new commits.

use std::process::Command;

use crate::lab::Lab;
use crate::query::{DEFAULT, key, small};

/// Types into the shell on a terminal of 80 columns, and gives all that it showed.
pub(crate) fn shell(lab: &Lab, typed: &[&str]) -> String {
    on_terminal(lab, "80x24", &["query", "{}lake"], &[], typed)
}

pub(crate) fn on_terminal(
    lab: &Lab,
    size: &str,
    arguments: &[&str],
    variables: &[(&str, &str)],
    typed: &[&str],
) -> String {
    typed_into(&lab.program(arguments), size, variables, typed)
}

fn typed_into(program: &Command, size: &str, variables: &[(&str, &str)], typed: &[&str]) -> String {
    let mut python = Command::new("python3");
    python
        .args([concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/shell.py"), size])
        .arg(program.get_program())
        .args(program.get_args())
        .arg("--")
        .args(typed);
    for (name, value) in program.get_envs() {
        python.env(name, value.unwrap_or_default());
    }
    let output = python.env("TERM", "xterm").envs(variables.iter().copied()).output().expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What stays of a line on which was drawn how far a statement is.
pub(crate) fn undrawn(line: &str) -> &str {
    line.rsplit("\r\u{1b}[2K").next().unwrap_or(line)
}

/// The lines that the program wrote, without those on which was typed.
fn lines(shown: &str) -> Vec<&str> {
    shown.lines().map(undrawn).filter(|line| !line.contains("flowlake> ") && !line.contains('\u{1b}')).collect()
}

pub(crate) fn assert_shows(shown: &str, expected: &[&str]) {
    for expected in expected {
        assert!(shown.contains(expected), "`{expected}` is missing:\n{shown}");
    }
}

#[test]
fn it_takes_lines_commands_and_completes_names() {
    let lab = small();
    let shown = shell(
        &lab,
        &[
            "\\d\r",
            "\\d lake.rejects\r",
            "\\d flow_log\r",
            "\\timing\r",
            "SELECT count(*) AS n\rFROM flow_logs;\r",
            "SELECT dstpo\t FROM flow_logs LIMIT 1;\r",
            "SELECT x;\r",
            "SELECT 1 AS one,\r  dstprt FROM flow_logs;\r",
            "\\nonsense\r",
            "\\format csv\r",
            "\\format parquet\r",
            "SELECT 41 + 1 AS answer; SELECT 'a;b' AS text;\r",
            "\\?\r",
            "\\q\r",
        ],
    );
    let places =
        ["there is no column `dstprt`", "  2 |   dstprt FROM flow_logs", "    |   ^", "did you mean `dstport`?"];
    assert_shows(&shown, &places);
    let expected = [
        "600 records in ",
        "lake.objects",
        "offset",
        "did you mean `flow_logs`?",
        "timing is on",
        "| 600 |",
        "1 row in ",
        "| dstport |",
        "there is no column `x`",
        "there is no `\\nonsense`",
        "parquet is no text for a terminal",
        "answer\r\n42",
        "text\r\na;b",
        "\\report NAME [OPTIONS]",
    ];
    assert_shows(&shown, &expected);
    let history = std::fs::read_to_string(lab.temporary().join(".local/state/flowlake/history")).expect("a history");
    assert!(history.contains("SELECT 41 + 1 AS answer;"), "{history}");
}

#[test]
fn a_terminal_shows_what_fits_and_says_what_it_leaves_out() {
    let lab = small();
    let all = "SELECT * FROM flow_logs ORDER BY start;\r";
    for (size, width) in [("60x20", 60), ("80x24", 80), ("120x40", 120)] {
        let shown = on_terminal(&lab, size, &["query", "{}lake"], &[], &[all, "\\q\r"]);
        let is_row = |line: &&str| line.starts_with(['|', '+']);
        let wide: Vec<&str> =
            lines(&shown).into_iter().filter(is_row).filter(|line| line.chars().count() > width).collect();
        assert!(wide.is_empty(), "{wide:?}\n{shown}");
        assert_shows(&shown, &["| … |", "columns are left out", "the first 100 rows; \\rows N shows more"]);
        assert_eq!(lines(&shown).iter().filter(|line| line.starts_with("|       2 |")).count(), 100, "{shown}");
    }
    let typed = ["\\rows 3\r", all, "\\rows\r", "\\rows all\r", all, "\\rows none\r", "\\format csv\r", all, "\\q\r"];
    let shown = on_terminal(&lab, "400x24", &["query", "{}lake"], &[], &typed);
    let rows = |start: &str| lines(&shown).iter().filter(|line| line.starts_with(start)).count();
    assert_eq!((rows("|       2 |"), rows("2,012345678901,")), (603, 600), "{shown}");
    assert_shows(&shown, &["the first 3 rows; \\rows N shows more", "3 rows at most", "`none` is no number of rows"]);
    // Without the shell there is no end to the rows, and off a terminal nothing is cut.
    let one = ["query", "{}lake", "SELECT * FROM flow_logs"];
    let shown = on_terminal(&lab, "80x24", &one, &[], &[]);
    assert_eq!(lines(&shown).iter().filter(|line| line.starts_with("|       2 |")).count(), 600, "{shown}");
    assert_shows(&shown, &["| … |", "--format line shows all"]);
    let piped = lab.run(&one);
    assert!(!piped.stdout.contains('…') && piped.stdout.contains("| log_object "), "{}", piped.stdout);
    assert_eq!((piped.stdout.lines().count(), piped.stderr.as_str()), (604, ""));
}

#[test]
fn a_row_may_be_a_block_of_lines() {
    let lab = small();
    let statement = "SELECT srcaddr, dstport FROM flow_logs ORDER BY start LIMIT 2;\r";
    let shown = shell(&lab, &["\\x\r", statement, "\\x\r", statement, "\\q\r"]);
    assert_shows(
        &shown,
        &["srcaddr = 10.0.0.0\r\ndstport = 22\r\n\r\nsrcaddr = 10.0.0.1\r\n", "| srcaddr  | dstport |"],
    );
    let said = lab.run(&["query", "{}lake", "SELECT 1 AS one, 'x' AS longer", "--format", "line"]);
    assert_eq!((said.code, said.stdout.as_str()), (0, "   one = 1\nlonger = x\n"));
    let said = lab.run(&["report", "{}lake", "totals", "--format", "line"]);
    assert!(said.code == 0 && said.stdout.contains("     records = 600\n"), "{}{}", said.stdout, said.stderr);
}

#[test]
fn reports_are_listed_and_asked_over_the_whole_lake_afterwards() {
    let lab = small();
    let shown = shell(
        &lab,
        &[
            "\\reports refused\r",
            "\\reports weather\r",
            "\\report rejected-by-port --since 2023-09-14 --until 2023-09-14 --top 1\r",
            "SELECT count(*) AS n FROM flow_logs;\r",
            "\\report traffic-from-source --param source=10.0.1.5 --top 1\r",
            "\\report new-rejected-ports --against 1d\r",
            "SELECT count(*) AS n FROM flow_logs_before;\r",
            "\\report rejected-by-prt\r",
            "\\report totals --nonsense\r",
            "\\x\r",
            "\\report totals\r",
            "\\q\r",
        ],
    );
    let expected = [
        "What was refused\r\n",
        "the theme `weather` is none of refused, suspicious",
        "Rejected traffic by port, 2023-09-14 00:00:00 to 2023-09-15 00:00:00 (UTC)\r\n+-",
        "| 600 |",
        "against the 1day before",
        "there is no table `flow_logs_before`",
        "did you mean `rejected-by-port`?",
        "unexpected argument '--nonsense'",
        "     records = 600\r\n",
    ];
    assert_shows(&shown, &expected);
    assert!(!shown.contains("What flows\r\n"), "only one theme:\n{shown}");
}

#[test]
fn a_table_of_ones_own_is_back_after_a_report_that_has_its_name() {
    let lab = small();
    let file = lab.temporary().join("own.csv");
    std::fs::write(&file, "name\nkept\n").expect("the lab's own folder");
    let own = format!("flow_logs_before={}", file.display());
    let typed = ["\\report new-rejected-ports --against 1d\r", "SELECT name FROM flow_logs_before;\r", "\\q\r"];
    let shown = on_terminal(&lab, "80x24", &["query", "{}lake", "--table", &own], &[], &typed);
    assert_shows(&shown, &["against the 1day before", "| kept |"]);
}

#[test]
fn nothing_is_drawn_over_a_pager() {
    let lab = small();
    // It reads the first rows, and no more for a while. The pipe holds less than all, so that the statement goes on.
    let pager = r#""$0" "$@" | { head -c 1 >/dev/null; sleep 0.5; echo paging >&2; sleep 2; cat >/dev/null; }"#;
    let statement = "SELECT value FROM generate_series(1, 200000)";
    let program = lab.program_under(&["sh", "-c", pager], &["query", "{}lake", statement]);
    let shown = typed_into(&program, "80x24", &[], &[]);
    let (_, below) = shown.split_once("paging").expect("the pager says so");
    assert_eq!(below.trim(), "", "{shown:?}");
}

#[test]
fn functions_are_explained() {
    let lab = small();
    let shown = shell(&lab, &["\\h ip_prefix\r", "\\h\r", "\\h count\r", "\\h date_trunk\r", "\\q\r"]);
    let expected = [
        "  ip_prefix(address [, bits])\r\n      the network of an address",
        "For flow logs\r\n",
        "  service_port(srcport, dstport [, tcp_flags])\r\n",
        "Of groups of rows\r\n",
        "  count(expression)\r\n",
        "there is no function `date_trunk` (did you mean `date_trunc`?)",
    ];
    assert_shows(&shown, &expected);
    let is_wide = |line: &&str| line.chars().count() > 80 && !line.starts_with("error:");
    let wide: Vec<&str> = lines(&shown).into_iter().filter(is_wide).collect();
    assert!(wide.is_empty(), "{wide:?}");
}

#[test]
fn what_is_typed_has_colours_unless_they_are_not_wanted() {
    let lab = small();
    let typed = ["SELECT 'x' AS text;\r", "\\q\r"];
    let shown = shell(&lab, &typed);
    assert_shows(&shown, &["\u{1b}[1;34mSELECT\u{1b}[0m", "\u{1b}[32m'x'\u{1b}[0m"]);
    let shown = on_terminal(&lab, "80x24", &["query", "{}lake"], &[("NO_COLOR", "1")], &typed);
    assert!(!shown.contains("\u{1b}[1;34m") && !shown.contains("\u{1b}[32m"), "{shown}");
    assert_shows(&shown, &["| x    |"]);
}

#[test]
fn ctrl_c_ends_the_query_or_clears_the_line_and_ctrl_d_leaves() {
    let lab = small();
    let endless = "SELECT sum(value % 7) FROM generate_series(1, 4000000000000);\r~";
    let file = lab.temporary().join("loop.sql");
    std::fs::write(&file, endless.trim_end_matches("\r~")).expect("the lab's own folder");
    let include = format!("\\i {}\r~", file.display());
    let typed =
        [endless, "^C", "SELECT nonsense\r~", "^C", "SELECT 41 + 1 AS answer;\r", &include, "^C", "\\timing\r", "^D"];
    let shown = shell(&lab, &typed);
    assert_eq!(shown.matches("cancelled").count(), 2, "{shown}");
    assert_shows(&shown, &["|     42 |", "timing is on", "rows; Ctrl-C ends it"]);
    assert!(!shown.contains("there is no column"), "a line that is cleared is not asked:\n{shown}");
}

#[test]
fn commits_are_seen_without_leaving() {
    let lab = small();
    let line = "2 012345678901 eni-1 10.9.9.9 203.0.113.1 1 2 6 1 60 1694563200 1694563260 ACCEPT OK\n";
    lab.put_gz(&key(14, 77), &format!("{DEFAULT}\n{line}"));
    let convert = lab.program(&["convert", "{}logs/", "{}lake/", "--lookback", "3650d"]);
    let quoted = |text: &std::ffi::OsStr| format!("'{}'", text.to_string_lossy());
    let words: Vec<String> = std::iter::once(convert.get_program()).chain(convert.get_args()).map(quoted).collect();
    // Code 3: the lake has set something aside before.
    let beside = format!("!{} || [ $? = 3 ]", words.join(" "));
    let accounts = lab.temporary().join("own.csv");
    std::fs::write(&accounts, "name\nkept\n").expect("the lab's own folder");
    let own = format!("own={}", accounts.display());
    let count = "SELECT count(*) AS n, count(DISTINCT name) AS names FROM flow_logs CROSS JOIN own;\r";
    let shown =
        on_terminal(&lab, "80x24", &["query", "{}lake", "--table", &own], &[], &[count, &beside, count, "\\q\r"]);
    assert_shows(&shown, &["| 600 |     1 |", "the lake has changed: 601 records now", "| 601 |     1 |"]);
}
