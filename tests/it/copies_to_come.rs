//! Copies whose firsts are still to come: in another task, in an open plan of this run's sources or of others. One of
//! two is converted, whatever is finished first.

use flowlake::cli;
use flowlake::convert::{self, Sides, Stop};
use flowlake::progress::{Progress, When};

use crate::copies::{
    BOTH, DAYS, convert, fill, forget, give_up_the_first, is_sound, remove, stored, with_copies_left_out,
};
use crate::faults::{key, text};
use crate::lab::{Lab, on_both_stores};

on_both_stores!(what_an_open_plan_will_convert_is_the_first, a_copy_waits_for_the_seal_of_its_plan);

const SKIP: [&str; 2] = ["--copies", "skip"];

/// Lists and plans, and converts nothing: what a run leaves that dies then, or that still works on another host. Gives
/// the number of objects in its plan. On disk alone: it finds no credentials.
pub fn plan(lab: &Lab, sources: &[&str]) -> u64 {
    use clap::Parser;
    let scratch = lab.temporary().join("plans").display().to_string();
    let arguments = [&["flowlake", "convert"], sources, &["{}lake/", "--scratch", &scratch], &SKIP].concat();
    let arguments = arguments.iter().map(|argument| argument.replace("{}", &lab.root));
    let cli::Command::Convert(parsed) = cli::Cli::parse_from(arguments).command else { panic!("it is a conversion") };
    let options = parsed.options().expect("sound options");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let planned = runtime.block_on(async {
        let sides = Sides::open(&options).await.expect("both are there");
        convert::plan_between(&options, sides, &Progress::new(When::Never), &Stop::default()).await
    });
    planned.expect("no faults").converted.objects_planned
}

fn what_an_open_plan_will_convert_is_the_first(lab: &Lab) {
    fill(lab, "replica");
    convert(lab, &BOTH[1..], &[], 0);
    // A run that died.
    remove(lab, "lake/_flowlake/commits");
    forget(lab, 2);
    fill(lab, "logs");
    let dry = convert(lab, &BOTH, &["--dry-run", "--copies", "skip"], 0);
    assert_eq!((&dry["objects"], &dry["open_plans"]), (&0.into(), &1.into()), "{dry}");
    // A run that does not finish that plan does not wait for it.
    let dry = convert(lab, &BOTH[..1], &["--dry-run", "--copies", "skip"], 3);
    assert_eq!((&dry["objects"], &dry["open_plans"]), (&DAYS.into(), &0.into()), "{dry}");
    let refused = dry["plans_refused"].as_array().expect("a list");
    assert!(refused.len() == 1 && refused[0]["plan"] == 1, "{dry}");
    let summary = convert(lab, &BOTH, &["--copies", "skip"], 0);
    assert_eq!((&summary["objects"], &summary["objects_copies"]), (&DAYS.into(), &DAYS.into()), "{summary}");
    assert_eq!(lab.lake_rows(), lab.expected("replica").rows);
    is_sound(lab, &BOTH);
}

/// The first and its copy are in two tasks of one plan; the run died when only the one with the copy was done, which
/// takes no time.
fn a_copy_waits_for_the_seal_of_its_plan(lab: &Lab) {
    // Two of them are more than a task holds.
    let long = text(1, 1) + &"\n".repeat(4_300_000);
    for folder in ["logs", "replica"] {
        lab.put(&format!("{folder}/{}", key(1, 1)), stored(&long));
    }
    assert_eq!(convert(lab, &BOTH, &SKIP, 0)["objects_copies"], 1);
    let commits: Vec<String> = lab.list("lake/_flowlake/commits").into_keys().collect();
    assert!(commits.len() == 2 && commits[0].contains("/000000."), "{commits:?}");
    lab.delete(&object_store::path::Path::parse(&commits[0]).expect("a name"));
    forget(lab, 2);
    // Without the source of the first, that plan is not finished.
    let summary = convert(lab, &BOTH[1..], &SKIP, 3);
    assert_eq!((&summary["objects"], &summary["objects_planned"]), (&0.into(), &0.into()), "{summary}");
    let summary = convert(lab, &BOTH, &SKIP, 0);
    assert_eq!((&summary["objects"], &summary["objects_planned"]), (&1.into(), &0.into()), "{summary}");
    let expected = lab.expected("logs").rows;
    assert!(lab.lake_rows() == expected && expected.len() == 5);
    is_sound(lab, &BOTH);
}

/// The plan of the copies is sealed while the plan of their firsts is open: the copies leave it, and are looked at by
/// every run.
#[test]
fn a_copy_that_was_put_off_waits_for_its_first() {
    let lab = Lab::on_disk();
    fill(&lab, "logs");
    assert_eq!(plan(&lab, &BOTH[..1]), u64::from(DAYS));
    fill(&lab, "replica");
    assert_eq!(plan(&lab, &BOTH), u64::from(DAYS), "the copies");
    // It may not fetch the firsts, and lists no day of the copies.
    let summary = convert(&lab, &BOTH[1..], &[&SKIP[..], &["--since", "2024-01-01"]].concat(), 3);
    assert_eq!((&summary["objects"], &summary["objects_planned"]), (&0.into(), &0.into()), "{summary}");
    let seal: serde_json::Value =
        serde_json::from_slice(&lab.get("lake/_flowlake/log/00000000000000000003.json")).expect("JSON");
    assert_eq!(
        (&seal["kind"], seal["unread"].as_object().map(|folders| !folders.is_empty())),
        (&"seal".into(), Some(true))
    );
    // Who never names the source of the firsts does not wait for them.
    let dry = convert(&lab, &BOTH[1..], &[&SKIP[..], &["--dry-run"]].concat(), 3);
    assert_eq!(dry["objects"], DAYS, "{dry}");
    let dry = convert(&lab, &BOTH, &[&SKIP[..], &["--dry-run"]].concat(), 0);
    assert_eq!((&dry["objects"], &dry["open_plans"]), (&0.into(), &1.into()), "{dry}");
    assert_eq!(plan(&lab, &BOTH), 0);
    assert_eq!(convert(&lab, &BOTH, &SKIP, 0)["objects"], DAYS);
    assert_eq!(lab.lake_rows(), lab.expected("logs").rows);
    assert_eq!(convert(&lab, &BOTH, &[&SKIP[..], &["--full-scan"]].concat(), 0)["objects_planned"], 0);
    is_sound(&lab, &BOTH);
}

/// The first of the copies was given up, and a third object of the same bytes is in an open plan.
#[test]
fn a_copy_whose_first_was_given_up_waits_for_another_one() {
    let lab = Lab::on_disk();
    with_copies_left_out(&lab);
    give_up_the_first(&lab);
    remove(&lab, "logs");
    fill(&lab, "second");
    assert_eq!(plan(&lab, &["{}second/"]), u64::from(DAYS));
    let sources = [BOTH[1], "{}second/"];
    let dry = convert(&lab, &sources, &[&SKIP[..], &["--dry-run"]].concat(), 0);
    assert_eq!((&dry["objects"], &dry["open_plans"]), (&0.into(), &1.into()), "{dry}");
    let summary = convert(&lab, &sources, &SKIP, 0);
    assert_eq!((&summary["objects"], &summary["objects_copies"]), (&DAYS.into(), &DAYS.into()), "{summary}");
    assert_eq!(lab.lake_rows(), lab.expected("second").rows);
    is_sound(&lab, &sources);
}
