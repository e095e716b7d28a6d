//! What `packaging/` runs and allows: its commands are understood by the program, its policies give no right beyond
//! their name.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::lab::Lab;

fn file(name: &str) -> String {
    let path = format!("{}/packaging/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn json(name: &str) -> Value {
    serde_json::from_str(&file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The command with the places replaced by ones that are not there: understood, and then an error that is not of usage.
fn assert_is_understood(command: &[String]) {
    let lab = Lab::on_disk();
    let local: Vec<String> = command.iter().map(|word| word.replace("s3://", &lab.root)).collect();
    let said = lab.run(&local.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(said.code, 1, "{command:?}: {}", said.stderr);
    assert!(said.stderr.contains("does not exist"), "{command:?}: {}", said.stderr);
}

#[test]
fn every_example_runs_a_command_that_exists() {
    let task = json("ecs/task-definition.json");
    let words = task["containerDefinitions"][0]["command"].as_array().expect("a command");
    assert_is_understood(&words.iter().map(|word| word.as_str().expect("text").to_owned()).collect::<Vec<_>>());

    let cronjob = file("kubernetes/cronjob.yaml");
    let words = cronjob.lines().skip_while(|line| line.trim() != "args:").skip(1);
    let words = words.map_while(|line| line.trim().strip_prefix("- ").map(str::to_owned));
    assert_is_understood(&words.collect::<Vec<_>>());

    let service = file("systemd/flowlake.service");
    let start =
        service.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/flowlake ")).expect("a command");
    let start = start.replace("${SOURCE}", "s3://my-logs/AWSLogs/").replace("${LAKE}", "s3://my-lake/");
    assert_is_understood(&start.split(' ').map(str::to_owned).collect::<Vec<_>>());
}

#[test]
fn policies_give_the_least_rights() {
    let read = ["s3:ListBucket", "s3:GetObject"];
    let write = [
        "s3:ListBucket",
        "s3:ListBucketMultipartUploads",
        "s3:GetObject",
        "s3:PutObject",
        "s3:DeleteObject",
        "s3:AbortMultipartUpload",
    ];
    for (name, allowed, kms) in [
        ("source-read", &read[..], &[][..]),
        ("source-read-kms", &read, &["kms:Decrypt"]),
        ("source-bucket-policy-requester-pays", &read, &[]),
        ("lake-read", &read, &[]),
        ("lake-read-kms", &read, &["kms:Decrypt"]),
        ("lake-write", &write, &[]),
        ("lake-write-kms", &write, &["kms:Decrypt", "kms:GenerateDataKey"]),
    ] {
        let policy = json(&format!("iam/{name}.json"));
        let statements = policy["Statement"].as_array().expect("statements");
        let texts = |value: &Value| -> Vec<String> {
            value.as_array().expect("a list").iter().map(|text| text.as_str().expect("text").to_owned()).collect()
        };
        let given: BTreeSet<String> = statements.iter().flat_map(|statement| texts(&statement["Action"])).collect();
        let expected: BTreeSet<String> = allowed.iter().chain(kms).map(|&action| action.to_owned()).collect();
        assert_eq!(given, expected, "{name}");
        for resource in statements.iter().flat_map(|statement| texts(&statement["Resource"])) {
            assert!(
                resource.starts_with("arn:aws:s3:::my-") || resource.starts_with("arn:aws:kms:"),
                "{name}: {resource}"
            );
        }
    }
    for name in ["athena-analyst", "scheduler"] {
        let text = file(&format!("iam/{name}.json"));
        json(&format!("iam/{name}.json"));
        assert!(!text.contains("\"*\""), "{name} allows everything somewhere: {text}");
    }
}
