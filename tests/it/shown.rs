//! Keys, reasons and lines of others on a terminal: shown, not sent; and cells that a spreadsheet would run.

use crate::lab::Lab;

const NASTY: &str = "\u{1b}]0;owned\u{7}\u{1b}[31mred\u{202e}";

/// No output for people has a control character but the line feeds that end its lines.
fn is_quiet(text: &str) -> bool {
    !text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}')
}

fn lab() -> Lab {
    let lab = Lab::on_disk();
    let folder = lab.path("logs");
    std::fs::create_dir_all(&folder).expect("a folder");
    let put = |name: &str, text: &str| {
        std::fs::write(folder.join(name), crate::lab::gzip(text.as_bytes())).expect("a file");
    };
    let row = "2 10.0.0.1 1694649600 1694649659 =cmd|'/C'!A0\n";
    put(
        "good.log.gz",
        &format!("version srcaddr start end instance-id\n{row}2 10.0.0.2 1694649600 1694649659 {NASTY}\n"),
    );
    put(&format!("{NASTY}\nerror: forged.log.gz"), &format!("version srcaddr start end\n2 no{NASTY} x y\n"));
    put(&format!("broken{NASTY}.log.gz"), "no header at all\n");
    std::fs::write(folder.join(format!("cut{NASTY}\nforged.log.gz")), b"\x1f\x8bnothing").expect("a file");
    lab
}

#[test]
fn no_command_sends_what_a_key_or_a_line_says() {
    let lab = lab();
    let inspected = lab.run(&["inspect", "{}logs"]);
    let converted = lab.run(&["convert", "{}logs", "{}lake", "--progress", "never"]);
    assert_eq!(converted.code, 3, "{}", converted.stderr);
    let mut said = vec![("inspect", inspected), ("convert", converted)];
    said.push(("rejects", lab.run(&["rejects", "{}lake"])));
    said.push(("query", lab.run(&["query", "{}lake", "SELECT * FROM lake.rejects"])));
    said.push(("rows", lab.run(&["query", "{}lake", "SELECT srcaddr, instance_id, log_object FROM flow_logs"])));
    said.push(("report", lab.run(&["report", "{}lake", "totals"])));
    // What the lake has and the source says differ in every object.
    std::fs::remove_dir_all(lab.path("logs")).expect("a folder");
    let other = lab.path("logs");
    std::fs::create_dir_all(&other).expect("a folder");
    let text = "version srcaddr start end\n2 10.0.0.9 1694649600 1694649659\n";
    for name in ["good.log.gz".to_owned(), format!("{NASTY}\nerror: forged.log.gz"), format!("new{NASTY}.log.gz")] {
        std::fs::write(other.join(name), crate::lab::gzip(text.as_bytes())).expect("a file");
    }
    said.push(("verify", lab.run(&["verify", "{}lake", "{}logs"])));
    said.push(("error", lab.run(&["inspect", &format!("{{}}none{NASTY}\nerror: forged")])));
    for (command, said) in &said {
        assert!(is_quiet(&said.stdout), "{command}:\n{:?}", said.stdout);
        assert!(is_quiet(&said.stderr), "{command}:\n{:?}", said.stderr);
        let forged =
            |text: &str| text.lines().any(|line| line.starts_with("error: forged") || line.starts_with("forged"));
        assert!(!forged(&said.stdout) && !forged(&said.stderr), "{command}:\n{}{}", said.stdout, said.stderr);
    }
    let all: String = said.iter().map(|(_, said)| format!("{}{}", said.stdout, said.stderr)).collect();
    assert!(all.contains("\\u{1b}[31mred\\u{202e}"), "{all}");
    for (command, shows) in
        [("rejects", "\\nerror: forged"), ("verify", "\\u{1b}"), ("inspect", "\\u{1b}"), ("error", "\\u{1b}")]
    {
        let found =
            said.iter().find(|(name, _)| *name == command).map(|(_, said)| format!("{}{}", said.stdout, said.stderr));
        assert!(found.as_ref().is_some_and(|text| text.contains(shows)), "{command}: {found:?}");
    }
}

#[test]
fn cells_that_a_spreadsheet_would_run_are_texts_when_asked() {
    let lab = Lab::on_disk();
    let text = "version srcaddr start instance-id bytes\n2 10.0.0.1 1694649600 =1+1 7\n2 10.0.0.2 1694649601 i-1 8\n";
    lab.put_gz("logs/a.log.gz", text);
    lab.convert(&[], 0);
    let sql = "SELECT instance_id, -bytes AS less, '+1' AS \"@x\", '\t=1' AS tab, 'a=1' AS fine FROM flow_logs ORDER BY bytes";
    let ask = |more: &[&str]| lab.run(&[&["query", "{}lake", sql], more].concat());
    let plain = ask(&["--format", "csv"]);
    assert_eq!(
        plain.stdout, "instance_id,less,@x,tab,fine\n=1+1,-7,+1,\t=1,a=1\ni-1,-8,+1,\t=1,a=1\n",
        "{}",
        plain.stderr
    );
    let safe = ask(&["--format", "csv", "--spreadsheet-safe"]);
    assert_eq!(
        safe.stdout, "instance_id,less,'@x,tab,fine\n'=1+1,-7,'+1,'\t=1,a=1\ni-1,-8,'+1,'\t=1,a=1\n",
        "{}",
        safe.stderr
    );
    let refused = ask(&["--spreadsheet-safe"]);
    assert!(refused.code == 2 && refused.stderr.contains("csv and tsv"), "{}", refused.stderr);
    let report = lab.run(&["report", "{}lake", "talking-instances", "--format", "tsv", "--spreadsheet-safe"]);
    assert!(report.code == 0 || report.stderr.contains("cannot run"), "{}", report.stderr);
}

/// Reports and tables that somebody else made: their titles, meanings, names and headers.
#[test]
fn reports_and_tables_of_others_are_shown() {
    let lab = Lab::on_disk();
    lab.put_gz("logs/a.log.gz", "version srcaddr start\n2 10.0.0.1 1694649600\n");
    lab.convert(&[], 0);
    let folder = lab.path("pack");
    let (pack, own) = (folder.display().to_string(), format!("o={}", lab.path("own.csv").display()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let sql = format!(
        "-- title: T{NASTY} <b>\n-- meaning: M{NASTY}\n-- fields: start\n-- param: x{NASTY} integer 1: P{NASTY}\n\
         SELECT start AS \"n{NASTY}\" FROM flow_logs WHERE start > $x{NASTY} ORDER BY 1\n"
    );
    let plain = sql.replace(&format!("x{NASTY}"), "x");
    std::fs::write(folder.join("mine.sql"), plain).expect("a file");
    std::fs::write(folder.join(format!("own{NASTY}.sql")), sql).expect("a file");
    std::fs::write(lab.path("own.csv"), format!("id,dst{NASTY}port,\"two\nerror: forged\"\n1,2,3\n")).expect("a file");
    let ask = |arguments: &[&str]| lab.run(arguments);
    let report = |format: &str| ask(&["report", "{}lake", "mine", "--dir", &pack, "--format", format]);
    let (csv, json) = (report("csv"), report("json"));
    for program in [&csv, &json] {
        assert!(program.code == 0 && is_quiet(&program.stderr), "{:?}", program.stderr);
        assert!(program.stderr.contains("T\\u{1b}"), "{:?}", program.stderr);
    }
    assert!(csv.stdout.contains(&format!("n{NASTY}")), "formats for programs have names as they are: {:?}", csv.stdout);
    for (what, said, shows) in [
        ("table", report("table"), "T\\u{1b}]0;owned"),
        ("markdown", report("markdown"), "[31mred\\u{202e} &lt;b>, 2023"),
        ("list", ask(&["report", "{}lake", "--dir", &pack]), "M\\u{1b}"),
        ("value", ask(&["report", "{}lake", "mine", "--dir", &pack, "--param", &format!("x={NASTY}")]), "\\u{1b}"),
        ("own table", ask(&["query", "{}lake", "SELECT * FROM o", "--table", &own]), "two\\nerror: forged"),
        ("near", ask(&["query", "{}lake", "SELECT dstport_ FROM o", "--table", &own]), "\\u{1b}"),
        ("columns", ask(&["query", "{}lake", "SELECT none_of_them FROM o", "--table", &own]), "two\\nerror"),
        ("option", ask(&["query", "{}lake", &format!("--{NASTY}")]), "\\u{202e}"),
        ("file", ask(&["query", "{}lake", "SELECT 1", "--table", &format!("o={pack}/no{NASTY}.csv")]), "\\u{1b}"),
    ] {
        assert!(is_quiet(&said.stdout) && is_quiet(&said.stderr), "{what}: {:?}{:?}", said.stdout, said.stderr);
        let all = format!("{}{}", said.stdout, said.stderr);
        assert!(all.contains(shows) && !all.contains("\nerror: forged"), "{what}: {all}");
    }
}
