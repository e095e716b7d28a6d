//! One way to run a task: what it reads is fetched, decoded and encoded, and what came of it is published once.
//!
//! ```text
//! job (a plan of the ledger) ─┐
//! task ───────────────────────┴▶ fetch ─▶ decode, encode ─▶ publish ─▶ outcome
//!                                  ▲             │
//!                                  └─ once more, without objects that turned out bad
//! ```
//!
//! All that is needed comes from the lake: the plan, the task, what its objects gave before. A [`Worker`] adds its own
//! rights, room and patience, of which nothing shows in the lake. It writes under its own task and nowhere else, names
//! that follow from the content, and last the commit, create-only: so a task may run twice, at once or on several
//! machines: one of them commits it. A [`Runner`] decides who runs which task when.

mod attempt;
mod carry;
mod error;
mod faults;
mod given;
mod job;
mod left;
mod merged;
mod receipts;
mod redo;
mod redone;
mod run;
mod runner;
mod session;
mod staging;
mod stop;
mod threads;
mod worker;

pub use error::TaskError;
pub use job::Job;
pub use run::execute;
pub use runner::{Runner, Threads};
pub use stop::Stop;
pub(crate) use worker::PUBLISHING_MAX;
pub use worker::{Gave, Outcome, Room, Worker};
