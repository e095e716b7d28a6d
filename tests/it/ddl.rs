//! `flowlake ddl`: what goes to which stream, what other parsers make of it, and bad input.

use crate::delta_birth::make_older;
use crate::engines::python;
use crate::lab::Lab;

const ENGINES: [&str; 5] = ["athena", "trino", "spark", "duckdb", "clickhouse"];

fn lake(lab: &Lab) {
    lab.put_gz("logs/a.log.gz", "version srcaddr protocol bytes start end\n2 10.0.0.1 6 70 1694735970 1694736000\n");
    lab.put_gz("logs/b.log.gz", "start brand-new type srcaddr\n1694649600 x IPv4 10.0.0.2\n");
    lab.put_gz("logs/c.log.gz", "srcaddr bytes\n10.0.0.3 1\n10.0.0.4 2\n");
    lab.put_gz("logs/d.log.gz", "tgw-id srcaddr protocol start\ntgw-1 10.0.0.5 17 1694735970\n");
    lab.convert(&[], 0);
}

#[test]
fn every_statement_is_one_and_names_every_column_with_its_type() {
    let lab = Lab::on_disk();
    lake(&lab);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/engines/parse_ddl.py");
    for engine in ENGINES {
        let said = lab.run(&["ddl", "{}lake/", "--hive", "--engine", engine, "--location", "s3://my-lake/deep"]);
        assert_eq!(said.code, 0, "{}", said.stderr);
        for trap in [";", "--", "/* ", "//my-lake/deep//"] {
            assert!(!said.stdout.contains(trap), "{engine} has `{trap}`: {}", said.stdout);
        }
        assert!(said.stdout.contains("s3://my-lake/deep/flow_logs/"), "{}", said.stdout);
        let file = lab.temporary().join("statement.sql");
        std::fs::write(&file, &said.stdout).expect("the lab's own folder");
        let output = lab.script(python(), script).arg(engine).arg(&file).output().expect("Python starts");
        let parsed = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{engine}: {parsed}{errors}\n{}", said.stdout);
        let expected = match engine {
            // A view takes its types from the files.
            "duckdb" => {
                "version srcaddr protocol bytes start end type brand_new log_account log_region log_id log_object log_line date"
            }
            _ => {
                "version:int srcaddr:text protocol:int bytes:bigint start:bigint end:bigint type:text brand_new:text \
                 log_account:text log_region:text log_id:text log_object:text log_line:bigint date"
            }
        };
        assert_eq!(parsed.trim(), expected, "{engine}");
    }
}

#[test]
fn athena_is_told_the_dates_and_people_what_it_cannot_see() {
    let lab = Lab::on_disk();
    lake(&lab);
    let said = lab.run(&["ddl", "{}lake/", "--hive", "--engine", "athena", "--location", "s3://my-lake/"]);
    assert!(said.stdout.contains("'projection.date.range' = '2023-09-14,NOW+2DAYS'"), "{}", said.stdout);
    let template = "'storage.location.template' = 's3://my-lake/flow_logs/date=${date}/'";
    assert!(said.stdout.contains(template), "{}", said.stdout);
    assert!(said.stderr.contains("will not see 2 rows"), "{}", said.stderr);
    assert!(said.stderr.contains("--table tgw_flow_logs"), "{}", said.stderr);
    let named = ["--table", "logs.tgw_flow_logs", "--location", "s3://b"];
    let said = lab.run(&[&["ddl", "{}lake/", "--hive", "--engine", "athena"], &named[..]].concat());
    assert!(said.stdout.starts_with("CREATE EXTERNAL TABLE `logs`.`tgw_flow_logs` ("), "{}", said.stdout);
    assert!(said.stdout.contains("`tgw_id` string") && said.stdout.contains("`protocol` bigint"), "{}", said.stdout);
    assert!(!said.stderr.contains("warning"), "{}", said.stderr);
}

#[test]
fn hours_are_keys_where_the_lake_has_them() {
    let lab = Lab::on_disk();
    lab.put_gz("logs/a.log.gz", "version srcaddr start\n2 10.0.0.1 1694735970\n");
    lab.convert(&["--partition-by", "date,hour"], 0);
    let athena = lab.run(&["ddl", "{}lake/", "--hive", "--engine", "athena", "--location", "s3://b/"]).stdout;
    for part in ["`hour` int)", "'projection.hour.range' = '0,23'", "'projection.hour.digits' = '2'", "/hour=${hour}/'"]
    {
        assert!(athena.contains(part), "{part}: {athena}");
    }
    let spark = lab.run(&["ddl", "{}lake/", "--hive", "--engine", "spark"]).stdout;
    assert!(spark.contains("PARTITIONED BY (`date`, `hour`)"), "{spark}");
    let script = "import subprocess, sys, duckdb\n\
                  from chdb import session\n\
                  def ddl(engine):\n    \
                      return subprocess.check_output(['flowlake', 'ddl', sys.argv[1], '--hive', '--engine', engine], text=True)\n\
                  duckdb.sql(ddl('duckdb'))\n\
                  print(duckdb.sql('SELECT \"date\", \"hour\" + 1, srcaddr FROM flow_logs').fetchall())\n\
                  clickhouse = session.Session()\n\
                  clickhouse.query(ddl('clickhouse'))\n\
                  print(clickhouse.query('SELECT date, hour + 1, srcaddr FROM flow_logs', 'CSV'))\n";
    let file = lab.temporary().join("hours.py");
    std::fs::write(&file, script).expect("the lab's own folder");
    let output = lab.script(python(), file.to_str().expect("a plain path")).arg(lab.path("lake")).output();
    let output = output.expect("Python starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("(datetime.date(2023, 9, 14), 24, '10.0.0.1')"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(said.contains("\"2023-09-14\",24,\"10.0.0.1\""), "{said}");
}

/// The engine follows the log: neither columns nor dates are told.
#[test]
fn a_table_with_a_delta_log_is_named_by_its_folder() {
    let lab = Lab::on_disk();
    lake(&lab);
    let ddl = |engine: &str, more: &[&str]| lab.run(&[&["ddl", "{}lake/", "--engine", engine], more].concat());
    let on_s3 = ["--location", "s3://my-lake/deep"];
    for (engine, expected) in [
        (
            "athena",
            "CREATE EXTERNAL TABLE `flow_logs`\nLOCATION 's3://my-lake/deep/flow_logs/'\n\
             TBLPROPERTIES ('table_type' = 'DELTA')\n",
        ),
        (
            "trino",
            "CALL system.register_table(\n  schema_name => 'default',\n  table_name => 'flow_logs',\n  \
             table_location => 's3://my-lake/deep/flow_logs/'\n)\n",
        ),
        ("spark", "CREATE TABLE `flow_logs`\nUSING DELTA\nLOCATION 's3://my-lake/deep/flow_logs/'\n"),
        (
            "duckdb",
            "CREATE OR REPLACE VIEW \"flow_logs\" AS SELECT *\nFROM delta_scan('s3://my-lake/deep/flow_logs/')\n",
        ),
        ("clickhouse", "CREATE OR REPLACE TABLE `flow_logs`\nENGINE = DeltaLake('s3://my-lake/deep/flow_logs/')\n"),
    ] {
        let said = ddl(engine, &on_s3);
        assert_eq!((said.code, said.stdout.as_str()), (0, expected), "{}", said.stderr);
        assert!(said.stderr.contains("new dates") && !said.stderr.contains("--hive"), "{}", said.stderr);
        assert_ne!(ddl(engine, &[&on_s3[..], &["--hive"]].concat()).stdout, expected, "{engine}");
    }
    let named = ddl("trino", &["--table", "lakes.logs.tgw", "--of", "tgw_flow_logs", "--location", "s3://b"]).stdout;
    let expected = "CALL \"lakes\".system.register_table(\n  schema_name => 'logs',\n  table_name => 'tgw',\n  \
                    table_location => 's3://b/tgw_flow_logs/'\n)\n";
    assert_eq!(named, expected);
}

/// The statement is the one for folders, and people are told why.
#[test]
fn a_table_without_a_delta_log_is_told_by_its_folders() {
    let lab = Lab::on_disk();
    lake(&lab);
    make_older(&lab);
    let ddl = |more: &[&str]| lab.run(&[&["ddl", "{}lake/", "--engine", "duckdb"], more].concat());
    let hive = ddl(&["--hive"]);
    assert!(hive.stdout.contains("read_parquet") && !hive.stderr.contains("--delta"), "{}", hive.stderr);
    let is_hive = |reason: &str| {
        let said = ddl(&[]);
        assert_eq!((said.code, &said.stdout), (0, &hive.stdout), "{}", said.stderr);
        assert!(said.stderr.contains(reason), "{reason}: {}", said.stderr);
    };
    is_hive("flow_logs has no Delta log, so this is the statement for its folders");
    let version = format!("lake/flow_logs/_delta_log/{:020}.json", 0);
    lab.put(&version, "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n");
    is_hive("of which no version is flowlake's");
    lab.convert(&["--delta"], 0);
    assert!(ddl(&[]).stdout.contains("delta_scan"));
    let remove = "{\"remove\":{\"path\":\"date=2023-09-14/x.parquet\",\"dataChange\":true}}\n";
    lab.put(&format!("lake/flow_logs/_delta_log/{:020}.json", 2), remove);
    let said = ddl(&[]);
    assert!(said.stdout.contains("delta_scan"), "{}", said.stdout);
    assert!(said.stderr.contains("in version 2; `flowlake delta LAKE --repair`"), "{}", said.stderr);
    lab.put(&version.replace("0.json", "2.json"), "no JSON");
    is_hive("warning: ");
}

#[test]
fn bad_input_is_named() {
    let lab = Lab::on_disk();
    lake(&lab);
    for (arguments, code, hint) in [
        (vec!["ddl", "{}lake/", "--engine", "mysql"], 2, "clickhouse"),
        (vec!["ddl", "{}lake/"], 2, "--engine"),
        (vec!["ddl", "{}lake/", "--engine", "athena"], 2, "--location s3://"),
        (vec!["ddl", "{}lake/", "--engine", "trino", "--table", "a;b"], 2, "no name for a table"),
        (vec!["ddl", "{}lake/", "--engine", "trino", "--of", "nat_logs"], 2, "flow_logs or tgw_flow_logs"),
        (vec!["ddl", "{}lake/", "--engine", "duckdb", "--location", "s3://b/it's"], 2, "ends a literal"),
        (vec!["ddl", "{}nowhere/", "--engine", "duckdb"], 1, "does not exist"),
        (vec!["ddl", "{}logs/", "--engine", "duckdb"], 1, "is not a flowlake lake"),
    ] {
        let said = lab.run(&arguments);
        assert_eq!(said.code, code, "{arguments:?}: {}", said.stderr);
        assert_eq!(said.stdout, "", "{arguments:?}");
        assert!(said.stderr.contains(hint), "{arguments:?}: {}", said.stderr);
    }
}

#[test]
fn completions_and_manual_pages_name_every_command() {
    let lab = Lab::on_disk();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let said = lab.run(&["completions", shell]);
        assert_eq!(said.code, 0, "{}", said.stderr);
        for word in ["convert", "ddl", "serve", "full-scan"] {
            assert!(said.stdout.contains(word), "{shell} lacks {word}");
        }
    }
    assert_eq!(lab.run(&["completions", "tcsh"]).code, 2);
    let folder = lab.path("man");
    let said = lab.run(&["man", folder.to_str().expect("a plain path")]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let page = |name: &str| std::fs::read_to_string(folder.join(name)).expect("a page");
    assert!(page("flowlake.1").contains("flowlake\\-ddl(1)"), "{}", page("flowlake.1"));
    assert!(page("flowlake-convert.1").contains("\\-\\-full\\-scan"), "{}", page("flowlake-convert.1"));
}
