//! Tasks out of objects: in order of key day, account, region and key, by a budget that follows from the total alone.

use std::collections::BTreeSet;

use crate::lake::PlannedTask;
use crate::source::Object;

/// Objects of one plan, so that a first backfill of any size is planned in bounded memory.
pub const OBJECTS_PER_PLAN_MAX: usize = 50_000;

/// Objects of one task: their URLs are one dictionary of a Parquet column.
pub(super) const OBJECTS_PER_TASK_MAX: usize = 4_000;

/// Key days (or key hours in a lake partitioned by hour) of one task, so that few partitions are open at once.
const PERIODS_PER_TASK_MAX: usize = 8;

/// Compressed bytes of one task: a sixteenth of the plan, within these bounds.
const TASK_BYTES_MIN: u64 = 8 << 20;
const TASK_BYTES_MAX: u64 = 128 << 20;

/// Gathers objects, as they come in order of their days, into the plans of one run: whole days where they fit.
#[derive(Debug, Default)]
pub struct Gather {
    objects: Vec<Object>,
    /// Where the day of the last object begins.
    day_begins: usize,
}

impl Gather {
    /// Gives a full plan, if the object begins a new one.
    pub fn push(&mut self, object: Object) -> Option<Vec<Object>> {
        let same_day = self.objects.last().is_some_and(|last| last.day == object.day);
        if !same_day {
            self.day_begins = self.objects.len();
        }
        let full = (self.objects.len() >= OBJECTS_PER_PLAN_MAX).then(|| {
            let cut = if self.day_begins > 0 { self.day_begins } else { self.objects.len() };
            let rest = self.objects.split_off(cut);
            self.day_begins = 0;
            std::mem::replace(&mut self.objects, rest)
        });
        self.objects.push(object);
        full
    }

    /// Takes all of these objects out of the plan that grows; none, and `false`, if one is not in it.
    pub fn take_back(&mut self, urls: &[&str]) -> bool {
        let taken = take_back(&mut self.objects, urls);
        let day = self.objects.last().map(|last| last.day);
        let before = self.objects.iter().rposition(|object| Some(object.day) != day);
        self.day_begins = before.map_or(0, |before| before + 1);
        taken
    }

    /// The last plan, unless there is nothing left.
    pub fn finish(self) -> Option<Vec<Object>> {
        (!self.objects.is_empty()).then_some(self.objects)
    }
}

/// Takes all of these objects out of a list; none, and `false`, if one is not in it. They are looked for from its end.
pub fn take_back(objects: &mut Vec<Object>, urls: &[&str]) -> bool {
    let place = |url: &&str| objects.iter().rposition(|object| object.url == **url);
    let Some(places) = urls.iter().map(place).collect::<Option<BTreeSet<usize>>>() else { return false };
    places.into_iter().rev().for_each(|place| drop(objects.remove(place)));
    true
}

/// Cuts the objects of one plan into tasks, in their order.
pub fn cut(objects: Vec<Object>, by_hour: bool) -> Vec<PlannedTask> {
    let total: u64 = objects.iter().map(|object| object.size).sum();
    let budget = (total / 16).clamp(TASK_BYTES_MIN, TASK_BYTES_MAX);
    let mut tasks: Vec<PlannedTask> = Vec::new();
    let mut bytes = 0;
    let mut periods = 0;
    for object in objects {
        let new_period = tasks
            .last()
            .and_then(|task| task.objects.last())
            .is_none_or(|last| last.day != object.day || (by_hour && last.hour != object.hour));
        let fits = tasks.last().is_some_and(|task| {
            task.objects.len() < OBJECTS_PER_TASK_MAX
                && bytes + object.size <= budget
                && periods + usize::from(new_period) <= PERIODS_PER_TASK_MAX
        });
        if !fits {
            tasks.push(PlannedTask { task: tasks.len() as u64, ..PlannedTask::default() });
            (bytes, periods) = (0, 0);
        }
        bytes += object.size;
        periods += usize::from(new_period || !fits);
        tasks.last_mut().expect("one was pushed").objects.push(object);
    }
    tasks
}
