//! The fold of the log: which plans there are, which are open, how far each chain of keys was listed.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{
    Archive, Body, Create, Day, Dropped, Effect, Entry, FORMAT_FIRST, Index, Lake, LakeError, Names, Plan, PlannedTask,
    Purpose, Relative, Seal, TaskRef, Totals,
};
use crate::schema::{Kind, NEW_COLUMNS_PER_TASK_MAX, RESERVED, Table, Types, UNKNOWN_COLUMNS_MAX, Unknown};

/// Where the records of sealed plans lie that a checkpoint covers. Names are relative to the lake.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filed {
    /// The last log entry that was folded; `None` before the first checkpoint.
    pub through: Option<u64>,
    /// Receipts of source objects by key day, in files of bounded size.
    pub receipts: BTreeMap<Day, Vec<Relative>>,
    /// The heads of all commits, in one file.
    pub heads: Option<Relative>,
    /// The live data files by date. A checkpoint of an earlier program has none; nor has a lake in which, since then, a
    /// task was given up or replaced as a whole: what it took out of the lake may be live again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Index>,
}

/// One plan of the log and what later entries said of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlanState {
    /// As its entry has it.
    pub plan: Plan,
    /// Whether a seal closed it.
    pub sealed: bool,
    /// It cannot be finished, and nothing of it ever counts.
    #[serde(skip)]
    pub void: bool,
    /// Objects that left the plan, with the reason.
    pub dropped: BTreeMap<String, Dropped>,
    /// What its seal says. A checkpoint holds no sealed plan.
    #[serde(skip)]
    pub sealed_totals: Option<Totals>,
    /// The entry of its seal.
    #[serde(skip)]
    pub sealed_at: Option<u64>,
}

impl PlanState {
    /// Whether its tasks are still to be done, or it is still to be sealed.
    pub fn is_open(&self) -> bool {
        !self.sealed && !self.void
    }

    /// A plan to redo of the first formats: what it gives still waits, and does not lie in the folders of the tables.
    pub fn is_redo_under_way(&self) -> bool {
        !self.sealed && self.plan.purpose == Purpose::Redo && self.plan.effect == Effect::AtCommit
    }

    /// Whether what its tasks gave so far is no part of the lake yet.
    pub fn awaits_seal(&self) -> bool {
        !self.sealed && self.plan.effect == Effect::AtSeal
    }
}

/// Of the copies of an object that is gone from this task, the first one is read in its place, and the others are
/// copies of that one. Copies in other tasks stay left out; the seal has them listed again, and the next run finds what
/// is there.
pub fn settle_copies(task: &mut PlannedTask, is_gone: impl Fn(&str) -> bool) {
    let gone: BTreeSet<String> =
        task.objects.iter().map(|object| &object.url).filter(|url| is_gone(url)).cloned().collect();
    let mut taken: BTreeMap<String, (String, String)> = BTreeMap::new();
    for object in &mut task.objects {
        let Some(first) = object.copy_of.take_if(|first| gone.contains(first)) else { continue };
        let version = object.copy_of_version.take();
        if gone.contains(&object.url) {
            continue;
        }
        match taken.get(&first) {
            None => drop(taken.insert(first, (object.url.clone(), object.version.clone()))),
            Some((url, of)) => {
                (object.copy_of, object.copy_of_version) = (Some(url.clone()), version.map(|_| of.clone()))
            }
        }
    }
}

/// A plan that took effect at its seal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InEffect {
    /// The entry of its seal.
    pub seal: u64,
    /// How long what it took out of the lake stays on storage.
    pub retention_seconds: u64,
    /// Whether readers of folders see what it gave, and nothing of what it took.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shown: bool,
    /// The plan to show that did it. Checkpoints of earlier programs do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown_by: Option<u64>,
    /// Key days of objects that it decoded again: its receipts of them are in effect, and not older ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redone: Vec<Day>,
}

impl InEffect {
    fn of(plan: &Plan, seal: u64, took: &Totals) -> InEffect {
        let retention_seconds = plan.settings.retention_seconds.unwrap_or_default();
        let shown = plan.purpose == Purpose::Show || took.is_nothing();
        InEffect { seal, retention_seconds, shown, shown_by: None, redone: plan.days.clone() }
    }

    /// Whether it decoded objects again, and a plan to show deleted what it took since.
    pub fn is_over(&self) -> bool {
        self.shown && !self.redone.is_empty()
    }
}

/// Objects of one folder that could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// The oldest of their key days: the folder is listed again from there on.
    pub oldest: Day,
    /// The newest entry that lost one of them: a plan that could not read it, or the entry that gave its task up.
    pub plan: u64,
}

/// What the log says as a whole.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct State {
    /// `None` until the lake is born.
    pub create: Option<Create>,
    /// The newest format of an entry: whoever does not know it must not begin behind it.
    #[serde(default = "first_format", skip_serializing_if = "is_first_format")]
    pub format: u32,
    /// The number that the next entry will take.
    pub next: u64,
    /// The newest plan's number: whether a rival planned meanwhile.
    pub newest_plan: Option<u64>,
    /// An entry that a checkpoint stands for and that the log does not have.
    #[serde(skip)]
    pub(super) lacks: Option<u64>,
    /// Plans that are open, or that no checkpoint covers yet.
    pub plans: BTreeMap<u64, PlanState>,
    /// Where the records of all other plans lie.
    pub filed: Filed,
    /// The newest entry behind the checkpoint that took whole tasks out of the lake: no commit names their files.
    #[serde(skip)]
    pub(super) upset: Option<u64>,
    /// The newest key day met in each chain that was listed to its end, by the chain's URL.
    pub frontiers: BTreeMap<String, Day>,
    /// Tasks for which others stand.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub replaced: BTreeSet<TaskRef>,
    /// Plans that took effect at their seal.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub in_effect: BTreeMap<u64, InEffect>,
    /// The last date that was removed with all before it: the lake takes no rows of them any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expired: Option<NaiveDate>,
    /// Plans from this number on may have set lines aside at which no removal of dates looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejects_from: Option<u64>,
    /// Whether rows of removed dates may have become part of the lake since: of tasks that had begun before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_overdue: bool,
    /// Tasks that were given up: nothing of them counts, whatever lies under their names.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub lost: BTreeSet<TaskRef>,
    /// Type of every column that a sealed plan wrote, as the first one wrote it.
    pub columns: BTreeMap<Table, BTreeMap<String, Kind>>,
    /// Sums over sealed plans.
    pub totals: Totals,
    /// Folders (URL, ending in `/`) of objects that could not be read, which later runs must list again however far
    /// back they lie.
    pub unread: BTreeMap<String, Unread>,
    /// Archives of old records, by their first entry; together they are the beginning of the log.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub archives: BTreeMap<u64, Archive>,
    /// When the last full scan was planned (RFC 3339), for people.
    pub last_full_scan: Option<String>,
}

impl State {
    /// The fold of a part of the log that begins at an entry.
    pub fn beginning_at(next: u64) -> State {
        State { next, ..State::default() }
    }

    /// Folds the next entry; `None` stands for one that is lost. For those who read the log entry by entry.
    pub fn step(&mut self, entry: Option<Entry>) {
        match entry {
            Some(Entry { body, at, .. }) => self.apply(body, &at),
            None => self.next += 1,
        }
    }

    pub(super) fn apply(&mut self, body: Body, at: &str) {
        self.format = self.format.max(body.format());
        match body {
            Body::Create(create) => self.create = Some(create),
            Body::Plan(plan) => {
                self.frontiers.extend(plan.listed.clone());
                if plan.full_scan {
                    self.last_full_scan = Some(at.to_owned());
                    self.settle(&plan);
                }
                let state = PlanState {
                    plan,
                    sealed: false,
                    void: false,
                    dropped: BTreeMap::new(),
                    sealed_totals: None,
                    sealed_at: None,
                };
                self.plans.insert(self.next, state);
                self.newest_plan = Some(self.next);
            }
            Body::Seal(seal) => self.seal(seal),
            Body::Drop(drop) => {
                for (url, dropped) in &drop.objects {
                    self.list_again(folder_of(url), Unread { oldest: dropped.day, plan: drop.plan });
                }
                if let Some(plan) = self.plans.get_mut(&drop.plan) {
                    plan.dropped.extend(drop.objects);
                }
            }
            Body::Void(void) => {
                // What took effect with a seal stays.
                let plan = self.plans.get_mut(&void.plan).filter(|plan| plan.awaits_seal());
                plan.into_iter().for_each(|plan| plan.void = true);
            }
            // Any other one is none: `verify` names it.
            Body::Packed(archive) => {
                let Archive { first, last, .. } = archive;
                if first == self.first_not_packed() && first <= last && last < self.next {
                    self.archives.insert(first, archive);
                }
            }
            Body::Lost(lost) => {
                self.totals.subtract(&lost.totals);
                self.totals.add(&lost.restored);
                self.filed.live = None;
                self.upset = Some(self.next);
                self.lost.extend(lost.tasks);
                // What a task took out of the lake is part of it again.
                self.is_overdue |= self.expired.is_some();
                for (folder, oldest) in lost.folders {
                    self.list_again(&folder, Unread { oldest, plan: self.next });
                }
            }
        }
        self.next += 1;
    }

    fn seal(&mut self, seal: Seal) {
        if let Some(plan) = self.plans.get_mut(&seal.plan).filter(|plan| plan.is_open()) {
            (plan.sealed, plan.sealed_at) = (true, Some(self.next));
            self.is_overdue |= seal.oldest.is_some() && seal.oldest <= self.expired;
            if plan.plan.expires.is_some() {
                self.expired = self.expired.max(plan.plan.expires);
                self.is_overdue &= plan.plan.expires < self.expired;
                self.rejects_from = self.rejects_from.max(Some(plan.plan.settled).filter(|from| *from > 0));
            }
            if plan.plan.effect == Effect::AtSeal {
                let in_effect = InEffect::of(&plan.plan, self.next, &seal.replaced_totals);
                self.in_effect.insert(seal.plan, in_effect);
                for shown in &plan.plan.shows {
                    let by = Some(seal.plan);
                    self.in_effect.entry(*shown).and_modify(|plan| (plan.shown, plan.shown_by) = (true, by));
                }
            }
            plan.sealed_totals = Some(seal.totals);
            self.totals.add(&seal.totals);
            self.totals.subtract(&seal.replaced_totals);
            if !seal.replaced.is_empty() {
                self.filed.live = None;
                self.upset = Some(self.next);
            }
            self.replaced.extend(seal.replaced);
        }
        for (folder, oldest) in seal.unread {
            self.list_again(&folder, Unread { oldest, plan: seal.plan });
        }
        for (table, columns) in seal.columns {
            let known = self.columns.entry(table).or_default();
            for (column, kind) in columns {
                known.entry(column).or_insert(kind);
            }
        }
    }

    pub(super) fn list_again(&mut self, folder: &str, lost: Unread) {
        let known = self.unread.entry(folder.to_owned()).or_insert(lost);
        *known = Unread { oldest: known.oldest.min(lost.oldest), plan: known.plan.max(lost.plan) };
    }

    /// A full scan has listed unread objects again, so forget them, below the chains that it listed to their end. But
    /// not those of plans that were open when it began: it took them for planned.
    fn settle(&mut self, scan: &Plan) {
        for chain in scan.listed.keys() {
            let under = self.unread.range(chain.clone()..).take_while(|(folder, _)| folder.starts_with(chain));
            let found = under.filter(|(_, lost)| lost.plan < scan.settled);
            let found: Vec<String> = found.map(|(folder, _)| folder.clone()).collect();
            for folder in found {
                self.unread.remove(&folder);
            }
        }
    }

    /// Whether the tables of the lake have Delta logs from their first files on.
    pub fn is_born_with_delta(&self) -> bool {
        self.create.as_ref().is_some_and(|create| create.delta)
    }

    /// Whether a plan may take a published file out of the lake: what the maker's plan gave is summed up, and told to
    /// who follows the log.
    pub fn may_be_taken(&self, name: &Relative) -> bool {
        Names::task_of_published(name).is_some_and(|maker| !self.is_open(maker.plan))
    }

    /// Whether rows of a date were removed, and are taken no more.
    pub fn is_expired(&self, day: Day) -> bool {
        day.0.is_some_and(|date| Some(date) <= self.expired)
    }

    /// Plans that are to be finished, oldest first.
    pub fn open_plans(&self) -> Vec<u64> {
        self.plans.iter().filter(|(_, plan)| plan.is_open()).map(|(&number, _)| number).collect()
    }

    /// Whether a plan is to be finished; `false` of a number that is no plan's.
    pub fn is_open(&self, plan: u64) -> bool {
        self.plans.get(&plan).is_some_and(PlanState::is_open)
    }

    /// Whether a plan is over; `false` of a number that the log has not reached.
    pub fn is_closed(&self, plan: u64) -> bool {
        let is_filed = self.filed.through.is_some_and(|through| plan <= through);
        self.plans.get(&plan).map_or(is_filed, |plan| !plan.is_open())
    }

    /// Whether an entry lies in an archive.
    pub fn is_packed(&self, entry: u64) -> bool {
        entry < self.first_not_packed()
    }

    /// The oldest entry that lies in the log itself.
    pub fn first_not_packed(&self) -> u64 {
        self.archives.values().next_back().map_or(0, |archive| archive.last + 1)
    }

    /// The oldest day of an object under `chain_url` that could not be read so far.
    pub fn oldest_unread(&self, chain_url: &str) -> Option<Day> {
        let under = self.unread.range(chain_url.to_owned()..).take_while(|(url, _)| url.starts_with(chain_url));
        under.map(|(_, lost)| lost.oldest).min()
    }

    /// Column types of this lake that today's program would choose otherwise.
    pub fn fixed_types(&self) -> Types {
        let mut fixed = Types::default();
        for (&table, columns) in &self.columns {
            for (column, &kind) in columns.iter().filter(|(column, _)| !RESERVED.contains(&column.as_str())) {
                let today = table.kind(column).unwrap_or(Kind::Text);
                if !kind.same_storage(today) {
                    fixed.0.entry(table).or_default().insert(column.clone(), kind);
                }
            }
        }
        fixed
    }

    /// The columns of undocumented fields that a plan made now may write. The first ones by name, if the lake has too
    /// many.
    pub fn unknown_columns(&self) -> Unknown {
        let mut unknown = Unknown::default();
        let mut left = UNKNOWN_COLUMNS_MAX;
        for (&table, columns) in &self.columns {
            let is_unknown = |name: &&String| table.field(name).is_none() && !RESERVED.contains(&name.as_str());
            let known: BTreeSet<String> = columns.keys().filter(is_unknown).take(left).cloned().collect();
            left -= known.len();
            if !known.is_empty() {
                unknown.known.insert(table, known);
            }
        }
        unknown.new_per_task = NEW_COLUMNS_PER_TASK_MAX.min(left as u32);
        unknown
    }

    /// The tasks of a plan without those that were given up, and without the objects that left it.
    pub async fn tasks(&self, lake: &Lake, number: u64) -> Result<Vec<PlannedTask>, LakeError> {
        let plan = &self.plans[&number];
        let mut tasks = self.planned(lake, number).await?;
        for task in &mut tasks {
            settle_copies(task, |url| plan.dropped.contains_key(url));
            task.objects.retain(|object| !plan.dropped.contains_key(&object.url));
        }
        tasks.retain(|task| !self.is_lost(number, task.task));
        Ok(tasks)
    }
}

fn first_format() -> u32 {
    FORMAT_FIRST
}

fn is_first_format(format: &u32) -> bool {
    *format <= FORMAT_FIRST
}

/// Notes that a folder is to be listed again from a day on, or from an earlier one that was noted before.
pub fn list_folder_again(folders: &mut BTreeMap<String, Day>, folder: &str, day: Day) {
    let oldest = folders.entry(folder.to_owned()).or_insert(day);
    *oldest = day.min(*oldest);
}

/// The folder of a source object, ending in `/`.
pub fn folder_of(url: &str) -> &str {
    url.rfind('/').map_or("", |end| &url[..=end])
}
