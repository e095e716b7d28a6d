//! Tasks may run anywhere, in any order, and twice at once: the lake has what each gave once.

use std::collections::BTreeMap;
use std::sync::Arc;

use flowlake::commit::{LakeMark, Scratch};
use flowlake::convert;
use flowlake::execute::{Job, Outcome, Room, Runner, Stop, Threads, Worker, execute};
use flowlake::fetch::Stores;
use flowlake::lake::State;
use flowlake::progress::{Progress, When};
use flowlake::source::{self, Access, Location};
use futures::StreamExt;

use crate::copies_to_come::plan;
use crate::faults::{key, text};
use crate::lab::Lab;

/// Objects that no task takes together with another one: each is a task.
fn fill(lab: &Lab, days: u32) {
    for day in 1..=days {
        // As large as a task may be.
        let long = text(day, 1) + &"\n".repeat(4_300_000);
        lab.put(&format!("logs/{}", key(day, 1)), crate::copies::stored(&long));
    }
}

/// A worker as another process has it: of its own stores and its own scratch.
async fn worker(lab: &Lab, name: &str) -> Arc<Worker> {
    let place = |folder: &str| Location::parse(&lab.url(folder)).expect("a place");
    let writer = convert::open_writer(&place("lake/"), &Access::default()).await.expect("a lake");
    let logs = source::open(&place("logs/"), &Access::default()).await.expect("a source");
    let mark = LakeMark { url: writer.lake.names.lake_url().to_owned(), id: None };
    let folder = lab.temporary().join(name);
    std::fs::create_dir(&folder).expect("a folder");
    Arc::new(Worker {
        writer,
        stores: Stores::new([logs]),
        scratch: Arc::new(Scratch::open(&folder, &mark).expect("scratch")),
        room: Room::new(2, 64 << 20).expect("two threads"),
        progress: Progress::new(When::Never),
        stop: Stop::default(),
        runtime: tokio::runtime::Handle::current(),
    })
}

#[test]
fn tasks_that_run_twice_at_once_are_committed_once() {
    const TASKS: usize = 4;
    let lab = Lab::on_disk();
    fill(&lab, TASKS as u32);
    plan(&lab, &["{}logs/"]);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let ended = runtime.block_on(async {
        let workers = [worker(&lab, "one").await, worker(&lab, "two").await];
        let lake = &workers[0].writer.lake;
        let state = State::open(lake).await.expect("a ledger");
        let job = Job::load(&state, lake, 1).await.expect("a plan");
        let tasks = state.tasks_to_do(lake, 1).await.expect("tasks");
        assert_eq!(tasks.len(), TASKS);
        let mut backwards = tasks.clone();
        backwards.reverse();
        let runs = [(&workers[0], tasks), (&workers[1], backwards)]
            .map(|(worker, tasks)| Threads(worker.clone()).run(job.clone(), tasks).collect::<Vec<_>>());
        let [one, two] = runs;
        let (one, two) = futures::join!(one, two);
        let mut ended: BTreeMap<&str, u64> = BTreeMap::new();
        for outcome in one.into_iter().chain(two) {
            match outcome.expect("no faults") {
                Outcome::Ours(gave) => {
                    *ended.entry("ours").or_default() += 1;
                    *ended.entry("rows").or_default() += gave.totals.rows;
                }
                Outcome::Theirs => *ended.entry("theirs").or_default() += 1,
                Outcome::Stopped => *ended.entry("stopped").or_default() += 1,
            }
        }
        // Whoever comes late finds them done.
        let late = state.tasks(lake, 1).await.expect("tasks").remove(0);
        assert!(matches!(execute(workers[0].clone(), job, late).await.expect("no faults"), Outcome::Theirs));
        ended
    });
    let expected = lab.expected("logs").rows;
    let tasks = TASKS as u64;
    assert_eq!(ended, BTreeMap::from([("ours", tasks), ("theirs", tasks), ("rows", expected.len() as u64)]));
    assert_eq!(lab.lake_rows(), expected);
    // A run seals what others did.
    assert_eq!(lab.convert(&[], 0)["objects"], 0);
    let said = lab.run(&["verify", "{}lake/", "{}logs/"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
}

/// A plan may stay open for long: an object of it that could not be read is listed again meanwhile, however old it is.
#[test]
fn what_an_open_plan_could_not_read_is_listed_again() {
    let lab = Lab::on_disk();
    let long = |day: u32| crate::copies::stored(&(text(day, 1) + &"\n".repeat(4_300_000)));
    lab.put(&format!("logs/{}", key(1, 1)), long(1));
    lab.put(&format!("other/{}", key(2, 1)), long(2));
    // So late that no lookback reaches the first one.
    let late = format!("logs/{}", key(27, 1));
    lab.put_gz(&late, &text(27, 1));
    assert_eq!(plan(&lab, &["{}logs/", "{}other/"]), 3);
    let unread = lab.path(&format!("logs/{}", key(1, 1)));
    let bytes = std::fs::read(&unread).expect("an object");
    std::fs::remove_file(&unread).expect("it is there");
    std::fs::create_dir(&unread).expect("a folder in its place");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let outcome = runtime.block_on(async {
        let worker = worker(&lab, "one").await;
        let lake = worker.writer.lake.clone();
        let state = State::open(&lake).await.expect("a ledger");
        let job = Job::load(&state, &lake, 1).await.expect("a plan");
        let tasks = state.tasks_to_do(&lake, 1).await.expect("two tasks");
        let first = lab.url(&format!("logs/{}", key(1, 1)));
        let task = tasks.into_iter().find(|task| task.objects.iter().any(|object| object.url == first));
        let task = task.expect("the one of the first");
        execute(worker, job, task).await.expect("no faults")
    });
    let Outcome::Ours(gave) = outcome else { panic!("nobody else is at work: {outcome:?}") };
    assert_eq!((gave.totals.objects, gave.totals.objects_unread), (0, 1));
    std::fs::remove_dir(&unread).expect("the folder");
    std::fs::write(&unread, bytes).expect("an object");
    // The other source is not named any more: the plan is refused, and stays open.
    lab.put_gz(&format!("logs/{}", key(28, 1)), &text(28, 1));
    let summary = lab.convert(&["--lookback", "1d"], 3);
    assert_eq!((&summary["objects"], summary["plans_refused"].as_array().map(Vec::len)), (&2.into(), Some(1)));
    let mut expected = lab.expected("logs").rows;
    expected.retain(|(object, _), _| *object != lab.url(&late));
    assert_eq!(lab.lake_rows(), expected, "all but what stands in the open plan");
}
