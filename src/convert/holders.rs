//! Which live files hold the rows and set-aside lines of which objects, and which objects therefore go together.
//!
//! Objects of one task stay together while it holds their rows itself. Where these were merged, they go apart with the
//! files: such a file has rows of many tasks, and of one date.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::lake::{CommitHead, Inputs, Receipt, Relative, TaskRef};
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
    /// `others` and `whole` are left to be found.
    pub inputs: Inputs,
}

/// A live file: the task that made it, and its place in the commit. `None` stands for the lines that were set aside.
type Held = (TaskRef, Option<usize>);

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

    /// The live files that may hold what objects of a task gave to these places.
    fn holding(&self, task: TaskRef, places: &Places) -> Vec<Held> {
        let carriers = self.carriers.get(&task).into_iter().flatten();
        let holders = std::iter::once(&task).chain(carriers).filter_map(|holder| self.heads.get(holder));
        let mut held = Vec::new();
        for head in holders {
            if places.rejects && head.rejects.is_some() {
                held.push((head.task_ref(), None));
            }
            for (at, file) in head.files.iter().enumerate() {
                if places.partitions.contains(&(file.table, file.partition.clone())) {
                    held.push((head.task_ref(), Some(at)));
                }
            }
        }
        held
    }

    /// Puts objects together whose rows and lines share files, directly or over those of others, and those of a task
    /// that are in files of its own.
    pub fn groups(&self, given: BTreeMap<TaskRef, Given>) -> Vec<Group> {
        let (mut sets, mut first) = (Sets::default(), HashMap::new());
        let mut parts: Vec<(TaskRef, Vec<String>, Vec<Held>)> = Vec::new();
        for (task, Given(by_places)) in given {
            let mut of_own = None;
            for (places, objects) in by_places.into_iter().filter(|(_, objects)| !objects.is_empty()) {
                let (part, held) = (sets.add(), self.holding(task, &places));
                held.iter().for_each(|&file| sets.join(part, *first.entry(file).or_insert(part)));
                if held.iter().any(|&(holder, place)| holder == task && place.is_some()) {
                    sets.join(part, *of_own.get_or_insert(part));
                }
                parts.push((task, objects, held));
            }
        }
        let mut joined: BTreeMap<usize, Joined> = BTreeMap::new();
        for (part, (task, objects, held)) in parts.into_iter().enumerate() {
            let set = joined.entry(sets.root(part)).or_default();
            set.objects.extend(objects);
            set.tasks.insert(task);
            set.files.extend(held);
        }
        joined.into_values().map(|set| self.group(set)).collect()
    }

    fn group(&self, Joined { objects, tasks, files }: Joined) -> Group {
        let mut inputs = Inputs { tasks, ..Inputs::default() };
        for holder in files.iter().map(|(holder, _)| holder).collect::<BTreeSet<_>>() {
            inputs.tasks.insert(*holder);
            inputs.tasks.extend(&self.heads[holder].taken.carries);
        }
        for (holder, place) in files {
            let head = &self.heads[&holder];
            match place {
                Some(at) => inputs.files.push(head.files[at].clone()),
                None => inputs.rejects.extend(head.rejects.clone()),
            }
        }
        Group { objects, inputs }
    }
}

/// Parts of tasks that share files.
#[derive(Debug, Default)]
struct Joined {
    objects: Vec<String>,
    tasks: BTreeSet<TaskRef>,
    files: BTreeSet<Held>,
}

/// Where rows of an object are, and whether lines of it were set aside.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Places {
    partitions: BTreeSet<(Table, Relative)>,
    rejects: bool,
}

/// URLs of objects of one task, by where their rows and lines are.
#[derive(Debug, Default)]
pub(super) struct Given(BTreeMap<Places, Vec<String>>);

impl Given {
    pub fn add(&mut self, receipt: Receipt) {
        let partitions = receipt.parts.into_iter().map(|part| (part.table, part.partition)).collect();
        self.0.entry(Places { partitions, rejects: receipt.rejects > 0 }).or_default().push(receipt.url);
    }

    pub fn retain(&mut self, mut is_wanted: impl FnMut(&str) -> bool) {
        self.0.values_mut().for_each(|objects| objects.retain(|url| is_wanted(url)));
    }
}

/// Numbers from 0 on, in sets that are joined.
#[derive(Debug, Default)]
struct Sets {
    /// Of each number another one of its set that is less, or itself.
    lesser: Vec<usize>,
}

impl Sets {
    /// The next number, in a set of its own.
    fn add(&mut self) -> usize {
        self.lesser.push(self.lesser.len());
        self.lesser.len() - 1
    }

    /// The least number of a set.
    fn root(&mut self, mut of: usize) -> usize {
        while self.lesser[of] != of {
            self.lesser[of] = self.lesser[self.lesser[of]];
            of = self.lesser[of];
        }
        of
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        self.lesser[one.max(other)] = one.min(other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holds the sets against a colouring that is changed as a whole.
    #[test]
    fn numbers_that_were_joined_have_one_root() {
        let mut sets = Sets::default();
        let mut colour: Vec<usize> = (0..200).map(|_| sets.add()).collect();
        let mut random = 1_u64;
        for _ in 0..150 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (one, other) = ((random >> 33) as usize % 200, (random >> 45) as usize % 200);
            sets.join(one, other);
            let (from, to) = (colour[one].max(colour[other]), colour[one].min(colour[other]));
            colour.iter_mut().filter(|colour| **colour == from).for_each(|colour| *colour = to);
        }
        for (number, colour) in colour.into_iter().enumerate() {
            assert_eq!(sets.root(number), colour, "{number}");
        }
    }
}
