//! The threads on which tasks are decoded and encoded. They are few, and keep their memory from task to task: on
//! threads of a large pool, each task would ask the system for its memory anew.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use tokio::sync::oneshot;

use crate::threads::ThreadError;

type Work = Box<dyn FnOnce() + Send>;

/// They end with this, once what they are at is done.
#[derive(Debug)]
pub(super) struct DecodingThreads {
    work: mpsc::Sender<Work>,
}

impl DecodingThreads {
    /// # Errors
    /// If the system gives fewer: tasks are begun for all of them.
    pub fn start(count: usize) -> Result<DecodingThreads, ThreadError> {
        let (sender, receiver) = mpsc::channel::<Work>();
        let receiver = Arc::new(Mutex::new(receiver));
        for given in 0..count {
            let receiver = receiver.clone();
            let decode = move || {
                loop {
                    let next = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(work) = next else { return };
                    work();
                }
            };
            let begun = thread::Builder::new().name("decode".to_owned()).spawn(decode);
            begun.map_err(|source| ThreadError::TooFew { given, wanted: count, source })?;
        }
        Ok(DecodingThreads { work: sender })
    }

    /// Runs something once a thread is free, in the order of asking. A panic of it is the error.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> thread::Result<T> {
        let (done, result) = oneshot::channel();
        let work = move || drop(done.send(catch_unwind(AssertUnwindSafe(work))));
        self.work.send(Box::new(work)).expect("the threads live as long as this");
        result.await.expect("whatever is begun is answered")
    }
}
