//! How records name plans and tasks.

use serde::{Deserialize, Serialize};

/// A task of the lake's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskRef {
    /// The number of the plan: that of its entry in the log.
    pub plan: u64,
    /// The number of the task in its plan, from 0.
    pub task: u64,
}

/// What tells a plan from another one that had its number, in a log that was set back to an older copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanMark {
    /// 32 hexadecimal digits, drawn at random. The name of the plan's body has them too.
    pub nonce: String,
    /// BLAKE3 of its body.
    pub hash: String,
}
