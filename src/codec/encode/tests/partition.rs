//! Partitions and their paths, and rows that are given one.

use chrono::NaiveDate;
use proptest::prelude::*;

use super::values::one_chunk;
use super::*;
use crate::schema::Hour;

fn partition() -> impl Strategy<Value = Partition> {
    let hour = prop_oneof![Just(Hour::All), Just(Hour::Unknown), (0..24_u8).prop_map(Hour::Of)];
    let date = prop::option::of((0..2_932_897_i32).prop_map(|day| NaiveDate::from_epoch_days(day).unwrap()));
    (date, hour).prop_map(|(date, hour)| Partition { date, hour })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_path_is_that_of_the_partition_that_it_is_parsed_to(partition in partition()) {
        prop_assert_eq!(partition.path().parse(), Ok(partition));
        prop_assert_eq!(PartitionKey::of_partition(partition).partition(), partition);
    }

    #[test]
    fn no_other_text_is_a_path(partition in partition(), at in any::<prop::sample::Index>(), put in "[-=/_0-9a-z+ ]?") {
        let mut path = partition.path();
        let at = at.index(path.len());
        path.replace_range(at..=at, &put);
        if let Ok(other) = path.parse::<Partition>() {
            prop_assert_eq!(other.path(), path);
        }
    }
}

#[test]
fn partitions_are_parsed_from_the_paths_that_are_written() {
    let date = NaiveDate::from_ymd_opt(2023, 9, 14);
    for (path, partition) in [
        ("date=2023-09-14", Partition { date, hour: Hour::All }),
        ("date=2023-09-14/hour=07", Partition { date, hour: Hour::Of(7) }),
        ("date=2023-09-14/hour=__HIVE_DEFAULT_PARTITION__", Partition { date, hour: Hour::Unknown }),
        ("date=__HIVE_DEFAULT_PARTITION__", Partition { date: None, hour: Hour::All }),
        ("date=__HIVE_DEFAULT_PARTITION__/hour=23", Partition { date: None, hour: Hour::Of(23) }),
    ] {
        assert_eq!(path.parse(), Ok(partition));
    }
    for wrong in [
        "",
        "date=",
        "date=2023-9-14",
        "date=2023-09-31",
        "2023-09-14",
        "hour=07",
        "date=2023-09-14/",
        "date=2023-09-14/hour=7",
        "date=2023-09-14/hour=24",
        "date=2023-09-14/hour=+7",
        "date=2023-09-14/hour=07/",
        "/date=2023-09-14",
        "date= 2023-09-14",
    ] {
        let error = wrong.parse::<Partition>().unwrap_err();
        let expected = format!("`{wrong}` is not a partition such as `date=2023-09-14` or `date=2023-09-14/hour=07`");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn rows_go_into_the_partition_that_is_given_whatever_their_start_says() {
    let rows = [Some("1694649600"), None, Some("99999")].map(|start| vec![start.map(str::to_owned)]).to_vec();
    let object = one_chunk("start", rows);
    let mut dictionaries = Dictionaries::default();
    let chunk = to_chunk(&object.chunks[0], &mut dictionaries);
    let mut encoder = encoder(&options(), &Limits::default());
    encoder.begin_object(&object.origin);
    let given = ["date=2001-02-03", "date=__HIVE_DEFAULT_PARTITION__/hour=04"].map(|path| path.parse().unwrap());
    for partition in given {
        encoder.push_into(&chunk, &dictionaries, partition).unwrap();
    }
    let receipt = encoder.end_object();
    let outcome = finish(encoder, Vec::new());
    let files: Vec<(Partition, u64)> = outcome.files.iter().map(|file| (file.partition, file.rows)).collect();
    assert_eq!(files, given.map(|partition| (partition, 3)));
    let mut sums: Vec<(Partition, u64)> = receipt.iter().map(|sums| (sums.partition, sums.rows)).collect();
    sums.sort();
    assert_eq!(sums, [(given[1], 3), (given[0], 3)]);
    assert_eq!(receipt[0].mix, receipt[1].mix);
}
