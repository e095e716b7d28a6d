//! The lines that a task set aside, counted by object and held against its receipts.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Seek};
use std::sync::Arc;

use super::difference::{Difference, DifferenceKind};
use super::lines::{Bounds, Lines, Met};
use super::records::is_believable;
use super::standing::Standing;
use crate::lake::{Commit, LineReader, Outcome, Receipt, RejectRecord, Relative};

/// Stretches of lines that are kept, of all objects of a task: they are looked for among the rows.
const STRETCHES_MAX: usize = 1 << 18;

/// What one commit says, and the lines that were set aside.
pub struct Rejects {
    pub commit: Arc<Commit>,
    /// Where they lie now.
    pub name: Option<Relative>,
    pub file: Option<File>,
    /// The file is lost.
    pub is_damaged: bool,
    pub standing: Arc<Standing>,
    pub bits_max: u64,
}

/// Lines of each object, by the place of its receipt, from 0: a begin and an end for each stretch.
#[derive(Debug, Default)]
pub struct SetAside {
    pub lines: Vec<Vec<(u64, u64)>>,
    stretches: usize,
}

impl SetAside {
    fn add(&mut self, object: usize, at: u64) {
        let lines = &mut self.lines[object];
        match lines.last_mut() {
            Some((_, end)) if *end == at => *end += 1,
            _ if self.stretches < STRETCHES_MAX => {
                lines.push((at, at + 1));
                self.stretches += 1;
            }
            _ => {}
        }
    }
}

/// Reads every line that was set aside, in as many passes as it takes.
pub fn compare(rejects: &Rejects) -> (SetAside, Vec<Difference>) {
    let receipts = &rejects.commit.receipts;
    let head = &rejects.commit.head;
    let is_converted = |receipt: &Receipt| {
        receipt.outcome == Outcome::Converted && rejects.standing.is_in_effect(receipt, head.task_ref())
    };
    let believed = receipts.iter().enumerate();
    let believed = believed.filter(|(_, receipt)| is_converted(receipt) && is_believable(receipt));
    let objects: HashMap<&str, usize> = believed.map(|(index, receipt)| (receipt.url.as_str(), index)).collect();
    let bounds = receipts.iter().enumerate().map(|(index, receipt)| {
        let is_believed = objects.get(receipt.url.as_str()) == Some(&index);
        Bounds { lines: if is_believed { receipt.lines } else { 0 }, rows: receipt.rejects, taken: Vec::new() }
    });
    let name = rejects.name.as_deref().unwrap_or_default();
    let mut reading = Reading {
        name,
        // Files that took the place of others hold lines of the objects of other tasks, too.
        is_own: rejects.name == head.rejects && head.taken.carries.is_empty(),
        objects: &objects,
        lines: Lines::new(bounds, rejects.bits_max),
        counts: vec![0; receipts.len()],
        set_aside: SetAside { lines: vec![Vec::new(); receipts.len()], stretches: 0 },
        differences: Vec::new(),
    };
    if let Some(file) = &rejects.file {
        while reading.lines.next_pass() {
            if let Err(reason) = reading.pass(file) {
                let expected = "JSON lines under zstd";
                reading.differences.push(Difference::of_file(DifferenceKind::RecordUnreadable, name, expected, reason));
                return (reading.set_aside, reading.differences);
            }
        }
    }
    let Reading { counts, set_aside, mut differences, .. } = reading;
    let is_gone = rejects.is_damaged || rejects.standing.has_expired_rejects(head);
    let counted = receipts.iter().zip(counts).filter(|(receipt, _)| is_converted(receipt));
    for (receipt, found) in counted.filter(|(receipt, found)| !is_gone && receipt.rejects != *found) {
        let (expected, found) = (format!("{} rejects", receipt.rejects), format!("{found} rejects"));
        differences.push(Difference::of_object(DifferenceKind::RejectsDiffer, &receipt.url, expected, found));
    }
    (set_aside, differences)
}

struct Reading<'a> {
    name: &'a str,
    is_own: bool,
    objects: &'a HashMap<&'a str, usize>,
    lines: Lines,
    counts: Vec<u64>,
    set_aside: SetAside,
    differences: Vec<Difference>,
}

impl Reading<'_> {
    fn pass(&mut self, mut file: &File) -> Result<(), String> {
        file.rewind().map_err(|error| error.to_string())?;
        let bytes = file.metadata().map_err(|error| error.to_string())?.len();
        let mut reader = LineReader::new(BufReader::new(file), bytes)?;
        while let Some(line) = reader.next_line()? {
            let record: RejectRecord = serde_json::from_slice(line).map_err(|error| error.to_string())?;
            self.reject(&record);
        }
        Ok(())
    }

    fn reject(&mut self, record: &RejectRecord) {
        let is_first = self.lines.is_first();
        let mut differs = |kind, expected: &str, found: String| {
            let difference = Difference::of_object(kind, &record.object, expected, found);
            self.differences.push(difference.in_file(self.name));
        };
        let Some(&object) = self.objects.get(record.object.as_str()) else {
            if is_first && self.is_own {
                let expected = "rejects of the task's objects alone";
                differs(DifferenceKind::RejectsDiffer, expected, format!("line {}", record.line));
            }
            return;
        };
        self.counts[object] += u64::from(is_first);
        let kind = match self.lines.meet(object, i64::try_from(record.line).unwrap_or(i64::MAX)) {
            Met::Repeated => DifferenceKind::LineTwice,
            Met::Beyond if is_first => DifferenceKind::LineUnknown,
            Met::First => return self.set_aside.add(object, record.line - 1),
            Met::Elsewhere | Met::Beyond => return,
        };
        differs(kind, "each line once, a row or set aside", format!("line {} set aside", record.line));
    }
}
