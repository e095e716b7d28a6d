//! Tasks out of objects: in order of key day, account, region and key, by a budget that follows from the total alone.

use crate::lake::{Day, PlannedTask};
use crate::source::Object;

/// Objects of one plan, so that a first backfill of any size is planned in bounded memory.
pub const OBJECTS_PER_PLAN_MAX: usize = 100_000;

/// Objects of one task: their URLs are one dictionary of a Parquet column.
const OBJECTS_PER_TASK_MAX: usize = 4_000;

/// Key days (or key hours in a lake partitioned by hour) of one task, so that few partitions are open at once.
const PERIODS_PER_TASK_MAX: usize = 8;

/// Compressed bytes of one task: a sixteenth of the plan, within these bounds.
const TASK_BYTES_MIN: u64 = 8 << 20;
const TASK_BYTES_MAX: u64 = 128 << 20;

/// Splits fresh objects into the plans of one run, newest day first. A plan holds whole days where they fit.
pub fn into_plans(mut objects: Vec<Object>) -> Vec<Vec<Object>> {
    objects.sort_by(|a, b| order(a).cmp(&order(b)));
    let mut plans: Vec<Vec<Object>> = Vec::new();
    let mut days = objects.chunk_by(|a, b| a.day == b.day).collect::<Vec<_>>();
    days.reverse();
    for day in days {
        for piece in day.chunks(OBJECTS_PER_PLAN_MAX) {
            match plans.last_mut() {
                Some(last) if last.len() + piece.len() <= OBJECTS_PER_PLAN_MAX => last.extend_from_slice(piece),
                _ => plans.push(piece.to_vec()),
            }
        }
    }
    plans
}

/// Cuts the objects of one plan into tasks, in the order in which [`into_plans`] gave them.
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
            tasks.push(PlannedTask { task: tasks.len() as u64, objects: Vec::new() });
            (bytes, periods) = (0, 0);
        }
        bytes += object.size;
        periods += usize::from(new_period || !fits);
        tasks.last_mut().expect("one was pushed").objects.push(object);
    }
    tasks
}

fn order(object: &Object) -> (Day, Option<u8>, &Option<String>, &Option<String>, &str) {
    (Day(object.day), object.hour, &object.account, &object.region, &object.url)
}
