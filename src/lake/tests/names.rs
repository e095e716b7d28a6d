use super::*;

#[test]
fn names_are_relative_to_a_lake_that_may_move() {
    let names = lake().names;
    let path = names.log(7);
    assert_eq!(path.as_ref(), "some/lake/_flowlake/log/00000000000000000007.json");
    assert_eq!(names.relative(&path), "_flowlake/log/00000000000000000007.json");
    let filed = names.filed_receipts(Day(None), 7, 1, "0123456789abcdefXXXX");
    assert_eq!(Names::hash_of(&filed), Some("0123456789abcdef"));
    assert_eq!(Names::hash_of(&names.plan_body(7, "0123456789abcdef0123456789abcdef")), None);
    assert_eq!(names.url(&path), "s3://bucket/some/lake/_flowlake/log/00000000000000000007.json");
    assert_eq!(names.log_of(&path), Some(7));
    let data = names.data(Table::FLOW_LOGS, "date=2023-09-14", 1, 2, 3, "0123456789abcdefXXXX");
    assert_eq!(data.as_str(), "flow_logs/date=2023-09-14/p00000001-t000002-0003-0123456789abcdef.parquet");
}

#[test]
fn a_published_name_tells_its_task_and_other_names_tell_none() {
    let names = lake().names;
    let (plan, task, hash) = (1, 1_000_002, "0123456789abcdef");
    let published = Some(TaskRef { plan, task });
    let data = names.data(Table::TGW_FLOW_LOGS, "date=2023-09-14/hour=07", plan, task, 10_000, hash);
    for name in [&data, &Names::waiting(&data), &names.rejects(plan, task, hash)] {
        assert_eq!(Names::task_of_published(name), published, "{name}");
    }
    let others = [
        "flow_logs/p00000001-t000002-0000-0123456789abcdef.parquet",
        "other/date=2023-09-14/p00000001-t000002-0000-0123456789abcdef.parquet",
        "flow_logs/date=2023-09-14/p00000001-t000002-0000-0123456789abcdef.parquet.bak",
        "flow_logs/date=2023-09-14/p1-t2-0-0123456789abcdef.parquet",
        "flow_logs/date=2023-09-14/p00000001-t000002-0000-0123456789abcdeg.parquet",
        "flow_logs/date=2023-09-14/p00000001-t000002-0123456789abcdef.parquet",
        "flow_logs/date=2023-09-14/p-important.parquet",
        "_flowlake/rejects/x/p00000001-t000002-0123456789abcdef.ndjson.zst",
        "_flowlake/log/p00000001-t000002-0123456789abcdef.ndjson.zst",
        "_flowlake/waiting/p00000001-t000002-0000-0123456789abcdef.parquet",
    ];
    for name in others {
        assert_eq!(Names::task_of_published(name), None, "{name}");
    }
}

proptest::proptest! {
    #[test]
    fn a_name_is_read_as_it_is_spelled(
        plan in 0..u64::MAX, task in 0..u64::MAX, ordinal in 0..20_000usize, hash in "[0-9a-f]{16}"
    ) {
        let names = lake().names;
        let of = Some(TaskRef { plan, task });
        proptest::prop_assert_eq!(names.log_of(&names.log(plan)), Some(plan));
        proptest::prop_assert_eq!(names.checkpoint_of(&names.checkpoint(plan)), Some(plan));
        proptest::prop_assert_eq!(names.filed_heads_of(&names.inside(&names.filed_heads(plan, &hash))), Some(plan));
        proptest::prop_assert_eq!(names.commit_of(&names.commit(plan, task)), of);
        proptest::prop_assert_eq!(names.intent_of(&names.inside(&names.intent(plan, task, &hash))), of);
        let data = names.data(Table::FLOW_LOGS, "date=2023-09-14", plan, task, ordinal, &hash);
        proptest::prop_assert_eq!(Names::task_of_published(&data), of);
        proptest::prop_assert_eq!(Names::task_of_published(&Names::waiting(&data)), of);
        proptest::prop_assert_eq!(Names::task_of_published(&names.rejects(plan, task, &hash)), of);
    }

    /// A name of ours with a character more, less or another one is either nobody's, or another name of ours, spelled
    /// as it is read.
    #[test]
    fn a_name_that_is_not_exactly_ours_is_nobodys(
        which in 0..7usize, at in 0..400usize, with in proptest::option::of("[ -~]"), cut in 0..2usize
    ) {
        let names = lake().names;
        let hash = "0123456789abcdef";
        let data = names.inside(&names.data(Table::FLOW_LOGS, "date=2023-09-14", 3, 4, 5, hash));
        let ours = [
            names.log(3), names.checkpoint(3), names.inside(&names.filed_heads(3, hash)), names.commit(3, 4),
            names.inside(&names.intent(3, 4, hash)), data, names.inside(&names.rejects(3, 4, hash)),
        ];
        let mut text = ours[which].to_string();
        let at = at % (text.len() + 1);
        let until = (at + cut).min(text.len());
        text.replace_range(at..until, with.as_deref().unwrap_or_default());
        let Ok(path) = Path::parse(&text) else { return Ok(()) };
        let same = |spelled: Option<Path>| spelled.is_none_or(|spelled| spelled == path);
        proptest::prop_assert!(same(names.log_of(&path).map(|number| names.log(number))));
        proptest::prop_assert!(same(names.checkpoint_of(&path).map(|number| names.checkpoint(number))));
        proptest::prop_assert!(same(names.commit_of(&path).map(|of| names.commit(of.plan, of.task))));
        let hash = || path.filename().and_then(|name| Some(name.split_once('.')?.0.to_owned())).unwrap_or_default();
        let intent = names.intent_of(&path).map(|of| names.inside(&names.intent(of.plan, of.task, &hash())));
        proptest::prop_assert!(same(intent));
        let hash = || Names::hash_of(path.as_ref()).expect("it was read").to_owned();
        if let Some(of) = Names::task_of_published(&names.relative(&path)) {
            let (plan, task) = (format!("/p{:08}-", of.plan), format!("-t{:06}-", of.task));
            proptest::prop_assert!(text.contains(&plan) && text.contains(&task) && text.contains(&hash()));
        }
        let live = names.filed_live_of(&path);
        let live = live.map(|(table, day, number)| names.inside(&names.filed_live(table, day, number, &hash())));
        proptest::prop_assert!(same(live));
        if names.plan_body_of(&path).is_some() {
            proptest::prop_assert!(names.named(&path).is_some(), "{}", text);
        }
        let heads = names.filed_heads_of(&path).map(|of| names.inside(&names.filed_heads(of, &hash())));
        proptest::prop_assert!(same(heads));
    }
}

#[test]
fn names_that_others_lay_beside_ours_are_nobodys() {
    let names = lake().names;
    let hash = "0123456789abcdef";
    let ours = [
        names.log(3).to_string(),
        names.checkpoint(3).to_string(),
        names.inside(&names.filed_heads(3, hash)).to_string(),
        names.inside(&names.filed_live(Table::FLOW_LOGS, Day(None), 3, hash)).to_string(),
        names.inside(&names.plan_body(3, "0123456789abcdef0123456789abcdef")).to_string(),
        names.commit(3, 4).to_string(),
        names.inside(&names.intent(3, 4, hash)).to_string(),
        names.inside(&names.data(Table::FLOW_LOGS, "date=2023-09-14", 3, 4, 5, hash)).to_string(),
    ];
    for name in &ours {
        let (folder, file) = name.rsplit_once('/').expect("a folder");
        let (stem, end) = file.split_once('.').expect("an ending");
        let others = [
            format!("{name}.bak"),
            format!("{name}/x"),
            format!("{name}/{file}"),
            format!("{folder}/.DS_Store"),
            format!("{folder}/x.tmp"),
            format!("{folder}/0{file}"),
            format!("{folder}/+{file}"),
            format!("{folder}/{stem}"),
            format!("{folder}/{stem} (1).{end}"),
            format!("{folder}/{stem}~"),
            format!("{folder}/{}", file.to_uppercase()),
            format!("{folder}/old/{file}"),
            format!("other/{file}"),
        ];
        for other in others {
            let path = Path::from(other.as_str());
            assert_eq!(
                names.log_of(&path).or(names.checkpoint_of(&path)).or(names.filed_heads_of(&path)),
                None,
                "{other}"
            );
            assert_eq!(names.commit_of(&path).or(names.intent_of(&path)), None, "{other}");
            assert_eq!(names.filed_live_of(&path), None, "{other}");
            assert_eq!(names.plan_body_of(&path), None, "{other}");
            let relative = names.relative(&path);
            // Any folder of a table may be a partition.
            if !other.ends_with(&format!("/{file}")) {
                assert_eq!(Names::task_of_published(&relative), None, "{other}");
            }
        }
    }
}

/// What the program could not spell itself is nobody's, and no reason to end.
#[test]
fn names_that_no_program_spells_are_nobodys() {
    let names = lake().names;
    for text in [
        "_flowlake/live/flow_logs/date=+12345-01-01/00000000000000000001-0123456789abcdef.parquet",
        "_flowlake/live/flow_logs/date=-0001-01-01/00000000000000000001-0123456789abcdef.parquet",
        "_flowlake/live/flow_logs/date=2023-9-4/00000000000000000001-0123456789abcdef.parquet",
        "_flowlake/live/x/date=2023-09-04/00000000000000000001-0123456789abcdef.parquet",
        "_flowlake/plans/00000000000000000001-a b.ndjson.zst",
        "_flowlake/plans/00000000000000000001-a?.ndjson.zst",
    ] {
        let path = Path::parse(format!("some/lake/{text}")).expect("a path");
        assert_eq!((names.filed_live_of(&path), names.plan_body_of(&path)), (None, None), "{text}");
    }
    for text in ["+12345-01-01", "-0001-01-01", "2023-9-4", "None", "2023-09-31"] {
        assert!(text.parse::<Day>().is_err(), "{text}");
    }
    assert_eq!("0000-01-01".parse::<Day>().expect("a day").to_string(), "0000-01-01");
}
