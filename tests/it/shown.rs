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
