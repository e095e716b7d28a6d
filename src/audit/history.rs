//! The log read again from its first entry, without any checkpoint, and what its entries say of each other.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;

use super::AuditError;
use super::difference::{Difference, DifferenceKind};
use super::problem::problem;
use super::records::words;
use super::task::PlanSums;
use crate::lake::{Archive, Body, Entry, Lake, LakeError, PlanState, PlannedTask, Seal, State, Totals};
use crate::schema::PartitionBy;

/// Entries that are read at once.
const READS_IN_FLIGHT_MAX: usize = 16;

/// Entries missing in a row that are told one by one.
const GAP_MAX: u64 = 100_000;

/// The whole log, folded.
pub struct History {
    pub state: State,
    /// The first seal of each plan, and its entry's number.
    pub seals: BTreeMap<u64, (u64, Seal)>,
    /// The fold through those entries that a checkpoint stands for.
    pub folds: BTreeMap<u64, State>,
    pub differences: Vec<Difference>,
}

impl History {
    /// Reads every entry, several at once. One that is missing or cannot be read is a difference, and the rest is read
    /// on.
    pub async fn read(lake: &Lake, checkpoints: &BTreeSet<u64>) -> Result<History, AuditError> {
        let listed = lake.list(&lake.names.log_prefix()).await?;
        let lying: BTreeSet<u64> = listed.iter().filter_map(|meta| lake.names.log_of(&meta.location)).collect();
        // Old entries lie in archives; which of these the log names is known once it was read.
        lake.find_archives().await?;
        let (seals, folds, differences) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        let mut history = History { state: State::default(), seals, folds, differences };
        let Some(last) = history.last_of(lake, &lying) else {
            return Err(LakeError::NoLake { url: lake.names.lake_url().to_owned() }.into());
        };
        let read = |number: u64| {
            let lies = lying.contains(&number);
            async move { if lies { lake.entry(number).await } else { lake.packed_entry(number).await } }
        };
        let mut told = BTreeSet::new();
        let mut entries = futures::stream::iter(0..=last).map(read).buffered(READS_IN_FLIGHT_MAX);
        while let Some(entry) = entries.next().await {
            match entry {
                // All of its entries are away with it.
                Err(LakeError::Archive { url, .. }) if !told.insert(url.clone()) => history.state.step(None),
                entry => history.entry(lake, last, entry)?,
            }
            let number = history.state.next - 1;
            if checkpoints.contains(&number) {
                history.folds.insert(number, fold_of(&history.state));
            }
        }
        lake.know_archives(&history.state.archives);
        history.archives(lake, &lying, told).await?;
        Ok(history)
    }

    /// The last entry. What bears a number far beyond is told.
    fn last_of(&mut self, lake: &Lake, lying: &BTreeSet<u64>) -> Option<u64> {
        let last = *lying.last()?;
        let packed = lake.archives_found().into_iter().filter(|archive| archive.1 < last);
        let mut numbers: Vec<u64> = lying.iter().copied().chain(packed.flat_map(|of| [of.0, of.1])).collect();
        numbers.sort_unstable();
        // A name may bear any number, and each entry that is missing before it would be told.
        let ends = numbers.windows(2).position(|pair| pair[1] - pair[0] > GAP_MAX).map_or(numbers.len(), |at| at + 1);
        let far = numbers.split_off(ends);
        let last = *numbers.last()?;
        for number in far.into_iter().filter(|number| lying.contains(number)) {
            let name = lake.names.relative(&lake.names.log(number));
            let expected = format!("a dense log of {} entries", last + 1);
            let found = "an entry far beyond";
            self.differences.push(Difference::of_file(DifferenceKind::RecordStray, &name, expected, found));
        }
        Some(last)
    }

    fn entry(&mut self, lake: &Lake, last: u64, read: Result<Option<Entry>, LakeError>) -> Result<(), AuditError> {
        let number = self.state.next;
        let name = lake.names.relative(&lake.names.log(number));
        let entry = match read {
            Ok(Some(entry)) => Some(entry),
            Ok(None) => {
                let expected = format!("a dense log of {} entries", last + 1);
                self.differences.push(Difference::of_file(DifferenceKind::RecordMissing, &name, expected, "nothing"));
                None
            }
            Err(error) => {
                self.differences.push(problem(lake, error)?);
                None
            }
        };
        if let Some(entry) = &entry {
            self.judge(&name, number, &entry.body);
        }
        self.state.step(entry);
        Ok(())
    }

    /// Every archive that the log names is there. `told` are those of which a difference was told.
    async fn archives(&mut self, lake: &Lake, lying: &BTreeSet<u64>, told: BTreeSet<String>) -> Result<(), AuditError> {
        for archive in self.state.archives.values() {
            let records = match lake.records_of(archive).await {
                Err(LakeError::Archive { url, .. }) if told.contains(&url) => continue,
                Err(error) => {
                    self.differences.push(problem(lake, error)?);
                    continue;
                }
                records => records?,
            };
            for record in records {
                let path = lake.names.inside(&record.name);
                let lies = lake.names.log_of(&path).is_some_and(|number| lying.contains(&number));
                // A run that was killed left it, or who slept until it was packed wrote another one.
                if lies && lake.read_lying(&path).await?.is_some_and(|(bytes, _)| bytes != record.bytes) {
                    let (expected, found) = (format!("the entry that is in {}", archive.name), "another one");
                    let kind = DifferenceKind::RecordStray;
                    self.differences.push(Difference::of_file(kind, &record.name, expected, found));
                }
            }
        }
        Ok(())
    }

    fn judge(&mut self, name: &str, number: u64, body: &Body) {
        let mut differs = |expected: &str, found: String| {
            self.differences.push(Difference::of_file(DifferenceKind::RecordDiffers, name, expected, found));
        };
        match body {
            Body::Create(_) if number != 0 => differs("one birth, at entry 0", format!("a birth at entry {number}")),
            Body::Create(_) => {}
            _ if number == 0 => differs("the birth of the lake", "another entry".to_owned()),
            Body::Plan(_) => {}
            Body::Seal(seal) => {
                if !self.state.plans.contains_key(&seal.plan) {
                    differs("the seal of an earlier plan", format!("a seal of {}", seal.plan));
                }
                self.seals.entry(seal.plan).or_insert_with(|| (number, seal.clone()));
            }
            Body::Drop(drop) => {
                if !self.state.plans.contains_key(&drop.plan) {
                    differs("objects that leave an earlier plan", format!("objects that leave {}", drop.plan));
                }
            }
            Body::Void(void) => {
                if !self.state.plans.get(&void.plan).is_some_and(PlanState::awaits_seal) {
                    differs("an end of a plan that waits for its seal", format!("one of {}", void.plan));
                }
            }
            Body::Packed(Archive { first, last, .. }) => {
                let (next, open) = (self.state.first_not_packed(), self.state.open_plans());
                if *first != next || *last < *first || *last >= number {
                    differs(&format!("an archive of entries from {next} on"), format!("one of {first} to {last}"));
                }
                if let Some(plan) = open.into_iter().find(|plan| plan <= last) {
                    differs("an archive of plans that are over", format!("one of plan {plan}"));
                }
            }
            Body::Lost(lost) => {
                for task in lost.tasks.iter().filter(|task| !self.state.plans.contains_key(&task.plan)) {
                    differs("tasks of earlier plans that are given up", format!("one of {}", task.plan));
                }
            }
        }
    }
}

/// A checkpoint holds only the plans that are open.
fn fold_of(state: &State) -> State {
    let mut state = state.clone();
    state.plans.retain(|_, plan| plan.is_open());
    state
}

/// What a plan's entry says of its body.
pub fn check_plan(
    name: &str,
    state: &PlanState,
    tasks: &[PlannedTask],
    create: Option<PartitionBy>,
) -> Vec<Difference> {
    let plan = &state.plan;
    let objects = || tasks.iter().flat_map(|task| &task.objects);
    let days: BTreeSet<_> = objects().map(|object| crate::lake::Day(object.day)).collect();
    let mut differences = Vec::new();
    let mut hold = |what: &str, expected: String, found: String| {
        if expected != found {
            let (expected, found) = (format!("{what} {expected}, as its body has"), format!("{what} {found}"));
            differences.push(Difference::of_file(DifferenceKind::RecordDiffers, name, expected, found));
        }
    };
    hold("tasks", tasks.len().to_string(), plan.tasks.to_string());
    hold("objects", objects().count().to_string(), plan.objects.to_string());
    hold("bytes", objects().map(|object| object.size).sum::<u64>().to_string(), plan.bytes.to_string());
    let days_of = |days: &mut dyn Iterator<Item = String>| days.collect::<Vec<_>>().join(" ");
    hold(
        "days",
        days_of(&mut days.iter().map(ToString::to_string)),
        days_of(&mut plan.days.iter().map(ToString::to_string)),
    );
    let numbers: Vec<u64> = tasks.iter().map(|task| task.task).collect();
    if numbers != (0..tasks.len() as u64).collect::<Vec<_>>() {
        let found = "tasks with other numbers";
        differences.push(Difference::of_file(
            DifferenceKind::RecordDiffers,
            &plan.body,
            "tasks numbered from 0",
            found,
        ));
    }
    if let Some(expected) = create.filter(|create| *create != plan.settings.partition_by) {
        let (expected, found) =
            (format!("the lake's partitions {}", expected.name()), plan.settings.partition_by.name());
        differences.push(Difference::of_file(DifferenceKind::RecordDiffers, name, expected, found));
    }
    differences
}

/// What a seal says of its plan, whose commits come to `sums`.
pub fn check_seal(
    name: &str,
    (state, seal): (&PlanState, &Seal),
    sums: &PlanSums,
    replaced_totals: &Totals,
) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut differs = |expected: String, found: String| {
        differences.push(Difference::of_file(DifferenceKind::RecordDiffers, name, expected, found));
    };
    if seal.mark.is_some() && seal.mark != state.plan.mark {
        differs(format!("{:?}", state.plan.mark), format!("{:?}", seal.mark));
    }
    if seal.totals != sums.totals {
        differs(words(&sums.totals), words(&seal.totals));
    }
    if seal.replaced != sums.replaced {
        differs(format!("{:?}", sums.replaced), format!("{:?}", seal.replaced));
    }
    if seal.replaced_totals != *replaced_totals {
        differs(words(replaced_totals), words(&seal.replaced_totals));
    }
    // It may name more: copies that were left out are listed again, too.
    for (folder, oldest) in &sums.unread {
        if seal.unread.get(folder).is_none_or(|from| from > oldest) {
            differs(format!("that {folder} is listed again from {oldest} on"), "no word of it".to_owned());
        }
    }
    if seal.columns != sums.columns {
        differs(format!("{:?}", sums.columns), format!("{:?}", seal.columns));
    }
    differences
}
