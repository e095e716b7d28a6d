use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory;

use super::names::{settings, variable};
use super::*;
use crate::cli;

/// A file in a folder of settings, and what one types.
struct Scene {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

impl Scene {
    fn new(text: &str) -> Scene {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("flowlake.toml"), text).unwrap();
        let variables = vec![("FLOWLAKE_CONFIG".to_owned(), folder.path().join("flowlake.toml").display().to_string())];
        Scene { folder, variables }
    }

    fn with(mut self, name: &str, value: &str) -> Scene {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn environment(&self) -> Environment {
        let variables: Vec<_> = self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        Environment::of(&variables)
    }

    fn typed(&self, line: &[&str]) -> Result<cli::Command, String> {
        let line: Vec<OsString> = ["flowlake"].iter().chain(line).map(OsString::from).collect();
        match parse(&line, self.environment()) {
            Ok(line) => Ok(line.cli.command),
            Err(Refused::Line { error, origins }) => Err(format!("{error}{}", origins.join("\n"))),
            Err(Refused::Config(error)) => Err(error.shown()),
        }
    }

    fn convert(&self, line: &[&str]) -> cli::Convert {
        match self.typed(line) {
            Ok(cli::Command::Convert(convert)) => convert,
            other => panic!("{line:?}: {other:?}"),
        }
    }

    fn query(&self, line: &[&str]) -> cli::Query {
        match self.typed(line) {
            Ok(cli::Command::Query(query)) => query,
            other => panic!("{line:?}: {other:?}"),
        }
    }

    /// What is wrong with the file, after its name.
    fn fault(&self) -> String {
        let said = self.typed(&["query", "lake"]).unwrap_err();
        said.strip_prefix(&self.path("flowlake.toml").display().to_string()).expect("the file's name").trim().to_owned()
    }
}

/// A lake called prod, and some more lines of it.
fn prod(more: &str) -> String {
    format!("[lakes.prod]\nlake = \"s3://b/lake\"\nsources = [\"s3://a/\", \"logs\"]\n{more}")
}

#[test]
fn names_are_no_others_variables_and_mean_one_thing() {
    // `FLOWLAKE_LOG` and `FLOWLAKE_CONFIG` are no options; the others are of tests and scripts.
    let taken =
        ["LOG", "CONFIG", "COMPARE_DIR", "FRESH", "GOLDEN", "KILLS", "KILL_RECORDS", "PREDICATES", "PROGRAM", "RUN"];
    let taken: Vec<String> = taken.iter().map(|name| format!("FLOWLAKE_{name}")).collect();
    // Days of keys or times of records: they take the same texts.
    let same_texts = ["since", "until"];
    let program = program();
    let mut forms = BTreeMap::new();
    for command in program.get_subcommands() {
        let mut names = BTreeSet::new();
        for setting in settings(command) {
            assert!(!taken.contains(&variable(setting.name)), "{}", setting.name);
            assert!(names.insert(setting.name), "{} has two {}", command.get_name(), setting.name);
            let form = (format!("{:?}", setting.arg.get_action()), setting.arg.get_value_parser().type_id());
            let first = forms.entry(setting.name).or_insert_with(|| form.clone());
            assert!(*first == form || same_texts.contains(&setting.name), "{} has two forms", setting.name);
        }
    }
    assert!(forms.len() > 40, "{}", forms.len());
}

#[test]
fn long_help_names_the_variables_and_short_help_does_not() {
    let help = |line: &[&str]| program().try_get_matches_from(line).unwrap_err().to_string();
    for command in cli::Cli::command().get_subcommands() {
        let (long, short) =
            (help(&["flowlake", command.get_name(), "--help"]), help(&["flowlake", command.get_name(), "-h"]));
        for setting in settings(command) {
            assert!(long.contains(&format!("[env: {}]", variable(setting.name))), "{long}");
        }
        assert!(!short.contains("[env:"), "{short}");
    }
}

#[test]
fn the_command_line_wins_then_the_environment_the_lake_the_command_and_the_rest() {
    let text = format!("memory = \"101MiB\"\n[query]\nmemory = \"102MiB\"\n{}", prod("memory = \"103MiB\"\n"));
    let scene = Scene::new(&text);
    let memory = |scene: &Scene, line: &[&str]| scene.query(line).ask.memory >> 20;
    assert_eq!(scene.convert(&["convert", "a", "b"]).writing.work.memory >> 20, 101);
    assert_eq!(memory(&scene, &["query", "b"]), 102);
    assert_eq!(memory(&scene, &["query", "@prod"]), 103);
    let scene = scene.with("FLOWLAKE_MEMORY", "104MiB");
    assert_eq!(memory(&scene, &["query", "@prod"]), 104);
    assert_eq!(memory(&scene, &["query", "@prod", "--memory", "105MiB"]), 105);
    assert_eq!(memory(&Scene::new("").with("FLOWLAKE_MEMORY", ""), &["query", "b"]), 2048);
}

#[test]
fn a_name_stands_for_the_lake_and_where_they_are_missing_for_its_sources() {
    let scene = Scene::new(&prod(""));
    let logs = scene.path("logs").display().to_string();
    let locations = |line: &[&str]| scene.convert(line).locations;
    assert_eq!(locations(&["convert", "@prod"]), ["s3://a/", &logs, "s3://b/lake"]);
    assert_eq!(locations(&["convert", "x", "@prod"]), ["x", "s3://b/lake"]);
    assert_eq!(locations(&["convert", "@prod", "x"]), ["s3://a/", &logs, "x"]);
    assert_eq!(locations(&["convert", "./@prod", "x"]), ["./@prod", "x"]);
    let query = scene.query(&["query", "@prod", "@prod"]);
    assert_eq!((query.lake.as_str(), query.sql.as_deref()), ("s3://b/lake", Some("@prod")));
    let Ok(cli::Command::Verify(verify)) = scene.typed(&["verify", "@prod", "@prod"]) else { panic!("verify") };
    assert_eq!((verify.lake.as_str(), verify.source.len()), ("s3://b/lake", 2));
    let said = scene.typed(&["inspect", "@prod"]).unwrap_err();
    assert!(said.ends_with("line 1: @prod has 2 sources, and inspect takes one"), "{said}");
    let said = scene.typed(&["convert", "@prdo"]).unwrap_err();
    assert!(said.contains("did you mean @prod? known: @prod (/") && said.contains("flowlake.toml: read)"), "{said}");
    let said = scene.typed(&["convert", "@prod", "@dev"]).unwrap_err();
    assert!(said.starts_with("@prod and @dev: "), "{said}");
    let said = Scene::new("[lakes.a]\nlake = \"x\"\n").typed(&["convert", "@a"]).unwrap_err();
    assert!(said.ends_with("line 1: @a has no `sources`"), "{said}");
}

#[test]
fn what_was_typed_never_conflicts_with_what_was_not() {
    let scene = Scene::new("lookback = \"5d\"\n[convert]\nsource-format = \"default\"\n");
    assert_eq!(scene.convert(&["convert", "a", "b"]).lookback, 5);
    let typed = scene.convert(&["convert", "a", "b", "--full-scan"]);
    assert_eq!((typed.full_scan, typed.lookback), (true, 3));
    let redo = scene.convert(&["convert", "a", "b", "--redo", "--since", "2d", "--until", "1d"]);
    assert!(redo.redo && redo.format.is_none());
    let skips = Scene::new("copies = \"skip\"\n");
    let redo = skips.convert(&["convert", "a", "b", "--redo", "--since", "2d", "--until", "1d"]);
    assert!(redo.redo && "keep".parse() == Ok(redo.copies));
    // What is required may come from elsewhere.
    let since = Scene::new("since = 2024-05-01\nuntil = \"2024-05-02\"\n");
    let redo = since.convert(&["convert", "a", "b", "--redo"]);
    assert_eq!(redo.since.map(|day| day.to_string()).as_deref(), Some("2024-05-01"));
    // A higher layer wins over a lower one; within a layer it is an error.
    let scene = scene.with("FLOWLAKE_FULL_SCAN", "true");
    assert!(scene.convert(&["convert", "a", "b"]).full_scan);
    let said = scene.with("FLOWLAKE_LOOKBACK", "6d").typed(&["convert", "a", "b"]).unwrap_err();
    assert!(said.contains("--full-scan comes from FLOWLAKE_FULL_SCAN"), "{said}");
    assert!(said.contains("--lookback comes from FLOWLAKE_LOOKBACK"), "{said}");
    let scene = Scene::new("full-scan = true\n").with("FLOWLAKE_FULL_SCAN", "0");
    assert!(!scene.convert(&["convert", "a", "b"]).full_scan);
    let sql = Scene::new("").with("FLOWLAKE_FILE", "x.sql").query(&["query", "lake", "SELECT 1"]);
    assert_eq!(sql.file, None);
}

#[test]
fn what_does_nothing_in_a_command_does_not_make_it_fail() {
    let scene = Scene::new(
        "memory = \"1GiB\"\nspreadsheet-safe = true\nlake-option = [\"region=eu-west-1\"]\n\
         source-option = \"timeout=9s\"\nsource-format = \"default\"\n",
    );
    let Ok(cli::Command::Rejects(rejects)) = scene.typed(&["rejects", "lake"]) else { panic!("rejects") };
    assert!(rejects.format.is_none() && rejects.writing.work.memory == 512 << 20);
    let Ok(cli::Command::Rejects(rejects)) = scene.typed(&["rejects", "lake", "s", "--replay"]) else {
        panic!("rejects")
    };
    assert!(rejects.format.is_some() && rejects.writing.work.memory == 1 << 30);
    let query = scene.query(&["query", "lake"]);
    assert!(!query.result.spreadsheet_safe && query.ask.lake_access.lake_option.is_empty());
    let query = scene.query(&["query", "s3://b/lake", "--format", "csv"]);
    assert!(query.result.spreadsheet_safe);
    assert_eq!(query.ask.lake_access.lake_option, ["region=eu-west-1"]);
    let convert = scene.convert(&["convert", "s3://a/", "lake"]);
    assert_eq!((convert.source.source_option.len(), convert.lake_access.lake_option.len()), (1, 0));
}

#[test]
fn values_are_read_by_the_command_line_and_say_where_they_come_from() {
    let scene = Scene::new("\n[query]\nmemory = \"much\"\nthreads = 3\nlake-option = [\"timeout=9s\", \"region=a\"]\n");
    let said = scene.typed(&["query", "s3://b/lake"]).unwrap_err();
    assert!(said.contains("\"much\" is no size") && said.contains("--memory comes from /"), "{said}");
    assert!(said.ends_with("flowlake.toml line 3"), "{said}");
    let scene = scene.with("FLOWLAKE_MEMORY", "1GiB").with("FLOWLAKE_LAKE_OPTION", "profile=p,region=b");
    let query = scene.query(&["query", "s3://b/lake"]);
    assert_eq!(query.ask.threads.map(std::num::NonZeroUsize::get), Some(3));
    assert_eq!(query.ask.lake_access.lake_option, ["profile=p", "region=b"]);
    let said = Scene::new("").with("FLOWLAKE_JSON", "maybe").typed(&["repair", "lake"]).unwrap_err();
    assert_eq!(said, "FLOWLAKE_JSON: the value of --json is true or false, or 1 or 0");
    #[cfg(feature = "serve")]
    {
        let said = Scene::new("tls-cert = \"c.pem\"\n").typed(&["serve", "lake"]).unwrap_err();
        assert!(said.contains("--tls-key"), "{said}");
    }
}

#[test]
fn paths_of_a_file_go_from_its_folder() {
    let scene =
        Scene::new("spill = \"spill\"\ntable = \"hosts=hosts.csv\"\nraw = \"s3://a/\"\n[report]\ndir = \"/r\"\n");
    let query = scene.query(&["query", "lake"]);
    assert_eq!(query.ask.spill, Some(scene.path("spill")));
    assert_eq!(query.table, [("hosts".to_owned(), scene.path("hosts.csv"))]);
    assert_eq!(query.raw.as_deref(), Some("s3://a/"));
    let Ok(cli::Command::Report(report)) = scene.typed(&["report", "lake"]) else { panic!("report") };
    assert_eq!(report.dir.as_deref(), Some(Path::new("/r")));
    let urls = Scene::new("spill = \"file:///s\"\ntable = \"hosts=file:///h.csv\"\n").query(&["query", "lake"]);
    assert_eq!(urls.ask.spill.as_deref(), Some(Path::new("/s")));
    assert_eq!(urls.table, [("hosts".to_owned(), "/h.csv".into())]);
}

#[test]
fn faults_have_their_line_and_the_nearest_name() {
    for (text, fault) in [
        ("memory = \"1GiB\"\nmemroy = \"1GiB\"\n", "line 2: `memroy` is no option; did you mean `memory`?"),
        ("[convert]\ntime-zone = \"UTC\"\n", "line 2: `time-zone` is no option of convert"),
        ("[lakes.a]\nlkae = \"x\"\n", "line 2: `lkae` is no option; did you mean `lake`?"),
        ("[covert]\n", "line 1: [covert] is no command that takes options; did you mean `convert`?"),
        ("[lakes]\na = \"x\"\n", "line 2: a lake is a table, as in [lakes.a]"),
        ("[lakes.a]\nlake = 7.5\n", "line 2: `lake` is a path or URL"),
        ("[lakes.a]\nlake = [\"a\", \"b\"]\n", "line 2: `lake` is one path or URL"),
        ("json = \"yes\"\n", "line 1: `json` is true or false"),
        ("memory = true\n", "line 1: `memory` is one text or number"),
        ("memory = [\"1GiB\"]\n", "line 1: `memory` is one text or number"),
        ("log-account = [[\"1\"]]\n", "line 1: `log-account` is a text or a list of texts"),
        ("a = 1\na = 2\n", "line 2: this is no TOML: duplicate key"),
        (
            "region = \"eu-west-1\"\n",
            "line 1: `region` is an option of a store: write lake-option = [\"region=…\"], or source-option",
        ),
        (
            "output = \"x\"\n",
            "line 1: `output` is not taken from a file; type --output, or set FLOWLAKE_OUTPUT for one run",
        ),
    ] {
        assert_eq!(Scene::new(text).fault(), fault, "{text}");
    }
}

#[test]
fn secrets_are_refused_and_not_told() {
    for text in [
        "secret_access_key = \"hunter2\"\n",
        "password = \"hunter2\"\n",
        "lake-option = [\"region=a\", \"AWS-Secret-Access-Key=hunter2\"]\n",
        "source-option = \"session_token=hunter2\"\n",
        "source-option = \"access_key_id=hunter2\"\n",
        "lake-option = \"proxy_url=http://ana:hunter2@proxy\"\n",
        "[lakes.a]\nlake = \"https://ana:hunter2@host/b\"\n",
        "[lakes.a]\nsources = [\"https://host/b?X-Amz-Signature=hunter2\"]\n",
        "raw = \"https://ana:hunter2@host/b\"\n",
        "secret_access_key = \"hunter2\n",
    ] {
        let fault = Scene::new(text).fault();
        assert!(!fault.contains("hunter2") && fault.starts_with("line "), "{text}: {fault}");
        assert!(fault.contains("secret") || fault.contains("no TOML"), "{text}: {fault}");
    }
}

#[test]
fn what_is_shown_has_no_secrets() {
    let scene = Scene::new(&prod("memory = \"1GiB\"\n"))
        .with("FLOWLAKE_LAKE_OPTION", "secret_access_key=hunter2,region=a,hunter2,proxy_url=http://u:hunter2@p");
    let rows = InForce::of(Some("query"), Some("@prod"), scene.environment()).unwrap().options;
    let row = |option: &str| rows.iter().find(|row| row.option == option).map(|row| (row.value.as_str(), &row.origin));
    assert_eq!(row("lake-option").unwrap().0, "secret_access_key=…, region=a, …, proxy_url=http://…@p");
    assert_eq!(row("lake-option").unwrap().1, "FLOWLAKE_LAKE_OPTION");
    assert!(row("memory").is_some_and(|(value, from)| value == "1GiB" && from.ends_with("flowlake.toml line 4")));
    assert_eq!(row("time-zone").unwrap(), ("UTC", &"default".to_owned()));
    assert_eq!(rows.len(), settings(program().find_subcommand("query").unwrap()).count());
    let all = InForce::of(None, None, scene.environment()).unwrap();
    assert_eq!(all.lakes[0][..2], ["@prod", "s3://b/lake"]);
    let [row] = all.options.as_slice() else { panic!("{:?}", all.options) };
    assert!(row.option == "lake-option" && row.commands.contains(&"query".to_owned()), "{row:?}");
}

#[test]
fn the_example_of_the_docs_is_read() {
    let docs = include_str!("../../docs/configuration.md");
    let (_, example) = docs.split_once("```toml\n").expect("an example");
    let scene = Scene::new(example.split_once("```").expect("its end").0);
    let prod = scene.convert(&["convert", "@prod"]);
    assert_eq!(prod.locations, ["s3://my-logs/AWSLogs/", "s3://my-lake/"]);
    assert_eq!((prod.lookback, prod.writing.work.memory), (5, 1 << 30));
    assert_eq!(prod.lake_access.lake_option, ["region=eu-central-1"]);
    assert_eq!(scene.query(&["query", "@test"]).lake, scene.path("test/lake").display().to_string());
}
