//! What commands do with a lake of somebody else, case by case.

use serde_json::{Value, json};

use super::changes::{COMMITTED, SECRET_NAME, fill, intent, link, named, plan_object};
use super::{lab, run, somebody};
use crate::lab::{Lab, Said};

fn json_of(said: &Said) -> Value {
    serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", said.stdout, said.stderr))
}

#[test]
fn a_plan_of_other_sources_stays_open_and_the_rest_goes_on() {
    let lab = lab();
    let (url, key) = named(&lab, SECRET_NAME);
    plan_object(&lab, &url, &key);
    let convert = |more: &[&str]| lab.run(&[&["convert", "{}logs/", "{}lake/", "--json"], more].concat());
    for _ in 0..2 {
        let dry = convert(&["--dry-run"]);
        assert_eq!((dry.code, &json_of(&dry)["open_plans"]), (3, &json!(0)), "{}", dry.stderr);
        assert_eq!(json_of(&dry)["plans_refused"], json!([{ "plan": 8, "object": url }]));
        let dry = convert(&["--dry-run", "--trust-plans"]);
        assert_eq!((dry.code, &json_of(&dry)["open_plans"]), (0, &json!(1)), "{}", dry.stderr);
        let said = convert(&[]);
        assert_eq!(said.code, 3, "{}", said.stderr);
        assert_eq!(json_of(&said)["plans_refused"], json!([{ "plan": 8, "object": url }]));
    }
    for more in [&[][..], &["--dry-run"]] {
        let said = lab.run(&[&["convert", "{}logs/", "{}lake/"], more].concat());
        let is_named = said.stderr.contains(&format!("plan 8: {url}")) && said.stderr.contains("--trust-plans");
        assert!(said.code == 3 && is_named, "{more:?}: {}", said.stderr);
    }
    let addresses = || -> Vec<String> {
        let mut found: Vec<String> =
            lab.lake_rows().into_values().filter_map(|row| row.get("srcaddr").cloned()).collect();
        found.sort();
        found
    };
    assert!(addresses().contains(&"10.0.0.9".to_owned()), "what is new is converted");
    assert!(!addresses().contains(&"10.66.66.66".to_owned()));
    // Named as a source, or trusted, it is read.
    let said = lab.run(&["convert", "{}logs/", "{}outside/", "{}lake/", "--json"]);
    assert_eq!(json_of(&said)["plans_refused"], json!([]), "{}", said.stderr);
    assert!(addresses().contains(&"10.66.66.66".to_owned()), "{}", said.stderr);

    let lab = self::lab();
    let (url, key) = named(&lab, SECRET_NAME);
    plan_object(&lab, &url, &key);
    let said = lab.run(&["convert", "{}logs/", "{}lake/", "--json", "--trust-plans"]);
    assert_eq!((said.code, &json_of(&said)["plans_refused"]), (0, &json!([])), "{}", said.stderr);
    assert_eq!(lab.lake_rows().into_values().filter(|row| row["srcaddr"] == "10.66.66.66").count(), 1);
}

/// What lies behind a link of the source is the source's: a run that was killed is finished.
#[test]
fn an_open_plan_may_name_what_a_link_of_the_source_leads_to() {
    let lab = lab();
    link(&lab, "outside/2023", "logs/linked");
    let (url, key) = named(&lab, SECRET_NAME);
    plan_object(&lab, &url, &key);
    let said = lab.run(&["convert", "{}logs/", "{}lake/", "--json"]);
    assert_eq!((said.code, &json_of(&said)["plans_refused"]), (0, &json!([])), "{}", said.stderr);
    assert_eq!(lab.lake_rows().into_values().filter(|row| row["srcaddr"] == "10.66.66.66").count(), 1);
    let said = lab.run(&["verify", "{}lake/", "{}logs/", "--json"]);
    assert_eq!(said.code, 0, "{}", said.stdout);
    let summary: Value = serde_json::from_str(said.stdout.lines().last().expect("a summary")).expect("JSON");
    assert_eq!(summary["sources"]["equal"], 2, "{summary}");
}

/// `--replay` reads again what was set aside at the sources that are named, and nowhere else.
#[test]
fn a_replay_reads_the_sources_that_are_named() {
    let lab = Lab::on_disk();
    let bare = |n: u32| format!("2 10.0.0.{n} 1694735970\n");
    let folder = "AWSLogs/012345678901/vpcflowlogs/us-east-1/2023/09/14";
    lab.put_gz(&format!("logs/{folder}/a.log.gz"), &bare(1));
    lab.put_gz(&format!("more/{folder}/b.log.gz"), &bare(2));
    let said = lab.run(&["convert", "{}logs/", "{}more/", "{}lake/", "--json"]);
    assert_eq!(json_of(&said)["objects_aside"], 2, "{}", said.stderr);
    let format = ["--format", "${version} ${srcaddr} ${start}", "--replay", "--json"];
    let replay = |places: &[&str]| lab.run(&[&["rejects", "{}lake/"], places, &format].concat());
    let said = replay(&[]);
    assert_eq!(said.code, 2, "{}", said.stderr);
    let said = replay(&["{}logs/"]);
    assert_eq!((said.code, &json_of(&said)["objects"]), (3, &json!(1)), "{}", said.stderr);
    assert!(said.stdout.contains("b.log.gz: it is not of this run's sources"), "{}", said.stdout);
    let said = replay(&["--trust-plans"]);
    assert_eq!((said.code, &json_of(&said)["objects"]), (0, &json!(1)), "{}", said.stderr);
    assert_eq!(lab.lake_rows().len(), 2);
}

/// An intent that names what another task committed, or files of people, removes nothing and is named.
#[test]
fn an_intent_speaks_of_its_own_task_alone() {
    for path in [COMMITTED, "flow_logs/date=2023-09-14/notes.txt", "_flowlake/log/00000000000000000000.json"] {
        let lab = lab();
        lab.put("lake/flow_logs/date=2023-09-14/notes.txt", "notes");
        intent(&lab, |intent| intent["files"][0]["path"] = json!(path));
        let said = lab.run(&["convert", "{}logs/", "{}lake/", "--json", "--trust-plans"]);
        assert_eq!(said.code, 3, "the plan's object is gone: {}", said.stderr);
        let ignored = json_of(&said)["intents_ignored"].clone();
        assert!(ignored.as_array().is_some_and(|names| names.len() == 1), "{ignored}");
        assert!(ignored[0].as_str().is_some_and(|name| name.contains("aaaaaaaaaaaaaaaa.json")), "{ignored}");
        assert!(lab.path(&format!("lake/{path}")).exists(), "{path}");
        // The file of the attempt that died is swept all the same.
        assert_eq!(lab.lake_rows().len(), 6);
    }
}

#[test]
fn links_in_a_lake_are_refused_by_name_and_followed_on_demand() {
    let lab = Lab::on_disk();
    lab.put_gz("logs/2023/09/14/a.log.gz", "version srcaddr bytes start\n2 10.0.0.1 7 1694735970\n");
    lab.convert(&[], 0);
    // As people do who have a larger disk.
    std::fs::create_dir(lab.path("disk")).expect("the lab can make folders");
    std::fs::rename(lab.path("lake/flow_logs"), lab.path("disk/flow_logs")).expect("the lab can rename");
    link(&lab, "disk/flow_logs", "lake/flow_logs");
    lab.put_gz("logs/2023/09/15/b.log.gz", "version srcaddr bytes start\n2 10.0.0.2 7 1694822370\n");
    let ask = ["query", "{}lake/", "SELECT count(*) AS n FROM flow_logs", "--format", "csv"];
    let commands: [&[&str]; 8] = [
        &["convert", "{}logs/", "{}lake/"],
        &["convert", "{}logs/", "{}lake/", "--dry-run"],
        &["verify", "{}lake/"],
        &["rejects", "{}lake/"],
        &["ddl", "{}lake/", "--engine", "trino"],
        &["report", "{}lake/"],
        &["serve", "{}lake/", "--listen", "127.0.0.1:0"],
        &ask,
    ];
    for command in commands {
        let refused = run(&lab, command);
        assert_eq!(refused.code, 1, "{command:?}: {}", refused.stderr);
        let named = refused.stderr.contains("lake/flow_logs\" is a link") && refused.stderr.contains("--follow-links");
        assert!(named, "{command:?}: {}", refused.stderr);
        let followed = run(&lab, &[command, &["--follow-links"]].concat());
        assert_eq!(followed.code, 0, "{command:?}: {}", followed.stderr);
    }
    assert_eq!(lab.run(&[&ask[..], &["--follow-links"]].concat()).stdout, "n\n2\n");
    assert!(lab.path("disk/flow_logs/date=2023-09-15").is_dir(), "new rows go where the link leads");
}

/// The records of the matrix on S3 are sound but for where they lead: with trust, the same plan is done.
#[test]
fn a_plan_of_another_bucket_is_done_only_if_it_is_trusted() {
    let lab = Lab::on_s3();
    fill(&lab);
    let url = somebody().url(SECRET_NAME);
    plan_object(&lab, &url, SECRET_NAME);
    let convert = |more: &[&str]| lab.run(&[&["convert", "{}logs/", "{}lake/", "--json"], more].concat());
    let secrets = || lab.lake_rows().into_values().filter(|row| row["srcaddr"] == "10.66.66.66").count();
    for more in [&["--dry-run"][..], &[]] {
        let said = convert(more);
        assert_eq!((said.code, secrets()), (3, 0), "{more:?}: {}", said.stderr);
        assert_eq!(json_of(&said)["plans_refused"], json!([{ "plan": 8, "object": url }]), "{more:?}");
    }
    let said = convert(&["--trust-plans"]);
    assert_eq!((said.code, secrets()), (0, 1), "{}", said.stderr);
}
