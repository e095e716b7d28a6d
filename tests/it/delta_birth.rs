//! Which lakes have a Delta log: those of today from their first files on, older ones once it is asked for; and what it
//! costs in requests.

use serde_json::{Value, json};

use crate::delta::{every_reader_finds_all, is_sound, put, versions};
use crate::lab::{Lab, on_both_stores, said};

on_both_stores!(a_lake_is_born_with_a_delta_log, an_older_lake_has_a_delta_log_once_it_is_asked_for);

const BIRTH: &str = "lake/_flowlake/log/00000000000000000000.json";

fn birth(lab: &Lab) -> Value {
    serde_json::from_slice(&lab.get(BIRTH)).expect("JSON")
}

fn delete_log(lab: &Lab) {
    for key in lab.list("lake").into_keys().filter(|key| key.contains("/_delta_log/")) {
        lab.delete(&key.as_str().into());
    }
}

/// Makes of the lake one of an earlier program: its first entry says nothing of Delta logs, and there is none.
pub fn make_older(lab: &Lab) {
    let mut entry = birth(lab);
    let fields = entry.as_object_mut().expect("an object");
    assert_eq!(fields.remove("delta"), Some(json!(true)));
    // Records of the first writers have no check.
    fields.remove("check").expect("a check");
    lab.put(BIRTH, entry.to_string());
    delete_log(lab);
}

fn a_lake_is_born_with_a_delta_log(lab: &Lab) {
    put(lab, 10, 0, 30);
    let summary = lab.convert(&[], 0);
    assert_eq!((&summary["delta_versions"], &summary["delta_begun"]), (&json!(1), &json!([])));
    assert_eq!(birth(lab)["delta"], json!(true));
    every_reader_finds_all(lab);
    // A log that is away is written by the next run, though nothing is new.
    delete_log(lab);
    let summary = lab.convert(&[], 0);
    assert_eq!((&summary["objects"], &summary["delta_versions"]), (&json!(0), &json!(1)));
    every_reader_finds_all(lab);
    delete_log(lab);
    let said = lab.run(&["repair", "{}lake/"]);
    assert_eq!((said.code, versions(lab).len()), (0, 1), "{}", said.stderr);
    is_sound(lab);
}

fn an_older_lake_has_a_delta_log_once_it_is_asked_for(lab: &Lab) {
    put(lab, 10, 0, 30);
    lab.convert(&[], 0);
    make_older(lab);
    put(lab, 11, 1, 20);
    assert_eq!(lab.convert(&[], 0)["delta_versions"], 0);
    assert_eq!(versions(lab), Vec::<String>::new());
    let said = lab.run(&["delta", "{}lake/"]);
    assert_eq!((said.code, said.stdout.as_str()), (0, ""));
    assert!(said.stderr.contains("--delta"), "{}", said.stderr);
    // With what is there, and without anything new. People are told which views would count its checkpoints.
    let said = lab.run(&["convert", "{}logs/", "{}lake/", "--delta"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let table = lab.url("lake/flow_logs");
    assert!(said.stderr.contains(&format!("{table} is a Delta table from now on: views that read")), "{}", said.stderr);
    every_reader_finds_all(lab);
    let summary = lab.convert(&["--delta"], 0);
    assert_eq!((&summary["delta_versions"], &summary["delta_begun"]), (&json!(0), &json!([])));
    // Later runs go on with it, and a table that comes later gets one, too.
    put(lab, 12, 2, 10);
    let tgw = "version resource-type tgw-id srcaddr packets bytes start end\n\
               6 TransitGateway tgw-1 10.0.0.1 1 64 1694606400 1694606401\n";
    lab.put_gz("tgw/one.log.gz", tgw);
    let said = lab.run(&["convert", "{}logs/", "{}tgw/", "{}lake/", "--json"]);
    let summary: Value = serde_json::from_str(&said.stdout).expect("JSON");
    assert_eq!(summary["delta_versions"], 2, "{summary}");
    assert_eq!(summary["delta_begun"], json!([lab.url("lake/tgw_flow_logs")]));
    every_reader_finds_all(lab);
}

/// Somebody made a Delta table over the same files: it is nobody's to change, until `--delta` takes it over.
#[test]
fn a_log_of_which_no_version_is_ours_is_left_alone() {
    for is_older in [true, false] {
        let lab = Lab::on_disk();
        put(&lab, 10, 0, 30);
        lab.convert(&[], 0);
        if is_older {
            make_older(&lab)
        } else {
            delete_log(&lab)
        }
        let theirs = format!("lake/flow_logs/_delta_log/{:020}.json", 0);
        lab.put(&theirs, "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n");
        put(&lab, 11, 1, 20);
        let summary = lab.convert(&[], 0);
        assert_eq!((&summary["delta_versions"], &summary["delta_foreign"]), (&json!(0), &json!([])));
        assert_eq!(lab.run(&["verify", "{}lake/"]).code, 0);
        let said = lab.run(&["delta", "{}lake/", "--repair"]);
        assert!(said.code == 4 && said.stdout.contains("none of its versions is flowlake's"), "{}", said.stdout);
        assert_eq!(versions(&lab), [theirs]);
        assert_eq!(lab.convert(&["--delta"], 0)["delta_versions"], 1);
        every_reader_finds_all(&lab);
    }
}

/// What a run asks the store of a Delta log, by method and last part of the name.
fn requests(lab: &Lab) -> Vec<String> {
    requests_of(lab, "_delta_log")
}

/// What a run asks the store of a folder, by method and what stands behind the folder's name.
pub fn requests_of(lab: &Lab, folder: &str) -> Vec<String> {
    let mut run = lab.program(&["convert", "{}logs/", "{}lake/", "--log-format", "json"]);
    let said = said(run.env("FLOWLAKE_LOG", "flowlake=debug").output().expect("the program starts"));
    assert_eq!(said.code, 0, "{}", said.stderr);
    let asked = said.stderr.lines().filter_map(|line| {
        let line: Value = serde_json::from_str(line).expect("a line of JSON");
        let request = line["spans"].as_array()?.last()?;
        let url = request["url"].as_str().filter(|_| line["fields"]["message"] == "close")?;
        let (_, rest) = url.split_once(folder)?;
        Some(match rest.strip_prefix('/') {
            Some(name) => format!("{} {}", request["method"].as_str()?, name.trim_start_matches('0')),
            // The folder is a prefix in the question.
            None => "LIST".to_owned(),
        })
    });
    asked.collect()
}

#[test]
fn a_delta_log_costs_few_requests() {
    let lab = Lab::on_s3();
    put(&lab, 10, 0, 30);
    let unborn = requests(&lab);
    assert_eq!(unborn, ["GET _last_checkpoint", "LIST", "PUT .json"], "nothing is looked for before the first plan");
    let newest = ["GET _last_checkpoint", "LIST", "GET .json"];
    assert_eq!(requests(&lab), newest, "a run that finds nothing new looks once");
    put(&lab, 11, 1, 20);
    assert_eq!(requests(&lab), [&newest[..], &["PUT 1.json"]].concat(), "one look, one version");
    make_older(&lab);
    assert_eq!(requests(&lab), ["GET _last_checkpoint", "LIST"], "whether it was given one");
}
