//! The fold of the log: which plans there are, which are open, how far each chain of keys was listed.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::receipts;
use super::{
    Body, Checkpoint, CommitHead, Create, Day, Dropped, Entry, Filed, Lake, LakeError, Names, Outcome, Plan,
    PlannedTask, Purpose, Receipt, TaskRef, Totals, decode_lines,
};
use crate::schema::{Kind, NEW_COLUMNS_PER_TASK_MAX, RESERVED, Table, Types, UNKNOWN_COLUMNS_MAX, Unknown, documented};

/// One plan of the log and what later entries said of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlanState {
    pub plan: Plan,
    pub sealed: bool,
    /// Objects that left the plan, with the reason.
    pub dropped: BTreeMap<String, Dropped>,
}

impl PlanState {
    /// What it gives still waits, and does not lie in the folders of the tables.
    pub fn is_redo_under_way(&self) -> bool {
        !self.sealed && self.plan.purpose == Purpose::Redo
    }
}

/// What was decoded again, and by whom.
#[derive(Debug, Clone, Default)]
pub struct Superseded {
    /// Plans to redo that are done and not sealed: their files are read where they wait.
    pub by: BTreeSet<u64>,
    /// Tasks for which others stand.
    pub tasks: BTreeSet<TaskRef>,
}

/// Objects of one folder that could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    pub oldest: Day,
    /// The newest plan that lost one of them.
    pub plan: u64,
}

/// What the log says as a whole.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct State {
    /// `None` until the lake is born.
    pub create: Option<Create>,
    /// The number that the next entry will take.
    pub next: u64,
    /// The newest plan's number: whether a rival planned meanwhile.
    pub newest_plan: Option<u64>,
    /// Plans that are open, or that no checkpoint covers yet.
    pub plans: BTreeMap<u64, PlanState>,
    /// Where the records of all other plans lie.
    pub filed: Filed,
    /// The newest key day met in each chain that was listed to its end, by the chain's URL.
    pub frontiers: BTreeMap<String, Day>,
    /// Tasks for which others stand.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub replaced: BTreeSet<TaskRef>,
    /// Type of every column that a sealed plan wrote, as the first one wrote it.
    pub columns: BTreeMap<Table, BTreeMap<String, Kind>>,
    /// Sums over sealed plans.
    pub totals: Totals,
    /// Folders (URL, ending in `/`) of objects that could not be read, which later runs must list again however far
    /// back they lie.
    pub unread: BTreeMap<String, Unread>,
    /// When the last full scan was planned (RFC 3339), for people.
    pub last_full_scan: Option<String>,
}

impl State {
    /// Reads the newest checkpoint, and the log from there on.
    pub async fn load(lake: &Lake) -> Result<State, LakeError> {
        let checkpoint = Checkpoint::newest(lake).await?;
        let mut state = checkpoint.map_or_else(State::default, |checkpoint| checkpoint.state);
        state.catch_up(lake).await?;
        Ok(state)
    }

    /// Reads the entries that came since. A gap in the numbers is an error, never an end.
    pub async fn catch_up(&mut self, lake: &Lake) -> Result<(), LakeError> {
        let prefix = lake.names.log_prefix();
        let listed = match self.next.checked_sub(1) {
            Some(last) => lake.list_after(&prefix, &lake.names.log(last)).await?,
            None => lake.list(&prefix).await?,
        };
        let last = listed.iter().filter_map(|meta| Names::number_of(&meta.location)).max();
        while last.is_some_and(|last| self.next <= last) {
            let path = lake.names.log(self.next);
            let entry = lake.entry(self.next).await?.ok_or_else(|| LakeError::Gap { url: lake.names.url(&path) })?;
            let at = entry.at.clone();
            self.apply(entry.body, &at);
        }
        Ok(())
    }

    /// Folds the next entry; `None` stands for one that is lost. For those who read the log entry by entry.
    pub fn step(&mut self, entry: Option<Entry>) {
        match entry {
            Some(Entry { body, at, .. }) => self.apply(body, &at),
            None => self.next += 1,
        }
    }

    fn apply(&mut self, body: Body, at: &str) {
        match body {
            Body::Create(create) => self.create = Some(create),
            Body::Plan(plan) => {
                self.frontiers.extend(plan.listed.clone());
                if plan.full_scan {
                    self.last_full_scan = Some(at.to_owned());
                    self.settle(&plan);
                }
                let state = PlanState { plan, sealed: false, dropped: BTreeMap::new() };
                self.plans.insert(self.next, state);
                self.newest_plan = Some(self.next);
            }
            Body::Seal(seal) => {
                if let Some(plan) = self.plans.get_mut(&seal.plan).filter(|plan| !plan.sealed) {
                    plan.sealed = true;
                    self.totals.add(&seal.totals);
                    self.totals.subtract(&seal.replaced_totals);
                    self.replaced.extend(seal.replaced);
                }
                for (table, columns) in seal.columns {
                    let known = self.columns.entry(table).or_default();
                    for (column, kind) in columns {
                        known.entry(column).or_insert(kind);
                    }
                }
            }
            Body::Drop(drop) => {
                for (url, dropped) in &drop.objects {
                    let folder = url.rfind('/').map_or("", |end| &url[..=end]);
                    let lost = Unread { oldest: dropped.day, plan: drop.plan };
                    let known = self.unread.entry(folder.to_owned()).or_insert(lost);
                    *known = Unread { oldest: known.oldest.min(lost.oldest), plan: known.plan.max(lost.plan) };
                }
                if let Some(plan) = self.plans.get_mut(&drop.plan) {
                    plan.dropped.extend(drop.objects);
                }
            }
        }
        self.next += 1;
    }

    /// A full scan found again what earlier plans had lost under the chains that it listed to their end. What a plan loses
    /// that was open meanwhile, the scan took for planned.
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

    /// Plans that are not sealed, oldest first.
    pub fn open_plans(&self) -> Vec<u64> {
        self.plans.iter().filter(|(_, plan)| !plan.sealed).map(|(&number, _)| number).collect()
    }

    pub fn is_open(&self, plan: u64) -> bool {
        self.plans.get(&plan).is_some_and(|plan| !plan.sealed)
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
                let today = documented(column).map_or(Kind::Text, |field| field.kind(table));
                if !kind.same_storage(today) {
                    fixed.0.entry(table).or_default().insert(column.clone(), kind);
                }
            }
        }
        fixed
    }

    /// The columns of undocumented fields that a plan made now may write. The first ones by name, if the lake has too many.
    pub fn unknown_columns(&self) -> Unknown {
        let mut unknown = Unknown::default();
        let mut left = UNKNOWN_COLUMNS_MAX;
        for (&table, columns) in &self.columns {
            let is_unknown = |name: &&String| documented(name).is_none() && !RESERVED.contains(&name.as_str());
            let known: BTreeSet<String> = columns.keys().filter(is_unknown).take(left).cloned().collect();
            left -= known.len();
            if !known.is_empty() {
                unknown.known.insert(table, known);
            }
        }
        unknown.new_per_task = NEW_COLUMNS_PER_TASK_MAX.min(left as u32);
        unknown
    }

    /// The tasks of a plan without the objects that left it.
    pub async fn tasks(&self, lake: &Lake, number: u64) -> Result<Vec<PlannedTask>, LakeError> {
        let plan = &self.plans[&number];
        let mut tasks = lake.tasks(&plan.plan).await?;
        for task in &mut tasks {
            task.objects.retain(|object| !plan.dropped.contains_key(&object.url));
        }
        Ok(tasks)
    }

    /// The tasks for which others stand. A plan to redo counts from its last commit on, at once for all of its tasks.
    pub async fn superseded(&self, lake: &Lake) -> Result<Superseded, LakeError> {
        let mut superseded = Superseded { by: BTreeSet::new(), tasks: self.replaced.clone() };
        for (&number, state) in self.plans.iter().filter(|(_, state)| state.is_redo_under_way()) {
            let committed = lake.committed(number).await?;
            if committed.len() as u64 == state.plan.tasks {
                superseded.by.insert(number);
                for task in committed {
                    let replaces = lake.commit(number, task).await?.and_then(|commit| commit.head.replaces);
                    superseded.tasks.extend(replaces);
                }
            }
        }
        Ok(superseded)
    }

    /// Plans of which no checkpoint has filed the records, and of which commits are part of the lake.
    fn counted<'a>(&'a self, superseded: &'a Superseded) -> impl Iterator<Item = (u64, &'a PlanState)> {
        let counts = |(number, state): &(u64, &PlanState)| !state.is_redo_under_way() || superseded.by.contains(number);
        self.plans.iter().map(|(&number, state)| (number, state)).filter(counts)
    }

    /// The heads of all commits that are part of the lake, in order of plan and task: what it holds.
    pub async fn heads(&self, lake: &Lake) -> Result<Vec<CommitHead>, LakeError> {
        let mut heads: Vec<CommitHead> = match &self.filed.heads {
            Some(relative) => lake.filed(relative, |bytes| decode_lines(&bytes)).await?,
            None => Vec::new(),
        };
        let superseded = self.superseded(lake).await?;
        for (number, state) in self.counted(&superseded) {
            for task in lake.committed(number).await? {
                let Some(mut head) = lake.commit(number, task).await?.map(|commit| commit.head) else { continue };
                if state.is_redo_under_way() {
                    head.files.iter_mut().for_each(|file| file.path = Names::waiting(&file.path));
                }
                heads.push(head);
            }
        }
        heads.retain(|head| !superseded.tasks.contains(&TaskRef { plan: head.plan, task: head.task }));
        heads.sort_by_key(|head| (head.plan, head.task));
        Ok(heads)
    }

    /// Every key day of which the lake has receipts.
    pub fn days(&self) -> BTreeSet<Day> {
        self.filed.receipts.keys().chain(self.plans.values().flat_map(|plan| &plan.plan.days)).copied().collect()
    }

    /// The receipts of one key day, in order of plan, task and object: an object that was checked has several.
    pub async fn receipts(&self, lake: &Lake, day: Day) -> Result<Vec<receipts::Filed>, LakeError> {
        self.receipts_where(lake, day, |_| true).await
    }

    /// Those of them that are wanted; no other is held.
    pub async fn receipts_where(
        &self,
        lake: &Lake,
        day: Day,
        wanted: impl Fn(&Receipt) -> bool,
    ) -> Result<Vec<receipts::Filed>, LakeError> {
        let mut found = Vec::new();
        self.visit_receipts(lake, day, wanted, |filed| found.push(filed)).await?;
        found.sort_by_key(|filed| (filed.plan, filed.task));
        Ok(found)
    }

    /// Hands on the wanted receipts of one key day, in no order. What a task gave for which another one stands is left out;
    /// what it set aside or skipped is not.
    pub async fn visit_receipts(
        &self,
        lake: &Lake,
        day: Day,
        wanted: impl Fn(&Receipt) -> bool,
        mut visit: impl FnMut(receipts::Filed),
    ) -> Result<(), LakeError> {
        let superseded = self.superseded(lake).await?;
        let mut visit = |filed: receipts::Filed| {
            let task = TaskRef { plan: filed.plan, task: filed.task };
            if filed.receipt.outcome != Outcome::Converted || !superseded.tasks.contains(&task) {
                visit(filed);
            }
        };
        for relative in self.filed.receipts.get(&day).into_iter().flatten() {
            let filed = lake.filed(relative, |bytes| receipts::decode(bytes, day, &wanted)).await?;
            filed.into_iter().for_each(&mut visit);
        }
        for (plan, state) in self.counted(&superseded).filter(|(_, state)| state.plan.days.contains(&day)) {
            for task in lake.committed(plan).await? {
                let Some(commit) = lake.commit(plan, task).await? else { continue };
                let of_day = commit.receipts.into_iter().filter(|receipt| receipt.day == day && wanted(receipt));
                for receipt in of_day {
                    visit(receipts::Filed { receipt, plan, task, format: state.plan.settings.format.clone() });
                }
            }
        }
        Ok(())
    }

    /// The newest receipts of those objects of one key day that are set aside now, in order of their URLs.
    pub async fn aside(&self, lake: &Lake, day: Day) -> Result<Vec<receipts::Filed>, LakeError> {
        let aside = |receipt: &Receipt| receipt.outcome == Outcome::Aside;
        let mut found = BTreeMap::new();
        for filed in self.receipts_where(lake, day, aside).await? {
            found.insert(filed.receipt.url.clone(), filed);
        }
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let since = |receipt: &Receipt| receipt.outcome == Outcome::Converted && found.contains_key(&receipt.url);
        let converted = self.receipts_where(lake, day, since).await?;
        for filed in converted {
            found.remove(&filed.receipt.url);
        }
        Ok(found.into_values().collect())
    }
}
