//! Files of the shell of `flowlake query`: what `\i` reads, what `\o` writes, and what is left when something fails.

use crate::lab::Lab;
use crate::query::small;
use crate::shell::{assert_shows, shell};

fn path(lab: &Lab, name: &str) -> String {
    lab.temporary().join(name).display().to_string()
}

fn typed(lab: &Lab, lines: &[String]) -> String {
    shell(lab, &lines.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn files_are_read_and_written() {
    let lab = small();
    let file = |name: &str, text: &str| {
        let path = lab.temporary().join(name);
        std::fs::write(&path, text).expect("the lab's own folder");
        path.display().to_string()
    };
    let inner = file("in ner.sql", "SELECT 'in; side' AS place; -- said\n\\timing\n");
    let outer = file("outer.sql", &format!("-- a head\n\\i '{inner}'\nSELECT 6 *\n 7 AS answer"));
    let wrong = file("wrong.sql", "SELECT 1 AS fine;\n\nSELECT x;\nSELECT 'never' AS seen;\n");
    let itself = lab.temporary().join("itself.sql").display().to_string();
    std::fs::write(&itself, format!("\\i {itself}\n")).expect("the lab's own folder");
    let answers = lab.temporary().join("answers.csv").display().to_string();
    let table = lab.temporary().join("table.txt").display().to_string();
    let inside = lab.path("lake/x.csv").display().to_string();
    let typed = [
        format!("\\i {outer}\r"),
        format!("\\i {wrong}\r"),
        format!("\\i {itself}\r"),
        "\\i nothing-there.sql\r".to_owned(),
        "\\i\r".to_owned(),
        format!("\\o {table}\r"),
        "SELECT * FROM flow_logs;\r".to_owned(),
        "\\format csv\r".to_owned(),
        format!("\\o {answers}\r"),
        "SELECT count(*) AS n FROM flow_logs;\r".to_owned(),
        "SELECT dstport FROM flow_logs WHERE dstport = 22;\r".to_owned(),
        "\\o\r".to_owned(),
        "SELECT 'on the terminal' AS place;\r".to_owned(),
        format!("\\o {inside}\r"),
        "\\q\r".to_owned(),
    ];
    let shown = shell(&lab, &typed.iter().map(String::as_str).collect::<Vec<_>>());
    let expected = [
        "| in; side |",
        "timing is on",
        "|     42 |",
        "wrong.sql line 3: error: there is no column `x`",
        "files are read 16 deep at most",
        "nothing-there.sql: No such file",
        "write \\i FILE",
        "600 rows to ",
        "place\r\non the terminal",
        "lies in the lake",
    ];
    assert_shows(&shown, &expected);
    assert!(!shown.contains("never"), "{shown}");
    let written = std::fs::read_to_string(&answers).expect("\\o wrote it");
    // Of the 200 rows of a day every third is of port 22.
    assert_eq!(written.lines().count(), 2 + 1 + 3 * 67, "{written}");
    assert!(written.starts_with("n\n600\ndstport\n22\n"), "{written}");
    let whole = std::fs::read_to_string(&table).expect("another \\o ended it");
    assert!(whole.lines().count() == 604 && !whole.contains('…'), "a file has all rows and columns");
}

#[test]
fn a_file_with_a_part_of_an_answer_is_told_from_a_whole_one() {
    let lab = small();
    let (part, whole) = (path(&lab, "part.csv"), path(&lab, "whole.csv"));
    let lines = [
        "\\format csv\r".to_owned(),
        format!("\\o {part}\r"),
        "SELECT 10 / (value - 20000) AS n FROM generate_series(1, 40000);\r".to_owned(),
        "SELECT 'next' AS answer;\r".to_owned(),
        "SELECT x;\r".to_owned(),
        format!("\\o {whole}\r"),
        "SELECT x;\r".to_owned(),
        "SELECT 'whole' AS answer;\r".to_owned(),
        "\\q\r".to_owned(),
    ];
    let shown = typed(&lab, &lines);
    let said = format!("wrote {part}; of an answer that failed or was ended it has only a part\r\n");
    assert_shows(&shown, &[&said, &format!("wrote {whole}\r\n")]);
    assert_eq!(shown.matches("has only a part of this answer").count(), 1, "{shown}");
    let written = std::fs::read_to_string(&part).expect("\\o wrote it");
    let (rows, next) = written.split_once("answer\n").expect("another answer follows");
    assert_eq!(next, "next\n");
    let rows: Vec<&str> = rows.lines().collect();
    assert!(rows[0] == "n" && rows.len() > 1 && rows.len() < 40_000, "{} rows", rows.len());
    assert_eq!(std::fs::read_to_string(&whole).expect("\\o wrote it"), "answer\nwhole\n");
}

#[test]
fn a_file_that_gets_no_answer_is_as_it_was() {
    let lab = small();
    let (mine, new, without_rows) = (path(&lab, "ask.sql"), path(&lab, "new.csv"), path(&lab, "none.ndjson"));
    std::fs::write(&mine, "SELECT 1;\n").expect("the lab's own folder");
    let lines = [
        format!("\\o {mine}\r"),
        "SELECT x;\r".to_owned(),
        format!("\\o {new}\r"),
        format!("\\o {without_rows}\r"),
        "\\format ndjson\r".to_owned(),
        "SELECT 1 AS one WHERE false;\r".to_owned(),
        "\\q\r".to_owned(),
    ];
    let shown = typed(&lab, &lines);
    let nothing = |file: &str| format!("nothing was written to {file}: no answer came\r\n");
    assert_shows(&shown, &[&nothing(&mine), &nothing(&new), &format!("wrote {without_rows}\r\n")]);
    assert_eq!(std::fs::read_to_string(&mine).expect("it is there"), "SELECT 1;\n");
    assert!(!std::path::Path::new(&new).exists());
    assert_eq!(std::fs::read_to_string(&without_rows).expect("an answer without rows is one"), "");
}

#[test]
fn ctrl_c_ends_the_wait_for_a_pipe_and_the_file_stays() {
    let lab = small();
    let (unread, unwritten, slow) = (path(&lab, "unread"), path(&lab, "unwritten"), path(&lab, "slow"));
    let (go, read) = (path(&lab, "go"), path(&lab, "read"));
    let lines = [
        format!("!mkfifo '{unread}' '{unwritten}' '{slow}'"),
        format!("\\o {unread}\r~"),
        "^C".to_owned(),
        format!("\\i {unwritten}\r~"),
        "^C".to_owned(),
        // A reader that waits: the pipe is full soon, and the statement cannot give way.
        format!("!(until [ -e '{go}' ]; do sleep 0.1; done; cat >'{read}') <'{slow}' &"),
        "\\format csv\r".to_owned(),
        format!("\\o {slow}\r"),
        "SELECT value FROM generate_series(1, 4000000);\r~".to_owned(),
        "^C".to_owned(),
        "\\o\r~".to_owned(),
        "^C".to_owned(),
        format!("!touch '{go}'"),
        "\\o\r".to_owned(),
        "\\q\r".to_owned(),
    ];
    let shown = typed(&lab, &lines);
    assert_eq!(shown.matches("cancelled").count(), 4, "{shown}");
    assert_shows(&shown, &[&format!("wrote {slow}; of an answer that failed or was ended it has only a part\r\n")]);
    let read = std::fs::read_to_string(&read).expect("the reader wrote it");
    assert!(read.starts_with("value\n1\n2\n") && read.lines().count() < 4_000_000, "{} bytes", read.len());
}

#[test]
fn a_shell_that_is_told_to_end_keeps_its_file() {
    let lab = small();
    for end in ["SIGTERM", "HANGUP"] {
        let file = path(&lab, end);
        let lines = [
            "\\format csv\r".to_owned(),
            format!("\\o {file}\r"),
            "SELECT 41 + 1 AS answer;\r".to_owned(),
            end.to_owned(),
        ];
        let shown = typed(&lab, &lines);
        assert_eq!(std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{error}: {shown}")), "answer\n42\n");
    }
    let names = std::fs::read_dir(lab.temporary()).expect("the lab's own folder");
    let parts =
        names.filter(|name| name.as_ref().is_ok_and(|name| name.file_name().as_encoded_bytes().ends_with(b".part")));
    assert_eq!(parts.count(), 0);
}
