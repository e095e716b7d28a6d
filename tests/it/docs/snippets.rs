//! Every block of the pages is run as it stands, in one folder with buckets of the names that the pages use.
//!
//! | block | is run |
//! |---|---|
//! | `sh` | as a script, which must end with 0 |
//! | `console` | each command behind `$ `; what is shown below one is what it prints, where anything is shown |
//! | `console serves` | as `console`, on a free port, until it has said what is shown |
//! | `console types` | on a terminal of 80 columns: what stands behind each `flowlake> ` is typed |
//! | `sql report` | as a report of one's own |
//! | `sql athena` | by our engine, without the database in front of the table |
//! | `python ENGINE PLACE` | by the tests of the engines |
//! | `toml` | as the `flowlake.toml` of what follows on its page |
//! | `text` | not: a drawing, a form or a list |
//! | `… not run: REASON` | not; [`NOT_RUN`] counts them |
//!
//! A command of a console ends with 0, or with the exit code that its comment names; `…` in what is shown stands for
//! anything.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use super::blocks::{Block, blocks};
use crate::engines;
use crate::lab::Lab;
use crate::server::server;
use crate::shell;
use crate::signed::make_bucket;

/// How many blocks of which page are not run, and why.
const NOT_RUN: &[(&str, &str, usize)] =
    &[("docs/athena.md", "needs an AWS account", 2), ("docs/install.md", "builds for half an hour", 1)];

/// The file that a page says.
const CONFIG: &str = "flowlake.toml";

/// The folder and the buckets in which the blocks are run, page after page.
struct World {
    lab: Lab,
}

impl World {
    /// `s3://my-logs/` has the sample's records of 2023 and some of this hour; `logs/` and `lake/` are a bucket and its
    /// lake on disk.
    fn new() -> World {
        let world = World { lab: Lab::in_bucket("my-logs") };
        assert!(make_bucket(server(), "my-lake"), "bucket my-lake could not be made");
        let begun = world.run_well(
            "flowlake sample made --records 20000\nflowlake sample logs --records 100000\nflowlake convert logs lake",
        );
        begun.expect("a bucket and a lake");
        world.put("ask.sql", "SELECT count(*) FROM flow_logs");
        world.put("accounts.csv", "id,name\n111122223333,shop\n");
        let made = world.lab.temporary().join("made/AWSLogs");
        engines::upload(&world.lab, &made, &made, "AWSLogs");
        let now = chrono::Utc::now() - chrono::TimeDelta::minutes(10);
        let name = now.format("%Y/%m/%d/111122223333_vpcflowlogs_us-east-1_fl-0a1b2c3d4e5f60718_%Y%m%dT%H%MZ_0a1b2c3d");
        let header = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end \
                      action log-status";
        let line = "2 111122223333 eni-1 10.0.0.1 10.0.0.2 40000 22 6 1 40";
        let start = now.timestamp();
        let text = format!("{header}\n{line} {start} {start} ACCEPT OK\n{line} {start} {start} REJECT OK\n");
        world.lab.put_gz(&format!("AWSLogs/111122223333/vpcflowlogs/us-east-1/{name}.log.gz"), &text);
        world
    }

    fn put(&self, name: &str, text: &str) {
        let file = self.lab.temporary().join(name);
        fs::create_dir_all(file.parent().expect("a folder")).expect("the lab's folder");
        fs::write(file, text).expect("the lab's folder");
    }

    /// Runs a script, and gives its exit code and all that it said.
    fn run(&self, script: &str) -> (i32, String) {
        let config = format!("if [ -f {CONFIG} ]; then export FLOWLAKE_CONFIG={CONFIG}; fi");
        self.put("snippet.sh", &format!("set -eu\nexec 2>&1 </dev/null\n{config}\n{script}\n"));
        let file = self.lab.temporary().join("snippet.sh");
        let mut command = self.lab.script("sh".as_ref(), file.to_str().expect("a plain path"));
        let output = command.output().expect("a shell starts");
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs a script that must end with 0.
    fn run_well(&self, script: &str) -> Result<(), String> {
        let (code, said) = self.run(script);
        if code == 0 { Ok(()) } else { Err(format!("{script}\nended with {code}:\n{said}")) }
    }

    /// Starts each server of a client's configuration. Its input ends at once, and so does it.
    fn assistant(&self, text: &str) -> Result<(), String> {
        let configuration: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let servers = configuration["mcpServers"].as_object().filter(|servers| !servers.is_empty());
        for server in servers.ok_or("it names no server")?.values() {
            let words = server["args"].as_array().into_iter().flatten().chain([&server["command"]]);
            let words: Vec<&str> = words.filter_map(serde_json::Value::as_str).collect();
            let (command, arguments) = words.split_last().ok_or("it has no command")?;
            self.run_well(&format!("{command} {}", arguments.join(" ")))?;
        }
        Ok(())
    }

    fn block(&self, block: &Block) -> Result<(), String> {
        match (block.language.as_str(), block.mark.as_str()) {
            ("text", "") => Ok(()),
            ("sh", "") => self.run_well(&block.text),
            ("toml", "") => {
                self.put(CONFIG, &block.text);
                self.run_well("flowlake config")
            }
            ("json", "") => self.assistant(&block.text),
            ("console", "") => commands(&block.text).iter().try_for_each(|asked| self.console(asked)),
            ("console", "serves") => commands(&block.text).iter().try_for_each(|asked| self.serves(asked)),
            ("console", "types") => self.types(&block.text),
            ("sql", "report") => {
                self.put("own/mine.sql", &block.text);
                self.run_well("flowlake report lake mine --dir own")
            }
            ("sql", "athena") => {
                self.put("athena.sql", &block.text.replace("logs.flow_logs", "flow_logs"));
                self.run_well("flowlake query lake -f athena.sql")
            }
            ("python", mark) if mark.split_once(' ').is_some_and(|(engine, from)| engines::is_run(engine, from)) => {
                Ok(())
            }
            (language, mark) => Err(format!("no test runs `{language} {mark}`")),
        }
    }

    fn console(&self, asked: &Asked) -> Result<(), String> {
        let (code, said) = self.run(&asked.command.replace("cargo run --release -- ", "flowlake "));
        let lines: Vec<&str> = said.lines().collect();
        let may_end = code == 0 || asked.command.contains(&format!("exit code {code}"));
        let fits =
            lines.len() == asked.shown.len() && lines.iter().zip(&asked.shown).all(|(said, shown)| fits(said, shown));
        if may_end && (fits || asked.shown.is_empty()) {
            return Ok(());
        }
        Err(format!("{} ended with {code}, and printed\n{said}", asked.command))
    }

    fn serves(&self, asked: &Asked) -> Result<(), String> {
        let words: Vec<&str> = asked.command.split(' ').skip(1).chain(["--listen", "127.0.0.1:0"]).collect();
        let mut server = self.lab.program(&words).stderr(Stdio::piped()).spawn().expect("the program starts");
        let mut lines = BufReader::new(server.stderr.take().expect("a pipe")).lines();
        let said = lines.next().and_then(Result::ok).unwrap_or_default();
        server.kill().and_then(|()| server.wait()).expect("it is our own");
        let (before, behind) = said.split_once("127.0.0.1:").unwrap_or((&said, ""));
        let said = format!("{before}127.0.0.1:5432{}", behind.trim_start_matches(|c: char| c.is_ascii_digit()));
        if asked.shown == [said.as_str()] { Ok(()) } else { Err(format!("{} said {said}", asked.command)) }
    }

    /// What is shown stands in what the terminal had, in this order.
    fn types(&self, text: &str) -> Result<(), String> {
        let (command, session) = text.split_once('\n').expect("a command");
        let folder = self.lab.temporary().canonicalize().expect("it is there");
        let command = command.replace("flowlake-demo/", &format!("{}/flowlake-demo/", folder.display()));
        let words: Vec<&str> = command.split(' ').skip(2).collect();
        let typed = session.lines().filter_map(|line| line.strip_prefix("flowlake> ")).map(|line| format!("{line}\r"));
        let typed: Vec<String> = typed.chain(["\\q\r".to_owned()]).collect();
        let typed: Vec<&str> = typed.iter().map(String::as_str).collect();
        let had = shell::on_terminal(&self.lab, "80x24", &words, &[], &typed);
        let mut lines = had.lines().map(shell::undrawn);
        let mut shown = session.lines().filter(|line| !line.starts_with("flowlake> "));
        match shown.find(|shown| !lines.any(|line| fits(line, shown))) {
            None => Ok(()),
            Some(missing) => Err(format!("`{missing}` is not shown:\n{had}")),
        }
    }
}

/// A command of a console, and what is shown below it.
struct Asked {
    command: String,
    shown: Vec<String>,
}

/// The commands of a block. One goes on while a quotation is open, and behind a `\`.
fn commands(text: &str) -> Vec<Asked> {
    let mut commands: Vec<Asked> = Vec::new();
    for line in text.lines() {
        let goes_on = |asked: &&mut Asked| asked.shown.is_empty() && is_open(&asked.command);
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push(Asked { command: command.to_owned(), shown: Vec::new() }),
            (None, Some(asked)) if goes_on(&asked) => asked.command += &format!("\n{line}"),
            (None, Some(asked)) => asked.shown.push(line.to_owned()),
            (None, None) => panic!("a console begins with a command: {text}"),
        }
    }
    commands
}

fn is_open(command: &str) -> bool {
    command.ends_with('\\') || command.matches('"').count() % 2 == 1
}

/// Whether a line is the one shown. `…` stands for anything, and so does the line of a run's time.
fn fits(said: &str, shown: &str) -> bool {
    const TIMES: &str = " records a second, peak memory ";
    if shown.contains(TIMES) {
        return said.contains(TIMES);
    }
    let (mut rest, parts) = (said.trim_end(), shown.trim_end().split('…'));
    let count = parts.clone().count();
    for (at, part) in parts.enumerate() {
        let found = if at == 0 {
            rest.strip_prefix(part)
        } else if at + 1 == count {
            rest.strip_suffix(part).map(|_| "")
        } else {
            rest.split_once(part).map(|(_, behind)| behind)
        };
        let Some(behind) = found else { return false };
        rest = behind;
    }
    rest.is_empty()
}

#[test]
fn every_snippet_runs() {
    let world = World::new();
    let mut not_run: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut page = String::new();
    for block in blocks() {
        if page != block.page {
            page.clone_from(&block.page);
            let _ = fs::remove_file(world.lab.temporary().join(CONFIG));
        }
        match block.mark.strip_prefix("not run: ") {
            Some(why) => *not_run.entry((block.page, why.to_owned())).or_default() += 1,
            None => wrong.extend(world.block(&block).err().map(|why| format!("{}: {why}", block.place()))),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    let known = NOT_RUN.iter().map(|&(page, why, count)| ((page.to_owned(), why.to_owned()), count));
    assert_eq!(not_run, known.collect(), "the blocks that are not run");
}

#[test]
fn a_line_fits_what_is_shown_of_it() {
    assert!(fits("a b c", "a b c") && fits("a b c", "a …") && fits("a b c", "a … c") && fits("", "…"));
    assert!(!fits("a b c", "a b") && !fits("a b c", "b …") && !fits("a b c", "… b"));
    assert!(fits("0.5 s, 2 records a second, peak memory 1 MiB", "0.6 s, 1 records a second, peak memory 2 MiB"));
}
