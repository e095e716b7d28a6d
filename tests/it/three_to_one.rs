//! A commit that takes the files of three tasks out of the lake, and adds one: what makes few files of many.

use std::sync::Arc;

use flowlake::lake::Lake;
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use serde_json::Value;

use crate::faults::{AGAIN, Bench, at_every_operation, key, text};
use crate::faulty::{Fault, FaultyStore};

/// A lake of three tasks with a file of one date each, and an open plan whose only task takes all three out of the
/// lake. No run makes such a plan yet: the tasks of a redo that was planned and not begun are made one.
fn three_files_to_be_one(bench: &mut Bench) -> Arc<InMemory> {
    let lake = Arc::new(InMemory::new());
    for n in 1..=3 {
        bench.put(&key(1, n), &text(1, n));
        bench.convert(lake.clone(), &[]).expect("no faults");
    }
    bench.alter();
    let entry = "_flowlake/log/00000000000000000007.json";
    let planned = (1..).find_map(|operation| {
        let planned = Arc::new(lake.fork());
        let dying = FaultyStore::new(planned.clone(), operation, Fault::DiesBefore);
        let _ = bench.convert(Arc::new(dying), AGAIN);
        bench.objects(&planned).contains_key(entry).then_some(planned)
    });
    let planned = planned.expect("a redo plans");
    let objects = bench.objects(&planned);
    let mut plan: Value = serde_json::from_slice(&objects[entry]).expect("JSON");
    let body = plan["body"].as_str().expect("a name").to_owned();
    let tasks = zstd::decode_all(objects[&body].as_ref()).expect("zstd");
    let tasks = String::from_utf8(tasks).expect("text");
    let mut tasks = tasks.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON lines"));
    let mut one = tasks.next().expect("a task");
    let mut places = vec!["/objects", "/inputs/tasks", "/inputs/files", "/inputs/rejects"];
    places.retain(|place| one.pointer(place).is_some());
    for other in tasks {
        for place in &places {
            let more = other.pointer(place).and_then(Value::as_array).expect("a list").clone();
            one.pointer_mut(place).and_then(Value::as_array_mut).expect("a list").extend(more);
        }
    }
    assert_eq!(one["inputs"]["files"].as_array().map(Vec::len), Some(3), "{one}");
    let bytes = zstd::encode_all(format!("{one}\n").as_bytes(), 3).expect("memory");
    plan["tasks"] = 1.into();
    plan["mark"]["hash"] = blake3::hash(&bytes).to_hex().to_string().into();
    plan.as_object_mut().expect("an entry").remove("check");
    bench.block_on(async {
        planned.put(&Path::from(body), bytes.into()).await.expect("memory");
        planned.put(&Path::from(entry), plan.to_string().into_bytes().into()).await.expect("memory");
    });
    planned
}

#[test]
fn a_commit_that_makes_one_file_of_those_of_three_tasks_survives_a_fault_at_every_operation() {
    let mut bench = Bench::new();
    let planned = three_files_to_be_one(&mut bench);
    assert_eq!(bench.data_files(&planned).len(), 3);
    let prepared = || Arc::new(planned.fork());
    let lake = prepared();
    let faults = at_every_operation(&bench, prepared, |lake| bench.convert(lake, &[]).is_ok());
    assert!(faults > 100, "{faults} faults");
    bench.convert(lake.clone(), &[]).expect("no faults");
    let reading = Lake::new(lake.clone(), Path::default(), "s3://lake/".to_owned());
    let commit = bench.block_on(reading.commit(7, 0)).expect("a commit").expect("it is there");
    assert_eq!((commit.head.taken.removes.len(), commit.head.files.len(), commit.head.taken.carries.len()), (3, 1, 3));
    assert_eq!(bench.check_readers(&lake, "one of three"), bench.expected.rows.len());
    assert_eq!(bench.data_files(&lake).len(), 1, "{:?}", bench.data_files(&lake).keys());
    assert_eq!(bench.block_on(crate::verify::differences(lake.clone())), Vec::<String>::new());
}
