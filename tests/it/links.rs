//! Links on disk: a file is one object, whatever leads to it and whenever that was made.

use crate::faults::{key, text};
use crate::lab::{Forbidden, Lab};

/// What a conversion of a source finds over its links a redo of that source decodes again, and nothing else.
#[test]
fn a_redo_takes_what_lies_behind_links() {
    let lab = Lab::on_disk();
    let text = |n: u32, bytes: u32| format!("version srcaddr bytes start\n2 10.0.0.{n} {bytes} 1694735970\n");
    let keys = ["logs/2023/09/14/a", "archive/2023/09/14/b", "elsewhere/2023/09/14/c", "third/2023/09/14/d"];
    let keys = keys.map(|key| format!("{key}.log.gz"));
    let fill = |bytes| (0..).zip(&keys).for_each(|(n, key)| lab.put_gz(key, &text(n, bytes)));
    fill(1);
    let link = |target: &str, name: &str| {
        std::os::unix::fs::symlink(lab.path(target), lab.path(name)).expect("the lab can link");
    };
    link("archive", "logs/archive");
    link(&keys[2], "logs/2023/09/14/one.log.gz");
    let said = lab.run(&["convert", "{}logs/", "{}third/", "{}lake/", "--json"]);
    assert!(said.code == 0 && said.stdout.contains("\"objects\":4"), "{}{}", said.stdout, said.stderr);
    fill(2);
    let redo = ["--redo", "--since", "2023-09-14", "--until", "2023-09-14", "--retention", "0s"];
    // That the lake is trusted makes no object of it one of this source.
    for trust in [&[][..], &["--trust-plans"]] {
        let summary = lab.convert(&[&redo[..], trust].concat(), 0);
        assert_eq!((&summary["objects_planned"], &summary["objects_kept"]), (&3.into(), &0.into()), "{summary}");
    }
    let bytes = |key: &String| {
        let rows = lab.lake_rows();
        let row = rows.iter().find(|((object, _), _)| *object == lab.url(key)).expect("a row of each");
        row.1["bytes"].clone()
    };
    assert_eq!(keys.each_ref().map(bytes), ["2", "2", "2", "1"]);
    // Without the link it is no object of that source any more.
    std::fs::remove_file(lab.path("logs/archive")).expect("the lab's own link");
    fill(3);
    assert_eq!(lab.convert(&redo, 0)["objects_planned"], 2);
    assert_eq!(keys.each_ref().map(bytes), ["3", "2", "3", "1"]);
}

/// A file behind a link is held against its copies as any other of the source is.
#[test]
fn copies_behind_links_are_found() {
    let lab = Lab::on_disk();
    for folder in ["archive", "replica"] {
        lab.put_gz(&format!("{folder}/{}", key(1, 1)), &text(1, 1));
    }
    std::fs::create_dir(lab.path("logs")).expect("the lab can make folders");
    std::os::unix::fs::symlink(lab.path("archive"), lab.path("logs/archive")).expect("the lab can link");
    lab.convert(&[], 0);
    let said = lab.run(&["convert", "{}logs/", "{}replica/", "{}lake/", "--copies", "skip", "--json"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    assert!(said.stdout.contains("\"objects_copies\":1"), "{}", said.stdout);
    assert_eq!(lab.lake_rows(), lab.expected("archive").rows);
}

#[test]
fn a_file_behind_several_links_is_converted_once() {
    let lab = Lab::on_disk();
    let text = |n: u32| format!("version srcaddr start\n2 10.0.0.{n} 1694735970\n");
    lab.put_gz("archive/2023/09/14/a.log.gz", &text(1));
    lab.put_gz("archive/loose.log.gz", &text(2));
    lab.put_gz("logs/own.log.gz", &text(3));
    let link = |target: &str, name: &str| {
        std::os::unix::fs::symlink(lab.path(target), lab.path(name)).expect("the lab can link");
    };
    link("archive", "logs/z-first");
    // Over this way, the folder's name says another day.
    std::fs::create_dir_all(lab.path("logs/2023/09")).expect("the lab can make folders");
    link("archive/2023/09/14", "logs/2023/09/20");
    link("archive/loose.log.gz", "logs/z-file.log.gz");
    assert_eq!(lab.convert(&[], 0)["objects"], 3);
    // A link that sorts before the first one changes nothing, nor does the archive as a source of its own.
    link("archive", "logs/a-second");
    assert_eq!(lab.convert(&["--full-scan"], 0)["objects"], 0);
    let said = lab.run(&["convert", "{}archive/", "{}logs/", "{}lake/", "--json"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stdout.contains("\"objects\":0"), "{}", said.stdout);
    let mut expected = lab.expected("archive").rows;
    expected.extend(lab.expected("logs").rows.into_iter().filter(|((object, _), _)| object.ends_with("own.log.gz")));
    assert_eq!(expected.len(), 3);
    assert_eq!(lab.lake_rows(), expected);
}

/// The disk behind a link may come later than days that are listed.
#[test]
fn a_day_behind_a_link_that_led_nowhere_is_listed_once_it_is_there() {
    for (tree, late) in [("logs", "2023/09/02"), ("logs/AWSLogs/111111111111/vpcflowlogs/us-east-1", "2023/09")] {
        let lab = Lab::on_disk();
        let text = |n: u32| format!("version srcaddr start\n2 10.0.0.{n} 1694735970\n");
        lab.put_gz(&format!("{tree}/2023/10/20/a.log.gz"), &text(1));
        std::fs::create_dir_all(lab.path(&format!("{tree}/2023/09"))).expect("the lab can make folders");
        let link = lab.path(&format!("{tree}/{late}"));
        if late.ends_with("/09") {
            std::fs::remove_dir(&link).expect("it is empty");
        }
        std::os::unix::fs::symlink(lab.path("disk"), link).expect("the lab can link");
        for converted in [1, 0] {
            let summary = lab.convert(&[], 0);
            assert_eq!(summary["objects"], converted, "{summary}");
            assert_eq!(summary["skipped"]["links that lead nowhere"], 1, "{summary}");
        }
        lab.put_gz("disk/02/b.log.gz", &text(2));
        assert_eq!(lab.convert(&[], 0)["objects"], 1);
        assert_eq!(lab.convert(&[], 0)["objects"], 0);
        assert_eq!(lab.lake_rows().len(), 2);
    }
}

/// What a redo cannot look behind is named, and what the lake has from there stays.
#[test]
fn a_redo_names_links_that_lead_nowhere() {
    let lab = Lab::on_disk();
    let text = |bytes: u32| format!("version srcaddr bytes start\n2 10.0.0.1 {bytes} 1694735970\n");
    let fill = |bytes| lab.put_gz("logs/2023/09/14/a.log.gz", &text(bytes));
    fill(1);
    lab.put_gz("archive/2023/09/14/b.log.gz", &text(1));
    std::os::unix::fs::symlink(lab.path("archive"), lab.path("logs/archive")).expect("the lab can link");
    lab.convert(&[], 0);
    fill(2);
    std::fs::rename(lab.path("archive"), lab.path("away")).expect("the lab can rename");
    let redo = ["--redo", "--since", "2023-09-14", "--until", "2023-09-14", "--retention", "0s"];
    let summary = lab.convert(&redo, 3);
    assert_eq!(summary["objects_planned"], 1, "{summary}");
    let denied = summary["denied"].as_array().expect("a list");
    assert_eq!(denied.len(), 1, "{summary}");
    let named = denied[0].as_str().expect("a text");
    assert!(named.contains("logs/archive") && named.contains("a link that leads nowhere"), "{named}");
    assert_eq!(lab.lake_rows().len(), 2);
    // Back again, it is as any other.
    std::fs::rename(lab.path("away"), lab.path("archive")).expect("the lab can rename");
    let summary = lab.convert(&redo, 0);
    assert_eq!((&summary["objects_planned"], &summary["denied"]), (&2.into(), &serde_json::json!([])), "{summary}");
    assert_eq!(lab.lake_rows().len(), 2);
}

/// A folder that cannot be listed hides the links in it: it is named, like an object in it that cannot be read, and what
/// lies behind both stays.
#[test]
fn a_redo_names_folders_that_cannot_be_listed() {
    let lab = Lab::on_disk();
    let text = |bytes: u32| format!("version srcaddr bytes start\n2 10.0.0.1 {bytes} 1694735970\n");
    let own = ["logs/2023/09/14/a.log.gz", "logs/closed/2023/09/14/c.log.gz"];
    let fill = |bytes| own.iter().for_each(|name| lab.put_gz(name, &text(bytes)));
    fill(1);
    lab.put_gz("archive/2023/09/14/b.log.gz", &text(1));
    std::os::unix::fs::symlink(lab.path("archive"), lab.path("logs/closed/archive")).expect("the lab can link");
    assert_eq!(lab.convert(&[], 0)["objects"], 3);
    fill(2);
    lab.put_gz("archive/2023/09/14/b.log.gz", &text(2));
    lab.forbid(Forbidden::Read, "logs/closed");
    let redo = ["--redo", "--since", "2023-09-14", "--until", "2023-09-14", "--retention", "0s", "--json"];
    let said = lab.run_without_privilege(&[&["convert", "{}logs/", "{}lake/"][..], &redo].concat());
    assert_eq!(said.code, 3, "{}", said.stderr);
    let summary: serde_json::Value = serde_json::from_str(&said.stdout).expect("JSON");
    let only = |list: &str| {
        let named = summary[list].as_array().expect("a list");
        assert_eq!(named.len(), 1, "{list}: {summary}");
        named[0].as_str().expect("a text").to_owned()
    };
    let folder = format!("file://{}/: ", lab.path("logs/closed").canonicalize().expect("a folder").display());
    assert!(only("denied").starts_with(&folder) && only("denied").contains("ermission denied"), "{summary}");
    assert!(only("kept").contains("closed/2023/09/14/c.log.gz: "), "{summary}");
    assert_eq!(summary["objects"], 1, "{summary}");
    let bytes = || lab.lake_rows().into_values().map(|row| row["bytes"].clone()).collect::<Vec<_>>();
    let mut kept = bytes();
    kept.sort();
    assert_eq!(kept, ["1", "1", "2"]);
    lab.permit("logs/closed");
    lab.convert(&redo[..7], 0);
    assert_eq!(bytes(), ["2", "2", "2"]);
}
