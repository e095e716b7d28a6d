//! What `FLOWLAKE_LOG=debug` tells of a run: spans within each other, and each line of stderr as JSON where that is
//! asked for.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::lab::{Lab, Said, on_both_stores, said};

const LOG: &str = "version srcaddr dstaddr bytes packets start\n2 10.0.0.1 10.0.0.2 7 1 1694735970\n\
                   2 10.0.0.1 10.0.0.3 8 1 1694735971\n";

/// Runs `convert` on two objects with all that is logged.
fn convert(lab: &Lab, more: &[&str]) -> Said {
    for day in ["13", "14"] {
        lab.put_gz(&format!("logs/2023/09/{day}/a.log.gz"), LOG);
    }
    let arguments = [&["convert", "{}logs", "{}lake"], more].concat();
    said(lab.program(&arguments).env("FLOWLAKE_LOG", "debug").output().expect("the program starts"))
}

/// Each line, as the object that it must be.
fn lines(said: &Said) -> Vec<Value> {
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    said.stderr.lines().map(parse).collect()
}

/// The spans that ended, by the names from the outermost one on, with their fields.
fn ended(lines: &[Value]) -> BTreeMap<String, Vec<Value>> {
    let mut ended: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in lines.iter().filter(|line| line["fields"]["message"] == "close") {
        let spans = line["spans"].as_array().expect("the span that ended, at least");
        let names: Vec<&str> = spans.iter().filter_map(|span| span["name"].as_str()).collect();
        ended.entry(names.join(" > ")).or_default().extend(spans.last().cloned());
    }
    ended
}

fn a_run_tells_its_plan_tasks_objects_and_requests(lab: &Lab) {
    let said = convert(lab, &["--log-format", "json"]);
    assert_eq!((said.code, said.stdout.as_str()), (0, ""), "{}", said.stderr);
    let lines = lines(&said);
    let ended = ended(&lines);
    let of = |path: &str| ended.get(path).unwrap_or_else(|| panic!("no {path} in {:?}", ended.keys()));
    let run = &of("run")[0];
    assert_eq!((&run["objects"], &run["records"]), (&2.into(), &4.into()), "{run}");
    assert!(run["lake"].as_str().is_some_and(|lake| lake.ends_with("lake/")), "{run}");
    assert!(of("run > plan")[0]["plan"].is_u64());
    let tasks = of("run > plan > task");
    assert_eq!(tasks.iter().filter_map(|task| task["rows"].as_u64()).sum::<u64>(), 4, "{tasks:?}");
    let objects = of("run > plan > task > object");
    assert_eq!(objects.len(), 2);
    for object in objects {
        assert_eq!((&object["rows"], &object["bytes"]), (&2.into(), &object["size"]), "{object}");
        assert!(object["url"].as_str().is_some_and(|url| url.ends_with("a.log.gz")), "{object}");
        assert!(object["waited_ms"].is_u64(), "{object}");
    }
    let requests = ended.get("run > plan > task > object > request");
    assert_eq!(requests.is_some(), lab.endpoint().is_some(), "requests are of a bucket");
    for request in requests.into_iter().flatten() {
        assert_eq!((&request["method"], &request["status"]), (&"GET".into(), &200.into()), "{request}");
        assert!(request["url"].as_str().is_some_and(|url| url.ends_with("a.log.gz")), "{request}");
    }
    // What is said is in the same form, and whole.
    let mut told = lines.iter().filter_map(|line| line["fields"]["message"].as_str());
    assert!(told.any(|told| told.contains("4 records of 2 objects")), "{}", said.stderr);
}

on_both_stores!(a_run_tells_its_plan_tasks_objects_and_requests);

#[test]
fn nothing_more_is_told_unless_it_is_asked_for() {
    let lab = Lab::on_disk();
    lab.put_gz("logs/2023/09/13/a.log.gz", LOG);
    let said = lab.run(&["convert", "{}logs", "{}lake"]);
    assert_eq!((said.code, said.stdout.as_str()), (0, ""), "{}", said.stderr);
    assert!(said.stderr.starts_with("2 records of 1 object "), "{}", said.stderr);
    assert!(!said.stderr.contains("DEBUG") && !said.stderr.contains('{'), "{}", said.stderr);
}

#[test]
fn text_for_people_has_the_spans_too() {
    let said = convert(&Lab::on_disk(), &[]);
    let is_of_object = |line: &&str| line.contains("run{") && line.contains("task{") && line.contains("object{");
    let closed = said.stderr.lines().filter(is_of_object).find(|line| line.contains(" close ")).unwrap_or_default();
    assert!(closed.contains("rows=2") && closed.contains("waited_ms="), "{}", said.stderr);
}

#[test]
fn an_error_is_a_line_of_json_as_well() {
    let lab = Lab::on_disk();
    let asked = ["convert", "{}nothing", "{}lake", "--log-format", "json"];
    let said = lab.run(&asked);
    assert_eq!(said.code, 1, "{}", said.stderr);
    let lines = lines(&said);
    let told = lines[0]["fields"]["message"].as_str().expect("a message");
    assert!(told.starts_with("error: ") && told.contains("does not exist"), "{told}");
    assert_eq!(lines[0]["level"], "ERROR");
    // The format comes from the environment as every option does, and stands before the command, too.
    let arguments = ["convert", "{}nothing", "{}lake"];
    let environment = lab.program(&arguments).env("FLOWLAKE_LOG_FORMAT", "json").output().expect("the program starts");
    assert!(String::from_utf8_lossy(&environment.stderr).starts_with('{'));
    let before = lab.run(&["--log-format", "json", "convert", "{}nothing", "{}lake"]);
    assert!(before.stderr.starts_with('{'), "{}", before.stderr);
}
