//! Every object name of a lake, in one place. `docs/lake.md` is the contract that these names keep.

use object_store::path::Path;

use super::{Day, Relative, TaskRef};
use crate::schema::{PARTITION_KEYS, Partition, Table};
use crate::source::SourceError;

/// Spells the names of one lake. Names in ledger records are relative to the lake's root, so that a lake can be moved.
#[derive(Debug, Clone)]
pub struct Names {
    root: Path,
    url: String,
}

pub(super) const LEDGER: &str = "_flowlake";
const REJECTS: &str = "rejects";
const WAITING: &str = "waiting";
const LIVE: &str = "live";
const ARCHIVES: &str = "archives";

/// The folder of a table whose files took the place of others. Engines pass over names that begin with `_`.
const ASIDE: &str = "_c";

/// The folder of a table's Delta log: every reader of Delta tables knows it by this name.
const DELTA_LOG: &str = "_delta_log";

/// How the name of a data file ends where readers of folders are to see it.
const SHOWN: &str = ".parquet";

/// How the name of a probe begins.
const PROBE: &str = "probe-";

/// Digits of a hash in a name.
const HASH_DIGITS: usize = 16;

impl Names {
    pub(super) fn new(root: Path, url: String) -> Names {
        Names { root, url }
    }

    /// What people call the lake, ending in `/`.
    pub fn lake_url(&self) -> &str {
        &self.url
    }

    /// The path in the store of a name relative to the lake's root.
    pub fn inside(&self, relative: &str) -> Path {
        relative.split('/').fold(self.root.clone(), |path, part| path.join(part))
    }

    /// The name relative to the lake's root.
    pub fn relative(&self, path: &Path) -> String {
        let full = path.as_ref();
        full.strip_prefix(self.root.as_ref()).unwrap_or(full).trim_start_matches('/').to_owned()
    }

    /// The same as a [`Relative`], for callers that open or delete it; `None` if records could not hold such a name.
    pub fn named(&self, path: &Path) -> Option<Relative> {
        self.relative(path).parse().ok()
    }

    /// The task that published, or would have published, an object of that name, relative to the lake's root: a data
    /// file, one that waits, or lines that were set aside. Others may lay files of their own beside ours.
    pub fn task_of_published(relative: &str) -> Option<TaskRef> {
        let (folder, file) = relative.rsplit_once('/')?;
        let (plan, rest) = file.strip_prefix('p')?.split_once("-t")?;
        let (task, rest) = rest.split_once('-')?;
        let (plan, task) = (plan.parse().ok()?, task.parse().ok()?);
        let hash = Names::hash_of(file)?;
        let is_ours = if folder == format!("{LEDGER}/{REJECTS}") {
            file == rejects_file(plan, task, hash)
        } else {
            let folder = folder.strip_prefix(&format!("{LEDGER}/{WAITING}/")).unwrap_or(folder);
            let (table, partition) = folder.split_once('/')?;
            let ordinal = rest.split_once('-').and_then(|(ordinal, _)| ordinal.parse().ok())?;
            let shown = data_file(plan, task, ordinal, hash);
            let expected = if is_aside(partition) { shown.strip_suffix(SHOWN) } else { Some(shown.as_str()) };
            Table::named(table).is_some() && expected == Some(file)
        };
        is_ours.then_some(TaskRef { plan, task })
    }

    /// The full URL of an object of this lake, for messages.
    pub fn url(&self, path: &Path) -> String {
        format!("{}{}", self.url, self.relative(path))
    }

    /// What a store's error about one of this lake's objects means, in words for people.
    pub fn store_error(&self, path: &Path, error: &object_store::Error) -> SourceError {
        let bucket = self.url.strip_prefix("s3://").and_then(|rest| rest.split('/').next()).unwrap_or_default();
        SourceError::from_store(error, &self.url(path), bucket)
    }

    fn ledger(&self, rest: &str) -> Path {
        self.inside(&format!("{LEDGER}/{rest}"))
    }

    /// The folder of all log entries.
    pub(crate) fn log_prefix(&self) -> Path {
        self.ledger("log")
    }

    /// A log entry. The log is dense: entry n+1 is written only after entry n.
    pub fn log(&self, number: u64) -> Path {
        self.ledger(&format!("log/{number:020}.json"))
    }

    /// The number of a log entry. As in all parsers here, a name that is not spelled exactly as ours is nobody's:
    /// others lay copies, temporaries and folders beside ours.
    pub fn log_of(&self, path: &Path) -> Option<u64> {
        let number = path.filename()?.strip_suffix(".json")?.parse().ok()?;
        (self.log(number) == *path).then_some(number)
    }

    /// The body of a plan that hopes to become entry `number`; the nonce tells rivals apart.
    pub fn plan_body(&self, number: u64, nonce: &str) -> Relative {
        Relative::spelled(format!("{LEDGER}/plans/{number:020}-{nonce}.ndjson.zst"))
    }

    /// The number for which the body of a plan was written.
    pub fn plan_body_of(&self, path: &Path) -> Option<u64> {
        let (number, nonce) = path.filename()?.strip_suffix(".ndjson.zst")?.split_once('-')?;
        let number = number.parse().ok()?;
        // Spelled by hand: others may lay what this program could not spell.
        let ours = format!("{LEDGER}/plans/{number:020}-{nonce}.ndjson.zst");
        (self.relative(path) == ours && nonce.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(number)
    }

    /// The folder of the bodies of all plans.
    pub(super) fn all_plans(&self) -> Path {
        self.ledger("plans")
    }

    /// Stands for the body of a plan that has no number yet.
    pub fn unnamed_body() -> Relative {
        Relative::spelled(format!("{LEDGER}/plans"))
    }

    /// The folder of all checkpoints.
    pub(crate) fn checkpoints(&self) -> Path {
        self.ledger("checkpoints")
    }

    /// The fold of the log through entry `number`.
    pub fn checkpoint(&self, number: u64) -> Path {
        self.ledger(&format!("checkpoints/{number:020}.json"))
    }

    /// The last entry that a checkpoint covers; `None` of what is none.
    pub(crate) fn checkpoint_of(&self, path: &Path) -> Option<u64> {
        let number = path.filename()?.strip_suffix(".json")?.parse().ok()?;
        (self.checkpoint(number) == *path).then_some(number)
    }

    /// Receipts of one key day that a checkpoint files; relative, as the checkpoint names it.
    pub fn filed_receipts(&self, day: Day, number: u64, ordinal: usize, hash: &str) -> Relative {
        Relative::spelled(format!("{LEDGER}/objects/day={day}/{number:020}-{ordinal:04}-{}.parquet", short(hash)))
    }

    /// The heads of all commits that a checkpoint covers; relative.
    pub fn filed_heads(&self, number: u64, hash: &str) -> Relative {
        Relative::spelled(format!("{LEDGER}/heads/{number:020}-{}.ndjson.zst", short(hash)))
    }

    /// The checkpoint that filed these heads.
    pub fn filed_heads_of(&self, path: &Path) -> Option<u64> {
        let (number, _) = path.filename()?.split_once('-')?;
        let number = number.parse().ok()?;
        let hash = Names::hash_of(path.as_ref())?;
        (self.inside(&self.filed_heads(number, hash)) == *path).then_some(number)
    }

    /// The folder of what [`Names::filed_heads`] names.
    pub(crate) fn all_filed_heads(&self) -> Path {
        self.ledger("heads")
    }

    /// The live data files of one date of a table, listed by a checkpoint; relative, as the checkpoint names it.
    pub fn filed_live(&self, table: Table, day: Day, number: u64, hash: &str) -> Relative {
        let table = table.name();
        Relative::spelled(format!("{LEDGER}/{LIVE}/{table}/date={day}/{number:020}-{}.parquet", short(hash)))
    }

    /// The date that such a file lists, and the checkpoint that wrote it.
    pub fn filed_live_of(&self, path: &Path) -> Option<(Table, Day, u64)> {
        let mut parts = path.as_ref().rsplit('/');
        let (number, _) = parts.next()?.split_once('-')?;
        let day = parts.next()?.strip_prefix("date=")?.parse().ok()?;
        let table = Table::named(parts.next()?)?;
        let (number, hash) = (number.parse().ok()?, Names::hash_of(path.as_ref())?);
        (self.inside(&self.filed_live(table, day, number, hash)) == *path).then_some((table, day, number))
    }

    /// The folder of the index of live data files.
    pub fn all_filed_live(&self) -> Path {
        self.ledger(LIVE)
    }

    /// Old records of the log's entries `first` to `last`, and of their plans; relative.
    pub fn archive(&self, first: u64, last: u64, hash: &str) -> Relative {
        Relative::spelled(format!("{LEDGER}/{ARCHIVES}/{first:020}-{last:020}-{}.tar.zst", short(hash)))
    }

    /// The first and the last entry that an archive holds, and its name.
    pub fn archive_of(&self, path: &Path) -> Option<(u64, u64, Relative)> {
        let (first, rest) = path.filename()?.split_once('-')?;
        let (last, _) = rest.split_once('-')?;
        let (first, last, hash) = (first.parse().ok()?, last.parse().ok()?, Names::hash_of(path.as_ref())?);
        let name = self.archive(first, last, hash);
        (self.inside(&name) == *path && first <= last).then_some((first, last, name))
    }

    /// The folder of all archives.
    pub(crate) fn all_archives(&self) -> Path {
        self.ledger(ARCHIVES)
    }

    /// The folder of all intents; it has one for each plan.
    pub(crate) fn all_intents(&self) -> Path {
        self.ledger("intents")
    }

    /// The folder of a plan's intents; it has one for each task.
    pub(crate) fn intents_of_plan(&self, plan: u64) -> Path {
        self.ledger(&format!("intents/{plan:020}"))
    }

    /// The task of an intent.
    pub fn intent_of(&self, path: &Path) -> Option<TaskRef> {
        let mut parts = path.as_ref().rsplit('/');
        let hash = parts.next()?.strip_suffix(".json").filter(|hash| is_hash(hash))?;
        let task = parts.next()?.parse().ok()?;
        let plan = parts.next()?.parse().ok()?;
        (self.inside(&self.intent(plan, task, hash)) == *path).then_some(TaskRef { plan, task })
    }

    /// What a worker is about to publish for a task; `hash` is of the intent itself.
    pub fn intent(&self, plan: u64, task: u64, hash: &str) -> Relative {
        Relative::spelled(format!("{LEDGER}/intents/{plan:020}/{task:06}/{}.json", short(hash)))
    }

    /// The folder of all commits; it has one for each plan.
    pub(crate) fn all_commits(&self) -> Path {
        self.ledger("commits")
    }

    /// The folder of a plan's commits, one file a task.
    pub(crate) fn commits(&self, plan: u64) -> Path {
        self.ledger(&format!("commits/{plan:020}"))
    }

    /// The record that a task is done.
    pub(crate) fn commit(&self, plan: u64, task: u64) -> Path {
        self.ledger(&format!("commits/{plan:020}/{task:06}.ndjson.zst"))
    }

    /// The task of a commit.
    pub fn commit_of(&self, path: &Path) -> Option<TaskRef> {
        let mut parts = path.as_ref().rsplit('/');
        let task = parts.next()?.strip_suffix(".ndjson.zst")?.parse().ok()?;
        let plan = parts.next()?.parse().ok()?;
        (self.commit(plan, task) == *path).then_some(TaskRef { plan, task })
    }

    /// The folder of the lines that tasks set aside.
    pub(crate) fn all_rejects(&self) -> Path {
        self.ledger(REJECTS)
    }

    /// Lines that a task set aside; relative, as receipts name it.
    pub fn rejects(&self, plan: u64, task: u64, hash: &str) -> Relative {
        Relative::spelled(format!("{LEDGER}/{REJECTS}/{}", rejects_file(plan, task, short(hash))))
    }

    /// The beginning of the BLAKE3 of a record, where its name ends in it.
    pub fn hash_of(relative: &str) -> Option<&str> {
        let stem = relative.rsplit('/').next()?.split('.').next()?;
        let (_, hash) = stem.rsplit_once('-')?;
        is_hash(hash).then_some(hash)
    }

    /// The probe of conditional creation.
    pub fn probe_name(&self, nonce: &str) -> Relative {
        Relative::spelled(format!("{LEDGER}/tmp/{PROBE}{nonce}"))
    }

    /// Whether the name of a file, whatever its folder, is one that [`Names::probe_name`] gives.
    pub(crate) fn is_probe(path: &Path) -> bool {
        let nonce = path.filename().and_then(|name| name.strip_prefix(PROBE));
        nonce.is_some_and(|nonce| nonce.len() == 32 && nonce.bytes().all(|byte| byte.is_ascii_hexdigit()))
    }

    /// The folders that every lake reads from, relative to its root.
    pub fn read_folders() -> Vec<String> {
        let records = ["log", "plans", "intents", "commits", REJECTS, ARCHIVES];
        let ledger = records.into_iter().chain(["checkpoints", "objects", "heads", LIVE, WAITING]);
        let ledger = ledger.map(|folder| format!("{LEDGER}/{folder}"));
        Names::folders().map(str::to_owned).chain(ledger).collect()
    }

    /// Temporaries of the local writer, and the default scratch of a local lake.
    pub fn tmp() -> String {
        format!("{LEDGER}/tmp")
    }

    /// Keys of the folders that, if they are lakes, have the one at `key` in a folder of their own.
    pub fn lakes_around(key: &str) -> Vec<String> {
        let parts: Vec<&str> = key.split('/').collect();
        let of_a_lake = |at: &usize| Names::folders().any(|folder| folder == parts[*at]);
        (0..parts.len()).filter(of_a_lake).map(|at| parts[..at].join("/")).collect()
    }

    /// Keys of the lakes that would lie in a folder of a new lake at `key`.
    pub fn lakes_within(key: &str) -> Vec<String> {
        let slash = if key.is_empty() { "" } else { "/" };
        Names::folders().map(|folder| format!("{key}{slash}{folder}")).collect()
    }

    /// The key of the first log entry of a lake at `key`.
    pub fn birth_below(key: &str) -> String {
        let slash = if key.is_empty() { "" } else { "/" };
        format!("{key}{slash}{LEDGER}/log/{:020}.json", 0)
    }

    /// What every lake has for itself.
    fn folders() -> impl Iterator<Item = &'static str> {
        Table::all().map(Table::name).chain([LEDGER])
    }

    /// Where a data file of a plan to redo waits for the seal.
    pub fn waiting(data: &Relative) -> Relative {
        Relative::spelled(format!("{LEDGER}/{WAITING}/{data}"))
    }

    /// The folder of what [`Names::waiting`] names.
    pub(crate) fn all_waiting(&self) -> Path {
        self.ledger(WAITING)
    }

    /// A data file. It depends on the plan and on the content alone.
    pub fn data(&self, table: Table, partition: &str, plan: u64, task: u64, ordinal: usize, hash: &str) -> Relative {
        Relative::spelled(format!("{}/{partition}/{}", table.name(), data_file(plan, task, ordinal, short(hash))))
    }

    /// Where a data file lies that takes the place of others: nobody who lists folders sees it there.
    pub fn aside(data: &Relative) -> Relative {
        let Some((table, rest)) = data.split_once('/') else { return data.clone() };
        Relative::spelled(format!("{table}/{ASIDE}/{}", rest.strip_suffix(SHOWN).unwrap_or(rest)))
    }

    /// The table and the partition whose folder, or whose folder aside, has a data file of this name.
    pub fn place_of(data: &Relative) -> Option<(Table, Partition)> {
        let (table, rest) = data.split_once('/')?;
        let (partition, _) = rest.rsplit_once('/')?;
        let partition = partition.strip_prefix(ASIDE).and_then(|rest| rest.strip_prefix('/')).unwrap_or(partition);
        Some((Table::named(table)?, partition.parse().ok()?))
    }

    /// A name in a table's folder before those of all partitions, and behind all that are no partition.
    pub fn before_partitions(&self, table: Table) -> Path {
        self.inside(&format!("{}/{}=", table.name(), PARTITION_KEYS[0]))
    }

    /// The folder of a table's Delta log.
    pub fn delta_log(&self, table: Table) -> Path {
        self.inside(&format!("{}/{DELTA_LOG}", table.name()))
    }

    /// A version in it.
    pub fn delta_version(&self, table: Table, version: u64) -> Path {
        self.inside(&format!("{}/{DELTA_LOG}/{version:020}.json", table.name()))
    }

    /// The number of a version.
    pub fn delta_version_of(&self, table: Table, path: &Path) -> Option<u64> {
        let number = path.filename()?.strip_suffix(".json")?.parse().ok()?;
        (is_delta_version(number) && self.delta_version(table, number) == *path).then_some(number)
    }

    /// A checkpoint in one file of a Delta log; relative.
    pub fn delta_checkpoint(table: Table, version: u64) -> Relative {
        Relative::spelled(format!("{}/{DELTA_LOG}/{version:020}.checkpoint.parquet", table.name()))
    }

    /// The version of such a checkpoint.
    pub fn delta_checkpoint_of(&self, table: Table, path: &Path) -> Option<u64> {
        let number = path.filename()?.strip_suffix(".checkpoint.parquet")?.parse().ok()?;
        let name = Names::delta_checkpoint(table, number);
        (is_delta_version(number) && self.inside(&name) == *path).then_some(number)
    }

    /// What names the newest checkpoint of a Delta log; relative.
    pub fn delta_last_checkpoint(table: Table) -> Relative {
        Relative::spelled(format!("{}/{DELTA_LOG}/_last_checkpoint", table.name()))
    }

    /// The folder of a table's files that lie aside.
    pub fn all_aside(&self, table: Table) -> Path {
        self.inside(&format!("{}/{ASIDE}", table.name()))
    }

    /// Where a data file that lies aside is shown; `None` of one that does not.
    pub fn shown(aside: &Relative) -> Option<Relative> {
        let (table, rest) = aside.split_once('/')?;
        let rest = rest.strip_prefix(&format!("{ASIDE}/"))?;
        Some(Relative::spelled(format!("{table}/{rest}{SHOWN}")))
    }
}

/// Versions of Delta logs are signed numbers for everybody else.
fn is_delta_version(number: u64) -> bool {
    number < i64::MAX as u64
}

/// Whether a folder of a table holds files that took the place of others.
fn is_aside(folder: &str) -> bool {
    folder == ASIDE || folder.starts_with(&format!("{ASIDE}/"))
}

/// Whether it is the beginning of a hash as names end in it.
fn is_hash(text: &str) -> bool {
    text.len() == HASH_DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn data_file(plan: u64, task: u64, ordinal: usize, hash: &str) -> String {
    format!("p{plan:08}-t{task:06}-{ordinal:04}-{hash}.parquet")
}

fn rejects_file(plan: u64, task: u64, hash: &str) -> String {
    format!("p{plan:08}-t{task:06}-{hash}.ndjson.zst")
}

fn short(hash: &str) -> &str {
    &hash[..hash.len().min(HASH_DIGITS)]
}
