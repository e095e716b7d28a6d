use chrono::NaiveDate;

use super::*;

fn object(day: u32, account: &str, name: usize, size: u64) -> Object {
    let key = format!("{account}/{day:02}/{name:06}.log.gz");
    Object {
        url: format!("s3://logs/{key}"),
        key,
        size,
        version: "1".to_owned(),
        day: NaiveDate::from_ymd_opt(2023, 9, day),
        hour: None,
        account: Some(account.to_owned()),
        region: None,
        log_id: None,
        delivered: 0,
        in_flow_log_prefix: true,
        log: None,
        copy_of: None,
        copy_of_version: None,
    }
}

/// What a listing gives when it is merged and gathered into plans.
fn plans(batches: Vec<Vec<Object>>) -> Vec<Vec<Object>> {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = Spool::new(folder.path().to_owned());
    batches.into_iter().for_each(|batch| spool.add(batch));
    let listed = spool.finish().unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "runs have no name");
    let mut first = None;
    for _ in 0..2 {
        let (mut merge, mut gather, mut plans) = (listed.merge().unwrap(), Gather::default(), Vec::new());
        for days in listed.stretches(1000) {
            while let Some(object) = merge.next_of(&days).unwrap() {
                plans.extend(gather.push(object));
            }
        }
        plans.extend(gather.finish());
        assert!(first.is_none_or(|first| first == plans), "a listing can be read again");
        first = Some(plans);
    }
    first.unwrap()
}

#[test]
fn newest_day_comes_first_and_accounts_stay_together() {
    let objects = vec![object(1, "b", 0, 1), object(2, "b", 0, 1), object(2, "a", 1, 1), object(1, "a", 0, 1)];
    let plans = plans(vec![objects.clone(), objects]);
    let order: Vec<&str> = plans[0].iter().map(|object| object.url.as_str()).collect();
    let expected = ["a/02/000001", "b/02/000000", "a/01/000000", "b/01/000000"];
    assert_eq!(order, expected.map(|part| format!("s3://logs/{part}.log.gz")), "each once, although listed twice");
}

#[test]
fn a_listing_larger_than_memory_allows_keeps_its_order_and_loses_nothing() {
    let objects: Vec<Object> = (0..350_001).map(|n| object(1 + (n % 10) as u32, "a", n, 1)).collect();
    let mut expected = objects.clone();
    expected.sort_by(|a, b| (std::cmp::Reverse(a.day), &a.url).cmp(&(std::cmp::Reverse(b.day), &b.url)));
    let batches: Vec<Vec<Object>> = objects.chunks(10_007).map(<[Object]>::to_vec).collect();
    let plans = plans(batches);
    assert!(plans.iter().all(|plan| plan.len() <= OBJECTS_PER_PLAN_MAX));
    assert!(plans[0].last().unwrap().day > plans[1][0].day, "a plan holds whole days where they fit");
    assert!(plans.into_iter().flatten().eq(expected));
}

#[test]
fn a_day_that_no_plan_can_hold_is_split() {
    let objects: Vec<Object> = (0..125_000).map(|n| object(1, "a", n, 1)).collect();
    let sizes: Vec<usize> = plans(vec![objects]).iter().map(Vec::len).collect();
    assert_eq!(sizes, [OBJECTS_PER_PLAN_MAX, OBJECTS_PER_PLAN_MAX, 25_000]);
}

#[test]
fn tasks_keep_their_budget_order_and_every_object() {
    let objects: Vec<Object> = (0..100).map(|n| object(1, "a", n, 3 << 20)).collect();
    let tasks = cut(objects.clone(), false);
    assert_eq!(tasks.iter().map(|task| task.objects.len()).max(), Some(6), "300 MiB / 16 holds six of 3 MiB");
    let all: Vec<Object> = tasks.into_iter().flat_map(|task| task.objects).collect();
    assert_eq!(all, objects);
}

#[test]
fn an_object_over_the_budget_is_a_task_of_its_own() {
    let objects = vec![object(1, "a", 0, 1), object(1, "a", 1, 500 << 20), object(1, "a", 2, 1)];
    let sizes: Vec<usize> = cut(objects, false).iter().map(|task| task.objects.len()).collect();
    assert_eq!(sizes, [1, 1, 1]);
}

#[test]
fn a_task_spans_few_days() {
    let objects: Vec<Object> = (1..=28).map(|day| object(day, "a", 0, 1)).collect();
    let sizes: Vec<usize> = cut(objects, false).iter().map(|task| task.objects.len()).collect();
    assert_eq!(sizes, [8, 8, 8, 4]);
}

/// The largest plan that the program writes on S3: 50,000 objects under keys of 1,024 bytes, which differ at their ends
/// alone.
#[test]
fn the_largest_plan_is_read_again() {
    use crate::lake::{LINE_BYTES_MAX, PlannedTask, decode_lines, encode_lines};
    // A path on disk of 4,096 bytes that all become escapes of six stands in the URL, the key, and once more in what
    // the key tells.
    let object_bytes_max = 3 * 4096 * 6 + 1024;
    assert!(cut::OBJECTS_PER_TASK_MAX * object_bytes_max < LINE_BYTES_MAX);
    let objects: Vec<Object> = (0..OBJECTS_PER_PLAN_MAX)
        .map(|n| {
            let mut object = object(14, "012345678901", n, 1 << 10);
            object.key = format!("{}{n:06}.log.gz", "k".repeat(1024 - 13));
            object.url = format!("s3://{}/{}", "b".repeat(63), object.key);
            object
        })
        .collect();
    let tasks = cut(objects, false);
    let longest = tasks.iter().map(|task| task.objects.len()).max();
    assert_eq!(longest, Some(cut::OBJECTS_PER_TASK_MAX));
    let bytes = encode_lines(&tasks);
    let read: Vec<PlannedTask> = decode_lines(&bytes).unwrap();
    assert_eq!(read.iter().map(|task| task.objects.len()).sum::<usize>(), OBJECTS_PER_PLAN_MAX);
    assert!(read.iter().zip(&tasks).all(|(read, task)| read.objects == task.objects));
}

#[test]
fn objects_are_taken_back_all_or_none() {
    let mut gather = Gather::default();
    let objects: Vec<Object> = (0..6).map(|n| object(1 + n / 3, "a", n as usize, 1)).collect();
    assert!(objects.iter().cloned().all(|object| gather.push(object).is_none()));
    let urls: Vec<&str> = objects.iter().map(|object| object.url.as_str()).collect();
    assert!(!gather.take_back(&[urls[1], "s3://logs/none"]));
    assert!(gather.take_back(&[urls[4], urls[1], urls[4]]));
    let more = (6..OBJECTS_PER_PLAN_MAX + 2).map(|n| object(2, "a", n, 1));
    assert!(more.clone().all(|object| gather.push(object).is_none()));
    // It is full, and cut where the last day begins.
    let full = gather.push(object(2, "a", OBJECTS_PER_PLAN_MAX + 2, 1));
    assert_eq!(full, Some(vec![objects[0].clone(), objects[2].clone()]));
    let rest = gather.finish().expect("a day");
    assert_eq!((rest.len(), &rest[0], &rest[1]), (OBJECTS_PER_PLAN_MAX - 1, &objects[3], &objects[5]));
}
