//! Fields that AWS does not document: which become columns, and which share the column `other_fields`.
//!
//! Headers name what they like, and every name would be a column of the lake forever. So a plan says which unknown
//! columns its tasks may write: those that the lake has, and a number of new ones. A task gives them to the names that
//! it meets first, in the order of its objects and lines: what it writes depends on the plan alone, not on other tasks.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Table;

/// Columns for fields that no plan knew, in one task. AWS never added so many fields at once.
pub const NEW_COLUMNS_PER_TASK_MAX: u32 = 32;

/// Unknown columns of a lake. A lake that has so many gets no new ones.
pub const UNKNOWN_COLUMNS_MAX: usize = 512;

/// The unknown columns that the tasks of a plan may write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unknown {
    /// By column name: those that the lake had.
    pub known: BTreeMap<Table, BTreeSet<String>>,
    /// How many each task may add.
    pub new_per_task: u32,
}

impl Default for Unknown {
    fn default() -> Unknown {
        Unknown { known: BTreeMap::new(), new_per_task: NEW_COLUMNS_PER_TASK_MAX }
    }
}

impl Unknown {
    /// For a look at logs that writes no column: every field has its own.
    pub fn unlimited() -> Unknown {
        Unknown { known: BTreeMap::new(), new_per_task: u32::MAX }
    }
}

/// The names that a task gave columns to so far.
#[derive(Debug, Clone)]
pub struct Admitted {
    columns: BTreeMap<Table, BTreeSet<String>>,
    left: u32,
}

impl Admitted {
    pub(super) fn new(unknown: &Unknown) -> Admitted {
        Admitted { columns: unknown.known.clone(), left: unknown.new_per_task }
    }

    /// Gives a column to a name, however many have one.
    pub(super) fn add(&mut self, table: Table, column: String) {
        self.columns.entry(table).or_default().insert(column);
    }

    /// Whether an unknown field is a column of its own, from now to the end of the task.
    pub(super) fn admits(&mut self, table: Table, column: &str) -> bool {
        let columns = self.columns.entry(table).or_default();
        if columns.contains(column) {
            return true;
        }
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        columns.insert(column.to_owned())
    }
}
