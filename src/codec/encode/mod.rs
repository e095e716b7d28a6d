//! Chunks of rows become Parquet data files, one partition a file, the same bytes for the same rows.
//!
//! ```text
//! chunk ─▶ runs of one partition ─▶ page of rows ─▶ encoded pages ─▶ row group ─▶ data file
//!            │       │              (65,536, in     (in memory)      (dictionary    (hashed)
//!            │       └─▶ spill       an order)                        page first)
//!            └─▶ receipt             beyond 16 partitions
//! ```
//!
//! Pages are encoded here and not by the Parquet library's writers, which would look every text up a second time; the
//! library writes page headers, indexes and footers. Files with columns of other kinds than texts and whole numbers it
//! writes as a whole. Where pages, row groups and files end depends on the rows and the options alone: no clock, no
//! randomness, no memory pressure, no thread.
//!
//! The stage opens no file: it writes into what a [`Staging`] gives it. Publishing the files is left to others.

mod bounds;
mod chunk;
mod compress;
mod delta;
mod file;
mod group;
mod hybrid;
mod ints;
mod library;
mod limits;
mod options;
mod order;
mod pack;
mod page;
mod partition;
mod receipt;
mod runs;
mod shape;
mod spill;
mod text;
mod texts;
mod values;

#[cfg(test)]
pub(crate) mod tests;

pub use file::DataFile;
pub use limits::OPEN_PARTITIONS_MAX;
pub use options::{Options, Origin, Staging};
pub use receipt::{PartitionSums, row_mix};
pub(crate) use shape::is_required;

use std::borrow::Cow;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use hashbrown::HashMap;
use parquet::errors::ParquetError;

use self::chunk::Press;
use self::compress::Compressor;
use self::file::{FileSubject, Files, OpenFile};
use self::group::{RowGroup, Rows};
use self::library::LibraryFile;
use self::limits::Limits;
use self::partition::PartitionKey;
use self::receipt::{Counted, Receipt};
use self::shape::{Shape, Shapes};
use self::spill::{Frames, Spill};
use crate::columns::{Chunk, Dictionaries};
use crate::schema::Partition;

/// Names what this version makes of given objects: which rows their lines are, and the bytes of the files that hold
/// them. It goes up whenever either changes.
pub const WRITER_EPOCH: u32 = 5;

/// Why files could not be made. The task has failed; what was staged is worthless.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each says what its fields are")]
pub enum EncodeError {
    /// [`Staging::create`] failed.
    #[error("data file {ordinal} of the task cannot be created: {source}")]
    Create { ordinal: usize, source: io::Error },
    /// A file took no more bytes.
    #[error("data file {ordinal} of the task cannot be written: {source}")]
    Write { ordinal: usize, source: ParquetError },
    /// The scratch file of [`Staging`] failed.
    #[error("rows of many partitions cannot be set aside: {0}")]
    Spill(#[source] io::Error),
    /// The compressor failed.
    #[error("a page cannot be compressed: {0}")]
    Compress(#[source] io::Error),
    /// Values do not fit their encoding.
    #[error("a page cannot be encoded: {0}")]
    Page(#[source] ParquetError),
}

/// Up to so many writers keep the buffers of a page and the tables of a row group for the next one; with more of them
/// they would add up. It decides when all tables together are too large, and so the bytes of files: changing it needs a
/// new [`WRITER_EPOCH`].
const KEEPERS_MAX: usize = 2;

/// One partition of one set of columns, while it has a file open.
struct Writer<F: io::Write> {
    shape: Arc<Shape>,
    partition: Partition,
    group: RowGroup,
    file: Option<OpenFile<F>>,
}

/// One partition of columns that are not all direct.
struct LibraryWriter<F: io::Write + Send> {
    shape: Arc<Shape>,
    partition: Partition,
    file: Option<LibraryFile<F>>,
    /// When rows came last, counted in chunks.
    used: u64,
}

/// Where the rows of a (shape, partition) go.
#[derive(Clone, Copy)]
enum Place {
    Open(usize),
    Spilled(usize),
    Library(usize),
}

/// Encodes the objects of one task, in order.
pub struct TaskEncoder<S: Staging> {
    options: Options,
    limits: Limits,
    files: Files<S>,
    press: Press,
    shapes: Shapes,
    /// Asked once a run of rows, and rows of two days take turns: a quick hash shows in the time of a conversion.
    places: HashMap<(usize, PartitionKey), Place>,
    writers: Vec<Writer<S::File>>,
    library: Vec<LibraryWriter<S::File>>,
    library_used: u64,
    spill: Option<Spill<S::Spill>>,
    /// The object at hand; all objects since rows were first set aside, which name theirs by number.
    origins: Vec<Arc<Origin>>,
    receipt: Receipt,
    runs: Vec<(PartitionKey, Range<usize>)>,
    /// The last expired date.
    expired: Option<PartitionKey>,
}

impl<S: Staging> TaskEncoder<S> {
    /// An encoder of one task. No file is made before the first rows come.
    pub fn new(options: Options, staging: S) -> Result<TaskEncoder<S>, EncodeError> {
        TaskEncoder::with_limits(options, staging, Limits::default())
    }

    fn with_limits(options: Options, staging: S, limits: Limits) -> Result<TaskEncoder<S>, EncodeError> {
        let compressor = Compressor::new(options.compression).map_err(EncodeError::Compress)?;
        Ok(TaskEncoder {
            files: Files::new(&options, staging),
            expired: options.expired.map(PartitionKey::of_date),
            options,
            limits,
            press: Press::new(compressor),
            shapes: Shapes::default(),
            places: HashMap::new(),
            writers: Vec::new(),
            library: Vec::new(),
            library_used: 0,
            spill: None,
            origins: Vec::new(),
            receipt: Receipt::default(),
            runs: Vec::new(),
        })
    }

    /// The rows that follow are of this object.
    pub fn begin_object(&mut self, origin: &Origin) {
        if self.spill.is_none() {
            self.origins.clear();
        }
        self.origins.push(Arc::new(origin.clone()));
    }

    /// Ends the object, and gives its sums in each partition: its receipt.
    pub fn end_object(&mut self) -> Vec<PartitionSums> {
        self.receipt.take()
    }

    /// Takes the rows of `chunk`, which are of the object that was begun last, each into the partition of its `start`.
    pub fn push(&mut self, chunk: &Chunk, dictionaries: &Dictionaries) -> Result<(), EncodeError> {
        let mut runs = std::mem::take(&mut self.runs);
        self.split(chunk, &mut runs);
        self.push_runs(chunk, dictionaries, (&runs, self.expired))?;
        self.runs = runs;
        Ok(())
    }

    /// The rows of `chunk` that [`TaskEncoder::push`] puts into files: all but those of expired dates.
    pub fn kept<'a>(&self, chunk: &'a Chunk) -> Cow<'a, Chunk> {
        if self.expired.is_none() {
            return Cow::Borrowed(chunk);
        }
        let mut runs = Vec::new();
        self.split(chunk, &mut runs);
        let kept = runs.into_iter().filter(|(key, _)| !key.is_until(self.expired));
        chunk.rows_of(&kept.map(|(_, range)| range).collect::<Vec<_>>())
    }

    /// Splits the rows of `chunk` by partition.
    fn split(&self, chunk: &Chunk, runs: &mut Vec<(PartitionKey, Range<usize>)>) {
        let by = self.options.partition_by;
        let unknown = PartitionKey::of_origin(&self.origin(), by);
        let [starts, _] = chunk.times();
        match chunk.layout.start {
            Some(_) => partition::split(&starts, by, unknown, runs),
            None => runs.splice(.., [(unknown, 0..chunk.rows())]).for_each(drop),
        }
    }

    /// Takes the rows of `chunk` as [`TaskEncoder::push`] does, but all into `partition`, whatever their `start` says:
    /// rows that are carried over from a data file stay in its partition.
    pub fn push_into(
        &mut self,
        chunk: &Chunk,
        dictionaries: &Dictionaries,
        partition: Partition,
    ) -> Result<(), EncodeError> {
        let run = (PartitionKey::of_partition(partition), 0..chunk.rows());
        self.push_runs(chunk, dictionaries, (&[run], None))
    }

    fn push_runs(
        &mut self,
        chunk: &Chunk,
        dictionaries: &Dictionaries,
        (runs, expired): (&[(PartitionKey, Range<usize>)], Option<PartitionKey>),
    ) -> Result<(), EncodeError> {
        let origin = self.origin();
        let layout = &chunk.layout;
        let plan = self.shapes.plan(layout)?;
        let ([start, end], measures) = (chunk.times(), chunk.measures());
        let counted = Counted {
            lines: &chunk.lines,
            start: &start,
            end: &end,
            measures: measures.iter().map(Cow::as_ref).collect(),
        };
        let rows = Rows {
            values: &chunk.values,
            sources: &plan.sources,
            slots: &chunk.slots,
            lines: &chunk.lines,
            starts: &start,
            dictionaries,
            origin: &origin,
        };
        for (key, range) in runs.iter().filter(|(_, range)| !range.is_empty()) {
            self.receipt.add(layout.table, *key, &counted, range.clone());
            if !key.is_until(expired) {
                self.route(plan.shape, *key, &rows, range.clone())?;
            }
        }
        Ok(())
    }

    fn origin(&self) -> Arc<Origin> {
        Arc::clone(self.origins.last().expect("rows follow the beginning of their object"))
    }

    /// The ids given so far mean nothing after this call: every row group ends.
    pub fn dictionaries_cleared(&mut self) -> Result<(), EncodeError> {
        (0..self.writers.len()).try_for_each(|writer| self.end_group(writer))
    }

    /// Ends all files. The first of the pair are the files in the order of their ordinals; a task without rows has
    /// none.
    pub fn finish(mut self) -> Result<(Vec<DataFile>, S), EncodeError> {
        for writer in 0..self.writers.len() {
            self.end_file(writer)?;
        }
        self.writers.clear();
        for writer in 0..self.library.len() {
            self.end_library_file(writer)?;
        }
        if let Some(mut spill) = self.spill.take() {
            self.unspill(&mut spill)?;
        }
        Ok(self.files.into_parts())
    }

    fn route(&mut self, shape: usize, key: PartitionKey, rows: &Rows, range: Range<usize>) -> Result<(), EncodeError> {
        let place = match self.places.get(&(shape, key)) {
            Some(&place) => place,
            None => self.add_place(shape, key)?,
        };
        match (place, &mut self.spill) {
            (Place::Spilled(entry), Some(spill)) => {
                let object = self.origins.len() as u32 - 1;
                spill.push(entry, rows, range, object).map_err(EncodeError::Spill)
            }
            (Place::Spilled(_), None) => unreachable!("a spilled partition has a spill"),
            (Place::Open(writer), _) => self.write(writer, rows, range),
            (Place::Library(writer), _) => self.write_by_library(writer, rows, range),
        }
    }

    fn add_place(&mut self, shape: usize, key: PartitionKey) -> Result<Place, EncodeError> {
        let place = if !self.shapes.get(shape).is_direct {
            let (shape, partition) = (Arc::clone(self.shapes.get(shape)), key.partition());
            self.library.push(LibraryWriter { shape, partition, file: None, used: 0 });
            Place::Library(self.library.len() - 1)
        } else if self.writers.len() < self.limits.open_partitions {
            Place::Open(self.open(shape, key))
        } else {
            let spill = match &mut self.spill {
                Some(spill) => spill,
                None => {
                    let file = self.files.staging.spill(0).map_err(EncodeError::Spill)?;
                    self.spill.insert(Spill::new(file, self.limits.spill_bytes))
                }
            };
            Place::Spilled(spill.add_entry())
        };
        self.places.insert((shape, key), place);
        Ok(place)
    }

    fn open(&mut self, shape: usize, key: PartitionKey) -> usize {
        let shape = Arc::clone(self.shapes.get(shape));
        let group = RowGroup::new(Arc::clone(&shape), &self.limits, &self.options.bloom);
        self.writers.push(Writer { shape, partition: key.partition(), group, file: None });
        self.writers.len() - 1
    }

    fn write(&mut self, writer: usize, rows: &Rows, mut range: Range<usize>) -> Result<(), EncodeError> {
        while !range.is_empty() {
            let group = &mut self.writers[writer].group;
            range.start += group.append(rows, range.clone());
            if group.page_is_full() {
                self.cut_page(writer)?;
            }
            self.cut_largest_page()?;
        }
        Ok(())
    }

    fn write_by_library(&mut self, writer: usize, rows: &Rows, range: Range<usize>) -> Result<(), EncodeError> {
        self.library_used += 1;
        if self.library[writer].file.is_none() {
            self.make_room_for_library_file()?;
            let (ordinal, file) = self.files.create_file()?;
            let open = &mut self.library[writer];
            open.file = Some(LibraryFile::new(&open.shape, &self.options, &self.limits, ordinal, file)?);
        }
        let open = self.library.iter().filter(|writer| writer.file.is_some()).count();
        let LibraryWriter { shape, file, used, .. } = &mut self.library[writer];
        *used = self.library_used;
        let file = file.as_mut().expect("it was opened above");
        if file.append(shape, rows, range, &self.options, (&self.limits, open))? {
            self.end_library_file(writer)?;
        }
        Ok(())
    }

    /// Ends the file to which rows came longest ago, if as many are open as may be: rows of its partition that come
    /// later have another one.
    fn make_room_for_library_file(&mut self) -> Result<(), EncodeError> {
        let open = || self.library.iter().enumerate().filter(|(_, writer)| writer.file.is_some());
        match open().min_by_key(|(_, writer)| writer.used) {
            Some((oldest, _)) if open().count() >= self.limits.open_partitions => self.end_library_file(oldest),
            _ => Ok(()),
        }
    }

    fn end_library_file(&mut self, writer: usize) -> Result<(), EncodeError> {
        let LibraryWriter { shape, partition, file, .. } = &mut self.library[writer];
        let Some(file) = file.take() else { return Ok(()) };
        let (written, ended) = file.finish()?;
        self.files.ended(written, &FileSubject { shape, partition: *partition }, ended)
    }

    /// Cuts the page that holds most if all together hold too much.
    fn cut_largest_page(&mut self) -> Result<(), EncodeError> {
        let pending = || self.writers.iter().map(|writer| writer.group.pending_values()).enumerate();
        if pending().map(|(_, values)| values).sum::<usize>() <= self.limits.pending_values {
            return Ok(());
        }
        let (largest, _) = pending().max_by_key(|&(_, values)| values).expect("some page holds values");
        self.cut_page(largest)
    }

    fn cut_page(&mut self, writer: usize) -> Result<(), EncodeError> {
        let keeps_memory = self.writers.len() <= KEEPERS_MAX;
        let group = &mut self.writers[writer].group;
        group.cut_page(&mut self.press)?;
        if !keeps_memory {
            group.release_page();
        }
        self.end_full_groups(writer)
    }

    /// Ends the row group of `writer` if it is full, else the largest if all together hold too much.
    fn end_full_groups(&mut self, writer: usize) -> Result<(), EncodeError> {
        if self.writers[writer].group.is_full(&self.limits, self.options.file_bytes_max) {
            return self.end_group(writer);
        }
        let sizes = || self.writers.iter().map(|writer| writer.group.encoded_bytes()).enumerate();
        let buffered: usize = sizes().map(|(_, bytes)| bytes).sum();
        match sizes().max_by_key(|&(_, bytes)| bytes) {
            Some((largest, _)) if buffered > self.limits.buffered_bytes => self.end_group(largest)?,
            _ => {}
        }
        let tables = || self.writers.iter().map(|writer| writer.group.table_bytes()).enumerate();
        match tables().max_by_key(|&(_, bytes)| bytes) {
            Some((largest, _)) if tables().map(|(_, bytes)| bytes).sum::<usize>() > self.limits.table_bytes => {
                self.end_group(largest)?;
                // The tables stay with a row group that is used again.
                let Writer { shape, group, .. } = &mut self.writers[largest];
                *group = RowGroup::new(Arc::clone(shape), &self.limits, &self.options.bloom);
            }
            _ => {}
        }
        Ok(())
    }

    fn end_group(&mut self, writer: usize) -> Result<(), EncodeError> {
        let keeps_memory = self.writers.len() <= KEEPERS_MAX;
        let Writer { shape, partition, group, file } = &mut self.writers[writer];
        if group.is_empty() {
            return Ok(());
        }
        let encoded = group.close(&mut self.press)?;
        if !keeps_memory {
            *group = RowGroup::new(Arc::clone(shape), &self.limits, &self.options.bloom);
        }
        self.files.append(file, &FileSubject { shape, partition: *partition }, encoded)
    }

    fn end_file(&mut self, writer: usize) -> Result<(), EncodeError> {
        self.end_group(writer)?;
        let Writer { shape, partition, file, .. } = &mut self.writers[writer];
        match file.take() {
            Some(file) => self.files.finish(file, &FileSubject { shape, partition: *partition }),
            None => Ok(()),
        }
    }

    /// Writes what was set aside, one partition at a time.
    fn unspill(&mut self, spill: &mut Spill<S::Spill>) -> Result<(), EncodeError> {
        let spilled = |(&key, &place): (&(usize, PartitionKey), &Place)| match place {
            Place::Spilled(entry) => Some((key, entry)),
            Place::Open(_) | Place::Library(_) => None,
        };
        let mut entries: Vec<_> = self.places.iter().filter_map(spilled).collect();
        entries.sort_unstable();
        for ((shape, key), entry) in entries {
            let writer = self.open(shape, key);
            let identity: Vec<usize> = (0..self.shapes.get(shape).log_columns().len()).collect();
            let mut frames = Frames::new(Arc::clone(self.shapes.get(shape)));
            let (blocks, buffered) = spill.blocks(entry);
            for block in blocks {
                let block = spill.read(block).map_err(EncodeError::Spill)?;
                self.write_frames(writer, &identity, &mut frames, &block)?;
            }
            self.write_frames(writer, &identity, &mut frames, &buffered)?;
            self.end_file(writer)?;
            self.writers.clear();
        }
        Ok(())
    }

    fn write_frames(
        &mut self,
        writer: usize,
        sources: &[usize],
        frames: &mut Frames,
        mut block: &[u8],
    ) -> Result<(), EncodeError> {
        while let Some(object) = frames.next(&mut block) {
            let origin = Arc::clone(&self.origins[object as usize]);
            let rows = Rows {
                values: &frames.values,
                sources,
                slots: &frames.slots,
                lines: &frames.lines,
                starts: &[],
                dictionaries: &frames.dictionaries,
                origin: &origin,
            };
            self.write(writer, &rows, 0..frames.lines.len())?;
            if frames.dictionaries.are_full() {
                frames.dictionaries.clear();
                self.end_group(writer)?;
            }
        }
        Ok(())
    }
}
