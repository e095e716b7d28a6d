use std::time::Duration;

use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use tokio::runtime::Runtime;

use super::*;
use crate::source::{Location, SourceError, list_whole, store_path_of};

struct Lab {
    runtime: Runtime,
    store: Store,
    objects: Vec<Object>,
}

/// By key.
async fn listed(store: &Store) -> Vec<Object> {
    let mut objects = Vec::new();
    let take = |found| {
        objects.extend::<Vec<Object>>(found);
        Ok::<_, SourceError>(())
    };
    list_whole(store, take).await.unwrap();
    objects.sort_by(|a, b| a.key.cmp(&b.key));
    objects
}

fn lab(bodies: &[(&str, Vec<u8>)]) -> Lab {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let store = Store::new(Arc::new(InMemory::new()), Location::parse("s3://logs/").unwrap());
    let objects = runtime.block_on(async {
        for (key, body) in bodies {
            store.store.put(&store_path_of(key), body.clone().into()).await.unwrap();
        }
        listed(&store).await
    });
    Lab { runtime, store, objects }
}

impl Lab {
    fn fetch(&self, budget: &Arc<Budget>) -> Fetched {
        fetch(self.runtime.handle(), Stores::new([self.store.clone()]), self.objects.clone(), Arc::clone(budget))
    }
}

fn whole(body: Result<Body, FetchError>) -> Bytes {
    match body.unwrap() {
        Body::Whole(bytes) => bytes,
        Body::Stream(_) => panic!("a stream"),
    }
}

#[test]
fn bodies_come_in_order_and_give_their_bytes_back() {
    let bodies: Vec<(String, Vec<u8>)> = (0..20u8).map(|n| (format!("{n:02}.gz"), vec![n; 100])).collect();
    let bodies: Vec<(&str, Vec<u8>)> = bodies.iter().map(|(key, body)| (key.as_str(), body.clone())).collect();
    let lab = lab(&bodies);
    let budget = Budget::new(Options { objects_in_flight_max: 4, bytes_in_flight_max: 1000 });
    let mut kept = Vec::new();
    for (index, body) in lab.fetch(&budget) {
        let body = whole(body);
        assert_eq!(body, bodies[index].1);
        assert!(budget.used().objects <= 5, "{:?}", budget.used());
        kept = vec![body.clone(), body];
    }
    assert_eq!(budget.used(), Used { objects: 1, bytes: 100, tasks: 0 });
    kept.clear();
    assert_eq!(budget.used(), Used::default());
}

#[test]
fn tasks_that_hold_their_bodies_never_block_each_other() {
    let lab = lab(&[("a.gz", vec![1; 600]), ("b.gz", vec![2; 600])]);
    let budget = Budget::new(Options { objects_in_flight_max: 1, bytes_in_flight_max: 700 });
    let mut tasks: Vec<Fetched> = (0..8).map(|_| lab.fetch(&budget)).collect();
    let held: Vec<Bytes> =
        (0..2).flat_map(|_| tasks.iter_mut().map(|task| whole(task.next().unwrap().1)).collect::<Vec<_>>()).collect();
    assert_eq!(held.len(), 16);
    assert!(tasks.iter_mut().all(|task| task.next().is_none()));
}

#[test]
fn changed_and_missing_objects_are_told_apart() {
    let lab = lab(&[("a.gz", vec![1; 10]), ("b.gz", vec![2; 10])]);
    lab.runtime.block_on(async {
        lab.store.store.put(&store_path_of("a.gz"), vec![3; 10].into()).await.unwrap();
        lab.store.store.delete(&store_path_of("b.gz")).await.unwrap();
    });
    let results: Vec<_> = lab.fetch(&Budget::new(Options::default())).map(|(_, body)| body.unwrap_err()).collect();
    assert!(matches!(&results[0], FetchError::Changed { found } if !found.is_empty()), "{results:?}");
    assert_eq!(results[1], FetchError::Gone);
}

#[test]
fn a_large_object_streams_in_pieces() {
    let body: Vec<u8> = (0..WHOLE_BYTES_MAX as usize + 12_345).map(|at| (at % 251) as u8).collect();
    let lab = lab(&[("a.gz", vec![1; 10]), ("big.gz", body.clone()), ("c.gz", vec![3; 10])]);
    let budget = Budget::new(Options::default());
    let mut lengths = Vec::new();
    for (_, fetched) in lab.fetch(&budget) {
        match fetched.unwrap() {
            Body::Whole(bytes) => lengths.push(bytes.len()),
            Body::Stream(mut stream) => {
                let mut read = Vec::new();
                stream.read_to_end(&mut read).unwrap();
                assert!(read == body);
                lengths.push(read.len());
            }
        }
    }
    assert_eq!(lengths, [10, body.len(), 10]);
    assert_eq!(budget.used(), Used::default());
}

#[test]
fn a_stream_that_loses_its_object_says_so_as_a_fetch_error() {
    let lab = lab(&[("big.gz", vec![7; WHOLE_BYTES_MAX as usize + 1])]);
    let (_, body) = lab.fetch(&Budget::new(Options::default())).next().unwrap();
    let Body::Stream(mut stream) = body.unwrap() else { panic!("whole") };
    let mut first = [0; 16];
    stream.read_exact(&mut first).unwrap();
    lab.runtime.block_on(lab.store.store.delete(&store_path_of("big.gz"))).unwrap();
    let error = stream.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(FetchError::of(&error), Some(&FetchError::Gone));
    assert_eq!(FetchError::of(&std::io::Error::other("crc")), None);
}

#[test]
fn a_file_that_changes_while_it_is_read_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd #1 %41.gz");
    std::fs::write(&path, b"first").unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let location = Location::parse(folder.path().to_str().unwrap()).unwrap();
    let store = runtime.block_on(crate::source::open(&location, &Default::default())).unwrap();
    let objects = runtime.block_on(listed(&store));
    let get = || {
        let budget = Budget::new(Options::default());
        fetch(runtime.handle(), Stores::new([store.clone()]), objects.clone(), budget).next().unwrap().1
    };
    assert_eq!(whole(get()), b"first"[..]);
    std::thread::sleep(Duration::from_millis(20));
    std::fs::write(&path, b"other").unwrap();
    assert!(matches!(get(), Err(FetchError::Changed { .. })));
    std::fs::remove_file(&path).unwrap();
    assert_eq!(get().unwrap_err(), FetchError::Gone);
}
