//! `flowlake verify` goes partition by partition: rows are held against all receipts that speak of a partition,
//! whichever file they lie in, and with however little memory.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;

use crate::faults::Bench;
use crate::lab::Lab;
use crate::verify::{
    Snapshot, batch_of, delete, differences_in, forge_of, key, passes_with_few_open_files, pick, rows, with_column,
};

const FIRST_DATE: &str = "/date=2023-09-14/";
/// So little that each object has a round of its own, and lines are looked at by the word; and enough for all at once.
const MEMORIES: [u64; 3] = [1, 16 << 10, 512 << 20];

/// Two plans whose objects each gave rows to the same two dates.
fn lake() -> (Lab, Snapshot) {
    let lab = Lab::on_disk();
    for plan in [0..4, 4..7] {
        for n in plan {
            lab.put_gz(&key(n), &rows(n, 60));
        }
        lab.convert(&[], 0);
    }
    let snapshot = Snapshot::of(&lab);
    let plans: BTreeSet<String> = files(&snapshot, FIRST_DATE).into_iter().map(|file| plan_of(file)).collect();
    assert_eq!(plans.len(), 2, "files of both plans lie in one partition");
    assert_eq!(files(&snapshot, "/date=2023-09-15/").len(), files(&snapshot, FIRST_DATE).len());
    (lab, snapshot)
}

fn files<'a>(snapshot: &'a Snapshot, partition: &str) -> Vec<&'a String> {
    snapshot.keys(".parquet").into_iter().filter(|key| key.contains(partition)).collect()
}

fn plan_of(file: &str) -> String {
    let name = file.rsplit('/').next().expect("a name");
    name.split('-').next().expect("the number of a plan").to_owned()
}

/// The differences of a lake, the same ones with however much memory, in the order that the most memory tells them.
fn differences(lab: &Lab) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let mut told: Option<Vec<String>> = None;
    let mut sorted = |mut differences: Vec<String>| {
        let in_order = differences.clone();
        differences.sort();
        assert_eq!(told.get_or_insert_with(|| differences.clone()), &differences);
        in_order
    };
    let mut last = Vec::new();
    for memory in MEMORIES {
        let store = Arc::new(LocalFileSystem::new_with_prefix(lab.path("lake")).expect("a folder"));
        last = sorted(runtime.block_on(differences_in(memory, store.clone())));
        assert_eq!(last, runtime.block_on(differences_in(memory, store)), "their order is stable");
    }
    last
}

/// The words that differences begin with.
fn kinds(differences: &[String]) -> BTreeSet<&str> {
    differences.iter().map(|told| told.split(':').next().expect("its kind")).collect()
}

const SUMS: &str = "rows of an object are not those of its receipt";
const TWICE: &str = "line of an object is there twice";
const FOREIGN: &str = "row of an object that gave none to its partition";

fn named(batch: &RecordBatch, row: usize, object: &str) -> RecordBatch {
    let at = batch.schema().index_of("log_object").expect("a column");
    let old = batch.column(at).as_string::<i32>();
    let new = (0..old.len()).map(|at| Some(if at == row { object } else { old.value(at) }));
    let mut columns = batch.columns().to_vec();
    columns[at] = Arc::new(new.collect::<StringArray>()) as ArrayRef;
    RecordBatch::try_new(batch.schema(), columns).expect("the same columns")
}

#[test]
fn files_of_several_plans_are_proven_together() {
    let (lab, _) = lake();
    assert_eq!(differences(&lab), Vec::<String>::new());
}

#[test]
fn a_line_in_two_files_of_a_partition_is_found() {
    let (lab, snapshot) = lake();
    let other = batch_of(snapshot.0[files(&snapshot, FIRST_DATE)[0]].clone());
    let forged = forge_of(&lab, &snapshot, 1, |batch| {
        concat_batches(&batch.schema(), [&batch, &pick(&other, [3, 17].into_iter())]).expect("one schema")
    });
    let told = differences(&lab);
    assert_eq!(kinds(&told), BTreeSet::from([SUMS, TWICE]), "{told:#?}");
    let twice: Vec<&String> = told.iter().filter(|told| told.starts_with(TWICE)).collect();
    assert!(twice.len() == 2 && twice.iter().all(|told| told.contains(&forged)), "{told:#?}");
}

/// Each forgery is found, and gives the same differences in rounds of few objects as in one of all.
#[test]
fn rounds_give_the_same_differences() {
    let (lab, snapshot) = lake();
    type Forge<'a> = &'a dyn Fn(&RecordBatch) -> RecordBatch;
    let all = |batch: &RecordBatch| 0..batch.num_rows() as i64;
    let cases: [(&[&str], Forge); 5] = [
        (&[SUMS], &|batch| pick(batch, all(batch).skip(1))),
        (&[SUMS, TWICE], &|batch| pick(batch, all(batch).chain([0, 40, 40]))),
        (&[SUMS], &|batch| with_column(batch, "bytes", |row, value| value + i64::from(row % 31 == 0))),
        (&[SUMS, FOREIGN], &|batch| named(batch, 5, "s3://elsewhere/unknown.log.gz")),
        (&[SUMS, "line that its object does not have", "row in another partition than its start says"], &|batch| {
            let batch = with_column(batch, "log_line", |row, value| if row == 50 { i64::MAX } else { value });
            with_column(&batch, "start", |row, value| if row == 7 { value + 86_400 } else { value })
        }),
    ];
    for plan in [0, 1] {
        for (expected, forge) in cases {
            forge_of(&lab, &snapshot, plan, |batch| forge(&batch));
            let told = differences(&lab);
            assert_eq!(kinds(&told), expected.iter().copied().collect(), "{told:#?}");
            snapshot.restore(&lab);
        }
    }
}

#[test]
fn a_partition_of_damaged_files_alone_is_told_file_by_file() {
    let (lab, snapshot) = lake();
    let damaged = files(&snapshot, FIRST_DATE);
    delete(&lab, damaged[0]);
    for file in &damaged[1..] {
        let mut bytes = snapshot.0[*file].clone();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        lab.put(file, bytes);
    }
    let told = differences(&lab);
    assert_eq!(kinds(&told), BTreeSet::from(["data file is missing", "data file has another content"]));
    assert_eq!(told.len(), damaged.len(), "{told:#?}");
}

/// A lost file hides the rows that it had, and nothing that other files have.
#[test]
fn a_lost_file_explains_no_other_rows() {
    let (lab, snapshot) = lake();
    forge_of(&lab, &snapshot, 1, |batch| with_column(&batch, "bytes", |row, value| value + i64::from(row == 0)));
    let lost = files(&snapshot, FIRST_DATE)[0];
    assert!(plan_of(lost).ends_with('1'));
    delete(&lab, lost);
    let told = differences(&lab);
    assert_eq!(kinds(&told), BTreeSet::from(["data file is missing", SUMS]), "{told:#?}");
    assert_eq!(told.len(), 2, "{told:#?}");
}

#[test]
fn a_row_whose_line_was_set_aside_is_found() {
    let lab = Lab::on_disk();
    for n in 0..3 {
        lab.put_gz(&key(n), &format!("{}a line that is none\n", rows(n, 25)));
    }
    lab.convert(&[], 3);
    let snapshot = Snapshot::of(&lab);
    assert_eq!(differences(&lab), Vec::<String>::new());
    // A header, 25 rows, and the line that is none.
    let forge = |batch| with_column(&batch, "log_line", |row, value| if row == 2 { 27 } else { value });
    forge_of(&lab, &snapshot, 0, forge);
    let told = differences(&lab);
    assert_eq!(kinds(&told), BTreeSet::from([SUMS, TWICE]), "{told:#?}");
    assert_eq!(told.len(), 2, "{told:#?}");
}

/// A partition of many files, and a process that may hold few open.
#[test]
fn files_of_one_partition_are_opened_one_by_one() {
    let (mut bench, made, lab) = (Bench::new(), Arc::new(InMemory::new()), Lab::on_disk());
    for n in 0..70 {
        bench.put(&key(n), &rows(n, 2));
        bench.convert(made.clone(), &[]).expect("no faults");
    }
    for (name, bytes) in bench.objects(&made) {
        lab.put(&format!("lake/{name}"), bytes);
    }
    assert_eq!(lab.data_files().len(), 70);
    passes_with_few_open_files(&lab, "140 rows");
}
