use super::lines::{Lines, Met};
use super::matching::{Matching, Side};
use super::sums::{Window, partition_of, partition_of_key};

/// Every line once, whatever the size of the windows.
#[test]
fn lines_are_met_once_in_windows_of_any_size() {
    for bits_max in [64, 100, 1000] {
        let counts = [70_u64, 0, 300, 1];
        let mut lines = Lines::new(counts.into_iter(), bits_max);
        let (mut first, mut again, mut beyond, mut passes) = (0, 0, 0, 0);
        while lines.next_window() {
            passes += 1;
            for (object, &count) in counts.iter().enumerate() {
                for line in (0..=count as i64 + 1).chain([1, i64::MIN, i64::MAX]) {
                    match lines.meet(object, line) {
                        Met::First => first += 1,
                        Met::Again => again += 1,
                        Met::Beyond if lines.is_first() => beyond += 1,
                        Met::Beyond | Met::Elsewhere => {}
                    }
                }
            }
        }
        assert_eq!(passes, 371_u64.div_ceil(bits_max));
        // Line 1 of the three objects that have lines is met twice.
        assert_eq!((first, again), (371, 3), "{bits_max}");
        // 0, the one behind the last and the two extremes of each; and line 1 of the one without lines.
        assert_eq!(beyond, 4 * 4 + 1);
    }
    let mut none = Lines::new([].into_iter(), 64);
    assert!(none.next_window() && none.is_first() && !none.next_window());
}

#[test]
fn names_are_matched_whatever_their_number() {
    let folder = tempfile::tempdir().unwrap();
    let mut matching = Matching::new(folder.path());
    let long = "x".repeat(300);
    for n in 0..60_000 {
        let name = format!("{long}{n}");
        matching.add(Side::Listed, &name, &name).unwrap();
        if n % 3 == 0 {
            matching.add(Side::Committed, &name, "").unwrap();
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "files have no name");
    let (mut alone, mut both) = (0, 0);
    matching
        .groups(|group| {
            match group {
                [one] if one.side == Side::Listed && one.note.starts_with(&long) => alone += 1,
                [first, second] if first.side == Side::Committed && second.side == Side::Listed => both += 1,
                other => panic!("{other:?}"),
            }
            Ok(())
        })
        .unwrap();
    assert_eq!((alone, both), (40_000, 20_000));
}

#[test]
fn partitions_are_read_as_the_writer_spells_them() {
    let day = 1_694_649_600;
    assert_eq!(Window::of_partition("date=2023-09-14"), Some(Window::Of(day..day + 86_400)));
    assert_eq!(Window::of_partition("date=2023-09-14/hour=07"), Some(Window::Of(day + 25_200..day + 28_800)));
    let default = "__HIVE_DEFAULT_PARTITION__";
    assert_eq!(Window::of_partition(&format!("date={default}")), Some(Window::Unknown));
    assert_eq!(Window::of_partition(&format!("date=2023-09-14/hour={default}")), Some(Window::Unknown));
    for wrong in ["2023-09-14", "date=2023-13-14", "date=2023-09-14/hour=24", "date=2023-09-14/7"] {
        assert_eq!(Window::of_partition(wrong), None, "{wrong}");
    }
    assert_eq!(partition_of(day + 25_201, true).as_deref(), Some("date=2023-09-14/hour=07"));
    assert_eq!(partition_of(253_402_300_800, false), None);
    assert_eq!(partition_of(-1, false), None);
    let date = "2023-09-14".parse().ok();
    assert_eq!(partition_of_key(date, Some(7), true), "date=2023-09-14/hour=07");
    assert_eq!(partition_of_key(date, None, true), format!("date=2023-09-14/hour={default}"));
    assert_eq!(partition_of_key(None, None, false), format!("date={default}"));
}
