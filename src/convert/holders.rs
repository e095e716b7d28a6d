//! Which live files hold the rows and set-aside lines of which tasks, and which objects therefore go together.

use std::collections::{BTreeMap, BTreeSet};

use crate::lake::{CommitHead, DataFile, Inputs, Receipt, Relative, TaskRef};
use crate::schema::Table;

/// The commits that have live files.
#[derive(Debug, Default)]
pub(super) struct Holders {
    heads: BTreeMap<TaskRef, CommitHead>,
    /// Who holds what is left of a task's rows, beside itself.
    carriers: BTreeMap<TaskRef, Vec<TaskRef>>,
}

/// Objects whose rows and lines share files, and these files.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// URLs.
    pub objects: Vec<String>,
    /// `others` is left to be counted.
    pub inputs: Inputs,
}

impl Holders {
    /// `heads` have no files but live ones.
    pub fn of(heads: Vec<CommitHead>) -> Holders {
        let mut holders = Holders::default();
        for head in heads.into_iter().filter(|head| !head.files.is_empty() || head.rejects.is_some()) {
            for &carried in &head.taken.carries {
                holders.carriers.entry(carried).or_default().push(head.task_ref());
            }
            holders.heads.insert(head.task_ref(), head);
        }
        holders
    }

    fn of_task(&self, task: TaskRef) -> impl Iterator<Item = TaskRef> + '_ {
        let itself = self.heads.contains_key(&task).then_some(task);
        itself.into_iter().chain(self.carriers.get(&task).into_iter().flatten().copied())
    }

    /// Puts objects together whose rows and lines share files.
    pub fn groups(&self, given: BTreeMap<TaskRef, Given>) -> Vec<Group> {
        let mut sets: Vec<Set> = Vec::new();
        let mut set_of: BTreeMap<TaskRef, usize> = BTreeMap::new();
        for (task, given) in given {
            let mut set = Set { tasks: BTreeSet::from([task]), holders: self.of_task(task).collect(), given };
            let met: BTreeSet<usize> = set.holders.iter().filter_map(|holder| set_of.get(holder)).copied().collect();
            for other in met {
                let Set { given, tasks, holders } = std::mem::take(&mut sets[other]);
                set.given.objects.extend(given.objects);
                set.given.partitions.extend(given.partitions);
                set.tasks.extend(tasks);
                set.holders.extend(holders);
            }
            set_of.extend(set.holders.iter().map(|&holder| (holder, sets.len())));
            sets.push(set);
        }
        sets.into_iter().filter(|set| !set.given.objects.is_empty()).map(|set| self.group(set)).collect()
    }

    fn group(&self, set: Set) -> Group {
        let Set { given, tasks, holders } = set;
        let mut inputs = Inputs { tasks, ..Inputs::default() };
        for head in holders.iter().map(|holder| &self.heads[holder]) {
            let holds_rows = |file: &&DataFile| given.partitions.contains(&(file.table, file.partition.clone()));
            inputs.files.extend(head.files.iter().filter(holds_rows).cloned());
            inputs.rejects.extend(head.rejects.clone());
            inputs.tasks.insert(head.task_ref());
            inputs.tasks.extend(&head.taken.carries);
        }
        Group { objects: given.objects, inputs }
    }
}

/// Objects of one task, and where their rows are.
#[derive(Debug, Default)]
pub(super) struct Given {
    /// URLs.
    objects: Vec<String>,
    partitions: BTreeSet<(Table, Relative)>,
}

impl Given {
    pub fn add(&mut self, receipt: Receipt) {
        self.partitions.extend(receipt.parts.into_iter().map(|part| (part.table, part.partition)));
        self.objects.push(receipt.url);
    }

    pub fn leave_out(&mut self, urls: &BTreeSet<&str>) {
        self.objects.retain(|url| !urls.contains(url.as_str()));
    }
}

/// A group that grows.
#[derive(Debug, Default)]
struct Set {
    given: Given,
    tasks: BTreeSet<TaskRef>,
    holders: BTreeSet<TaskRef>,
}
