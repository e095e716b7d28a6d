//! The fold of the log: which plans there are, which are open, how far each chain of keys was listed.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::receipts;
use super::{
    Body, Commit, CommitHead, Create, Day, Dropped, Entry, FORMAT_FIRST, Lake, LakeError, Names, Outcome, Plan,
    PlannedTask, Purpose, Receipt, Relative, TaskRef, Totals, decode_lines,
};
use crate::schema::{Kind, NEW_COLUMNS_PER_TASK_MAX, RESERVED, Table, Types, UNKNOWN_COLUMNS_MAX, Unknown, documented};

/// Where the records of sealed plans lie that a checkpoint covers. Names are relative to the lake.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filed {
    /// The last log entry that was folded; `None` before the first checkpoint.
    pub through: Option<u64>,
    /// Receipts of source objects by key day, in files of bounded size.
    pub receipts: BTreeMap<Day, Vec<Relative>>,
    /// The heads of all commits, in one file.
    pub heads: Option<Relative>,
}

/// One plan of the log and what later entries said of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlanState {
    pub plan: Plan,
    pub sealed: bool,
    /// Objects that left the plan, with the reason.
    pub dropped: BTreeMap<String, Dropped>,
    /// What its seal says. A checkpoint holds no sealed plan.
    #[serde(skip)]
    pub sealed_totals: Option<Totals>,
}

impl PlanState {
    /// What it gives still waits, and does not lie in the folders of the tables.
    pub fn is_redo_under_way(&self) -> bool {
        !self.sealed && self.plan.purpose == Purpose::Redo
    }

    /// Of the copies of an object that left this task, the first one is read in its place, and the others are copies of
    /// that one. The log alone decides, and one task alone: of two runs that know more or less of the log, one commits
    /// it. Copies in other tasks stay left out; the seal has them listed again, and the next run finds what is there.
    pub(super) fn settle_copies(&self, task: &mut PlannedTask) {
        let gone: BTreeSet<String> = task
            .objects
            .iter()
            .map(|object| &object.url)
            .filter(|url| self.dropped.contains_key(*url))
            .cloned()
            .collect();
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
    /// The newest key day met in each chain that was listed to its end, by the chain's URL.
    pub frontiers: BTreeMap<String, Day>,
    /// Tasks for which others stand.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub replaced: BTreeSet<TaskRef>,
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
    /// When the last full scan was planned (RFC 3339), for people.
    pub last_full_scan: Option<String>,
}

impl State {
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
                let state = PlanState { plan, sealed: false, dropped: BTreeMap::new(), sealed_totals: None };
                self.plans.insert(self.next, state);
                self.newest_plan = Some(self.next);
            }
            Body::Seal(seal) => {
                if let Some(plan) = self.plans.get_mut(&seal.plan).filter(|plan| !plan.sealed) {
                    plan.sealed = true;
                    plan.sealed_totals = Some(seal.totals);
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
                    self.list_again(folder_of(url), Unread { oldest: dropped.day, plan: drop.plan });
                }
                if let Some(plan) = self.plans.get_mut(&drop.plan) {
                    plan.dropped.extend(drop.objects);
                }
            }
            Body::Lost(lost) => {
                self.totals.subtract(&lost.totals);
                self.lost.extend(lost.tasks);
                for (folder, oldest) in lost.folders {
                    self.list_again(&folder, Unread { oldest, plan: self.next });
                }
            }
        }
        self.next += 1;
    }

    fn list_again(&mut self, folder: &str, lost: Unread) {
        let known = self.unread.entry(folder.to_owned()).or_insert(lost);
        *known = Unread { oldest: known.oldest.min(lost.oldest), plan: known.plan.max(lost.plan) };
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

    /// The tasks of a plan without those that were given up, and without the objects that left it.
    pub async fn tasks(&self, lake: &Lake, number: u64) -> Result<Vec<PlannedTask>, LakeError> {
        let plan = &self.plans[&number];
        let mut tasks = lake.tasks(&plan.plan).await?;
        for task in &mut tasks {
            plan.settle_copies(task);
            task.objects.retain(|object| !plan.dropped.contains_key(&object.url));
        }
        tasks.retain(|task| !self.is_lost(number, task.task));
        Ok(tasks)
    }

    /// The tasks for which others stand. A plan to redo counts from its last commit on, at once for all of its tasks.
    pub async fn superseded(&self, lake: &Lake) -> Result<Superseded, LakeError> {
        let mut superseded = Superseded { by: BTreeSet::new(), tasks: self.replaced.clone() };
        for (&number, _) in self.plans.iter().filter(|(_, state)| state.is_redo_under_way()) {
            let committed = lake.committed(number).await?;
            if self.to_do(number, &committed) == 0 {
                superseded.by.insert(number);
                for task in committed.into_iter().filter(|&task| !self.is_lost(number, task)) {
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
        // Asked once: a redo that is finished meanwhile must not lose its old rows before its new ones are among the heads.
        let superseded = self.superseded(lake).await?;
        let mut heads = self.heads_counted(lake, &superseded).await?;
        self.check_totals(lake, &heads)?;
        heads.retain(|head| !superseded.tasks.contains(&TaskRef { plan: head.plan, task: head.task }));
        heads.sort_by_key(|head| (head.plan, head.task));
        Ok(heads)
    }

    /// The same with those for which others stand.
    pub async fn every_head(&self, lake: &Lake) -> Result<Vec<CommitHead>, LakeError> {
        let superseded = self.superseded(lake).await?;
        self.heads_counted(lake, &superseded).await
    }

    async fn heads_counted(&self, lake: &Lake, superseded: &Superseded) -> Result<Vec<CommitHead>, LakeError> {
        let mut heads: Vec<CommitHead> = match &self.filed.heads {
            Some(relative) => lake.filed(relative, |bytes| decode_lines(&bytes)).await?,
            None => Vec::new(),
        };
        for (number, state) in self.counted(superseded) {
            let add = |Commit { mut head, .. }| {
                if state.is_redo_under_way() {
                    head.files.iter_mut().for_each(|file| file.path = Names::waiting(&file.path));
                }
                heads.push(head);
            };
            self.visit_commits(lake, number, add).await?;
        }
        heads.retain(|head| !self.is_lost(head.plan, head.task));
        Ok(heads)
    }

    /// That the heads of all sealed plans come to what their seals say: a checkpoint may have filed a plan of which a
    /// commit was gone.
    fn check_totals(&self, lake: &Lake, heads: &[CommitHead]) -> Result<(), LakeError> {
        let Some(filed) = &self.filed.heads else { return Ok(()) };
        let totals = self.sum_of(heads);
        if totals == self.totals {
            return Ok(());
        }
        let reason = format!("its commits have {} rows, their seals say {}", totals.rows, self.totals.rows);
        Err(LakeError::Filed { url: lake.names.url(&lake.names.inside(filed)), reason })
    }

    /// What the heads of sealed plans come to, without the rows for which others stand.
    pub fn sum_of(&self, heads: &[CommitHead]) -> Totals {
        let mut totals = Totals::default();
        for head in heads.iter().filter(|head| !self.is_open(head.plan)) {
            totals.add(&head.totals);
            if self.replaced.contains(&TaskRef { plan: head.plan, task: head.task }) {
                totals.subtract(&head.totals.of_conversions());
            }
        }
        totals
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
        let is_replaced = |filed: &receipts::Filed| {
            let task = TaskRef { plan: filed.plan, task: filed.task };
            filed.receipt.outcome == Outcome::Converted && superseded.tasks.contains(&task)
        };
        let visit = |filed| {
            if !is_replaced(&filed) {
                visit(filed)
            }
        };
        self.visit_every_receipt(lake, day, &superseded, wanted, visit).await
    }

    /// The wanted receipts of one key day, with those for which others stand, the oldest first.
    pub(super) async fn conversions(
        &self,
        lake: &Lake,
        day: Day,
        wanted: impl Fn(&Receipt) -> bool,
    ) -> Result<Vec<receipts::Filed>, LakeError> {
        let superseded = self.superseded(lake).await?;
        let mut found = Vec::new();
        self.visit_every_receipt(lake, day, &superseded, wanted, |filed| found.push(filed)).await?;
        found.sort_by_key(|filed| (filed.plan, filed.task));
        Ok(found)
    }

    async fn visit_every_receipt(
        &self,
        lake: &Lake,
        day: Day,
        superseded: &Superseded,
        wanted: impl Fn(&Receipt) -> bool,
        mut visit: impl FnMut(receipts::Filed),
    ) -> Result<(), LakeError> {
        let mut visit = |filed: receipts::Filed| {
            if !self.lost.contains(&TaskRef { plan: filed.plan, task: filed.task }) {
                visit(filed);
            }
        };
        for relative in self.filed.receipts.get(&day).into_iter().flatten() {
            let filed = lake.filed(relative, |bytes| receipts::decode(bytes, day, &wanted)).await?;
            filed.into_iter().for_each(&mut visit);
        }
        for (plan, state) in self.counted(superseded).filter(|(_, state)| state.plan.days.contains(&day)) {
            let visit_commit = |Commit { head, receipts }: Commit| {
                let of_day = receipts.into_iter().filter(|receipt| receipt.day == day && wanted(receipt));
                for receipt in of_day {
                    let format = state.plan.settings.format.clone();
                    visit(receipts::Filed { receipt, plan, task: head.task, format });
                }
            };
            self.visit_commits(lake, plan, visit_commit).await?;
        }
        Ok(())
    }

    /// The newest receipts of those objects of one key day that are set aside now, in order of their URLs. What was
    /// converted, skipped or left out as a copy since is no longer set aside.
    pub async fn aside(&self, lake: &Lake, day: Day) -> Result<Vec<receipts::Filed>, LakeError> {
        let aside = |receipt: &Receipt| receipt.outcome == Outcome::Aside;
        let mut found = BTreeMap::new();
        for filed in self.receipts_where(lake, day, aside).await? {
            found.insert(filed.receipt.url.clone(), filed);
        }
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let ends = |receipt: &Receipt| {
            let outcome = matches!(receipt.outcome, Outcome::Converted | Outcome::Skipped | Outcome::Copy);
            outcome && found.contains_key(&receipt.url)
        };
        for later in self.receipts_where(lake, day, ends).await? {
            let (url, at) = (&later.receipt.url, (later.plan, later.task));
            // Whatever its order: what is converted is never set aside.
            let is_over =
                |filed: &receipts::Filed| later.receipt.outcome == Outcome::Converted || at > (filed.plan, filed.task);
            if found.get(url).is_some_and(is_over) {
                found.remove(url);
            }
        }
        Ok(found.into_values().collect())
    }
}

fn first_format() -> u32 {
    FORMAT_FIRST
}

fn is_first_format(format: &u32) -> bool {
    *format <= FORMAT_FIRST
}

/// The folder of a source object, ending in `/`.
pub fn folder_of(url: &str) -> &str {
    url.rfind('/').map_or("", |end| &url[..=end])
}
