//! Which small data files go together: each group becomes the inputs of one task, which gives fewer files.

use std::collections::BTreeMap;

use crate::lake::index::Size;
use crate::lake::{DataFile, FileSet, Names};

/// Bytes that one task reads, more or less, if its files are not larger: an attempt that is lost is soon made up for,
/// and what it stages has room on scratch.
const TASK_BYTES: u64 = 4 << 30;

/// Files that one task reads.
const TASK_FILES_MAX: usize = 10_000;

/// Files that are left of a set may be this share of its bytes by the target, in quarters, and two more.
const LEFT_QUARTERS: u64 = 5;

/// Groups of the live files of one date whose rows go into files of about `target` bytes. Files of a group are of one
/// partition and of the same columns, in order of time. A file of half the target or more is not rewritten for a few
/// small ones: only where too many files would be left.
///
/// What lies aside has taken the place of others, and is not seen by readers of folders yet: it stays as it is until
/// then, so that what it stands for can go.
pub fn groups_of_small_files(files: &[DataFile], target: u64) -> Vec<Vec<DataFile>> {
    let mut sets: BTreeMap<FileSet, Vec<&DataFile>> = BTreeMap::new();
    for file in files.iter().filter(|file| Names::shown(&file.path).is_none()) {
        sets.entry(file.set()).or_default().push(file);
    }
    sets.into_values().flat_map(|set| parts(chosen(set, target), target)).collect()
}

/// Files that may be left of so many bytes of one set.
fn left_max(bytes: u64, target: u64) -> u64 {
    bytes.saturating_mul(LEFT_QUARTERS) / 4 / target + 2
}

/// Whether so many files of a date, of some sets and bytes, may have small ones among them that are to be merged.
pub fn may_be_small(files: u64, size: Size, target: u64) -> bool {
    files >= left_max(size.bytes, target) + size.sets
}

/// The files of a set that are to be merged, in order of time.
fn chosen(mut files: Vec<&DataFile>, target: u64) -> Vec<&DataFile> {
    files.sort_by_key(|file| (file.bytes, &file.path));
    let bytes: u64 = files.iter().map(|file| file.bytes).sum();
    let left_max = left_max(bytes, target);
    let left = |taken: usize| {
        let merged: u64 = files[..taken].iter().map(|file| file.bytes).sum();
        (files.len() - taken) as u64 + merged.div_ceil(target)
    };
    let mut taken = files.partition_point(|file| file.bytes < target.div_ceil(2));
    while taken < files.len() && left(taken) > left_max {
        taken += 1;
    }
    if left(taken) >= files.len() as u64 {
        return Vec::new();
    }
    files.truncate(taken);
    files.sort_by_key(|file| (file.start_min, file.start_max, &file.path));
    files
}

/// Cuts files into runs of about equal bytes, none of which is too much for one task.
fn parts(files: Vec<&DataFile>, target: u64) -> Vec<Vec<DataFile>> {
    let bytes: u64 = files.iter().map(|file| file.bytes).sum();
    let most = TASK_BYTES.max(target.saturating_mul(4));
    let each = bytes.div_ceil(bytes.div_ceil(most).max(1));
    let mut parts: Vec<Vec<DataFile>> = Vec::new();
    let mut room = 0;
    for file in files {
        match parts.last_mut().filter(|part| room > 0 && part.len() < TASK_FILES_MAX) {
            Some(part) => part.push(file.clone()),
            None => {
                parts.push(vec![file.clone()]);
                room = each;
            }
        }
        room = room.saturating_sub(file.bytes);
    }
    parts.retain(|part| part.len() > 1);
    parts
}

#[cfg(test)]
mod tests;
