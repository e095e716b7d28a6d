//! One object's lines: which layout is in force, what each line counts as, and the chunk that is being filled.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::buffers::Buffers;
use super::cell::CellColumns;
use super::inflate::GZIP_MAGIC;
use super::json::Json;
use super::plain::{self, Fault, Value};
use super::{Counts, DecodeError, Decoded, Reject, Sink};
use crate::columns::{CHUNK_ROWS_MAX, Chunk, Dictionaries, NULL_TEXT, Values};
use crate::schema::{Admitted, Framing, Kind, Layout, Place, Types, is_one_header};

/// Text of a reject's line at most, in bytes.
const REJECT_TEXT_BYTES_MAX: usize = 4 << 10;

/// Bytes that are kept of a line that is too long: a reject's text, and the rest of a character cut in two.
pub const LINE_HEAD_BYTES: usize = REJECT_TEXT_BYTES_MAX + 3;

/// Text of one chunk's lines, past which it is given although it has few rows: dictionaries must not outgrow 4 GiB.
const CHUNK_TEXT_BYTES_MAX: usize = 8 << 20;

/// Different layouts in one object. Each takes dictionaries that live as long as the task.
const LAYOUTS_PER_OBJECT_MAX: usize = 64;

/// Rejects that are held back until an object outside a flow log prefix shows its first row.
const REJECTS_HELD_MAX: usize = 1024;

/// Bytes of a header at most: more names than a layout may have.
const HEADER_BYTES_MAX: u64 = 128 << 10;

/// 2009-01-01, in Unix seconds: before the first VPC.
const TIME_MIN: i64 = 1_230_768_000;

/// How much later than the object's delivery a row's times may be, in seconds.
const TIME_AFTER_DELIVERY_MAX: i64 = 2 * 86_400;

/// Why an object is not read on.
pub enum Stop {
    Aside(String),
    Skip(String),
    Failed(DecodeError),
}

/// What is known of an object before its first byte.
pub struct Setting<'a> {
    pub types: &'a Types,
    pub format: Option<&'a Arc<Layout>>,
    pub delivered: i64,
    pub in_flow_log_prefix: bool,
    /// The layout of all lines, where the kind of the log has one.
    pub fixed: Option<Arc<Layout>>,
}

/// What is kept from object to object.
pub struct Kept<'a> {
    pub buffers: &'a mut Buffers,
    pub dictionaries: &'a mut Dictionaries,
    pub admitted: &'a mut Admitted,
}

/// The state of one object.
pub struct Object<'a> {
    setting: Setting<'a>,
    /// Times that `start` and `end` may have.
    pub(super) times: RangeInclusive<i64>,
    /// Where later gzip members begin in the inflated object, of those whose text is not read yet.
    members: VecDeque<u64>,
    pub(super) buffers: &'a mut Buffers,
    pub(super) dictionaries: &'a mut Dictionaries,
    admitted: &'a mut Admitted,
    sink: &'a mut dyn Sink,
    pub(super) chunk: Option<Chunk>,
    /// Values of the chunk's rows that will be Arrow arrays.
    pub(super) cells: CellColumns,
    /// What records are read with, where they are JSON.
    pub(super) json: Option<Json>,
    /// The number of the line that ended the layout: it may be a header, and is not proven.
    pub(super) ended_by: Option<u64>,
    /// Headers that ended the line which is being read, at gzip members within it.
    pub(super) joints: usize,
    chunk_text_bytes: usize,
    pub(super) counts: Counts,
    /// Where the text that is being read begins in the inflated object.
    pub(super) offset: u64,
    layouts: Vec<Arc<Layout>>,
    held: Option<Vec<Reject>>,
    has_given: bool,
}

impl<'a> Object<'a> {
    pub fn new(setting: Setting<'a>, kept: Kept<'a>, sink: &'a mut dyn Sink) -> Object<'a> {
        let fixed = setting.fixed.clone();
        let chunk = fixed.clone().map(|layout| empty_chunk(layout, kept.dictionaries));
        Object {
            times: TIME_MIN..=setting.delivered.saturating_add(TIME_AFTER_DELIVERY_MAX),
            members: VecDeque::new(),
            held: (fixed.is_none() && setting.format.is_some() && !setting.in_flow_log_prefix).then(Vec::new),
            setting,
            buffers: kept.buffers,
            dictionaries: kept.dictionaries,
            admitted: kept.admitted,
            sink,
            chunk,
            cells: CellColumns::default(),
            json: fixed.as_deref().and_then(Json::of),
            ended_by: None,
            joints: 0,
            chunk_text_bytes: 0,
            counts: Counts::default(),
            offset: 0,
            layouts: fixed.into_iter().collect(),
            has_given: false,
        }
    }

    /// Counts inflated bytes, and stops the object that has too many.
    pub fn inflated(&mut self, bytes: u64, inflated_bytes_max: u64) -> Result<(), Stop> {
        self.counts.inflated_bytes += bytes;
        if self.counts.inflated_bytes > inflated_bytes_max {
            return Err(Stop::Aside(format!("inflates past {} GiB", inflated_bytes_max >> 30)));
        }
        Ok(())
    }

    /// Notes where gzip members after the first one begin, in bytes of the inflated object.
    pub fn members_begin(&mut self, members: &[u64]) {
        self.members.extend(members);
    }

    /// The same, counted from the end of the text that was counted as inflated so far. Leaves `members` empty.
    pub fn members_begin_after(&mut self, members: &mut Vec<u64>) {
        // What was read needs no mark any more: an object may have as many members as bytes.
        self.pass_members(self.offset);
        let before = self.counts.inflated_bytes;
        self.members.extend(members.drain(..).map(|at| before + at));
    }

    fn pass_members(&mut self, offset: u64) {
        while self.members.front().is_some_and(|&member| member < offset) {
            self.members.pop_front();
        }
    }

    /// Whether a line that begins at `offset` is the first of a later member. Lines are asked for in their order.
    pub(super) fn begins_member(&mut self, offset: u64) -> bool {
        self.pass_members(offset);
        self.members.front() == Some(&offset)
    }

    /// Where later members begin in the next `bytes_max` bytes, but for one that begins with them.
    pub(super) fn members_in(&mut self, bytes_max: usize) -> impl Iterator<Item = usize> {
        self.pass_members(self.offset);
        let places = self.members.iter().map(|&member| (member - self.offset) as usize);
        places.take_while(move |&at| at < bytes_max).filter(|&at| at > 0)
    }

    /// Gives the last chunk, and judges the object as a whole.
    pub fn finish(&mut self) -> Result<(), Stop> {
        self.flush()?;
        let Counts { lines, headers, blanks, rows, rejects, .. } = self.counts;
        assert_eq!(lines, headers + blanks + rows + rejects, "every line is counted as one thing");
        if self.held.is_some() && lines > 0 {
            return Err(Stop::Skip("not a flow log".to_owned()));
        }
        Ok(())
    }

    pub fn into_decoded(self) -> Decoded {
        Decoded { counts: self.counts, layouts: self.layouts }
    }

    /// Whether the sink was given rows or rejects.
    pub fn has_given(&self) -> bool {
        self.has_given
    }

    /// Takes a line that is longer than [`LINE_BYTES_MAX`](super::LINE_BYTES_MAX), of which `head` is the beginning.
    pub fn long_line(&mut self, head: &[u8], bytes: u64) -> Result<(), Stop> {
        if self.chunk.is_none() {
            self.without_header(head)?;
        }
        self.too_long(head, self.offset, bytes)?;
        self.offset += bytes + 1;
        Ok(())
    }

    /// Sets a line aside of which only the beginning was read. Where a gzip member begins near its end, that may be a
    /// header.
    pub(super) fn too_long(&mut self, head: &[u8], offset: u64, bytes: u64) -> Result<(), Stop> {
        self.reject(Fault::too_long(), head, offset)?;
        let end = offset + bytes;
        let places = end.saturating_sub(HEADER_BYTES_MAX).max(offset + 1)..end;
        if self.members.iter().take_while(|&&member| member < places.end).any(|member| places.contains(member)) {
            self.ended_by = Some(self.counts.lines);
        }
        Ok(())
    }

    /// The names in a line that begins a gzip member, if it is a header.
    pub(super) fn header_of_member<'b>(&self, line: &'b [u8]) -> Option<Vec<&'b str>> {
        let place = match &self.chunk {
            Some(chunk) => Place::Member(&chunk.layout),
            None => Place::First(self.setting.format.map(Arc::as_ref)),
        };
        plain::header(std::str::from_utf8(line).ok()?, place)
    }

    /// Whether a line in which members begin is a header as a whole.
    pub(super) fn is_cut_header(&mut self, line: &[u8]) -> bool {
        let begins_member = self.begins_member(self.offset);
        let (place, layout) = match (&self.chunk, self.setting.format.map(Arc::as_ref)) {
            (Some(chunk), _) if begins_member => (Place::Member(&chunk.layout), Some(chunk.layout.as_ref())),
            (Some(chunk), _) => (Place::Middle(&chunk.layout), Some(chunk.layout.as_ref())),
            (None, format) => (Place::First(format), format),
        };
        let names = std::str::from_utf8(line).ok().and_then(|line| plain::header(line, place));
        names.is_some_and(|names| is_one_header(&names, layout))
    }

    /// Decides what the first line with text is; it is consumed only if it is a header.
    pub(super) fn first_line(&mut self, line: &[u8]) -> Result<(), Stop> {
        let place = Place::First(self.setting.format.map(Arc::as_ref));
        match std::str::from_utf8(line).ok().and_then(|line| plain::header(line, place)) {
            Some(names) => self.header(&names),
            None => {
                // It was asked for: what begins a member is decided for later lines alone.
                self.pass_members(self.offset + 1);
                self.without_header(line)
            }
        }
    }

    /// A header line: its layout is in force from the next line on.
    pub(super) fn header(&mut self, names: &[&str]) -> Result<(), Stop> {
        self.counts.lines += 1;
        self.counts.headers += 1;
        let names = names.iter().copied();
        let layout = Layout::from_header(names, self.setting.types, self.admitted).map_err(|error| {
            Stop::Aside(format!("line {} is a header that cannot be used: {error}", self.counts.lines))
        })?;
        self.is_flow_log()?;
        self.ended_by = None;
        self.set_layout(Arc::new(layout))
    }

    /// A line that may be a header: no layout is in force until one is proven.
    pub(super) fn unproven(&mut self, fault: Fault, line: &[u8], offset: u64) -> Result<(), Stop> {
        self.reject(fault, line, offset)?;
        self.ended_by = Some(self.counts.lines);
        Ok(())
    }

    fn without_header(&mut self, line: &[u8]) -> Result<(), Stop> {
        if let Some(reason) = wrapped(line, self.setting.in_flow_log_prefix) {
            return Err(Stop::Aside(reason.to_owned()));
        }
        if let Some(format) = self.setting.format {
            return self.set_layout(Arc::clone(format));
        }
        let looks_like_record =
            || std::str::from_utf8(line).is_ok_and(|line| plain::tokens(line).iter().any(is_of_record));
        if self.setting.in_flow_log_prefix || looks_like_record() {
            return Err(Stop::Aside("no header line; give --format with the flow log's format".to_owned()));
        }
        Err(Stop::Skip("not a flow log".to_owned()))
    }

    fn set_layout(&mut self, layout: Arc<Layout>) -> Result<(), Stop> {
        if self.chunk.as_ref().is_some_and(|chunk| chunk.layout == layout) {
            return Ok(());
        }
        self.flush()?;
        if !self.layouts.contains(&layout) {
            if self.layouts.len() == LAYOUTS_PER_OBJECT_MAX {
                return Err(Stop::Aside(format!("more than {LAYOUTS_PER_OBJECT_MAX} different header lines")));
            }
            self.layouts.push(Arc::clone(&layout));
        }
        self.chunk = Some(empty_chunk(layout, self.dictionaries));
        Ok(())
    }

    /// The layout in force, or the last that was.
    pub(super) fn layout(&self) -> Option<&Arc<Layout>> {
        self.chunk.as_ref().map(|chunk| &chunk.layout)
    }

    /// Whether lines are of a kind whose values may be in quotes.
    pub(super) fn is_quoted(&self) -> bool {
        self.layout().is_some_and(|layout| matches!(layout.table.framing, Framing::Quoted { .. }))
    }

    /// Whether the lines after this one are still of `layout`.
    pub(super) fn is_in_force(&self, layout: &Arc<Layout>) -> bool {
        self.ended_by.is_none() && self.layout() == Some(layout)
    }

    /// Notes that the object is one of ours, and gives what was held back until then.
    pub(super) fn is_flow_log(&mut self) -> Result<(), Stop> {
        for reject in self.held.take().into_iter().flatten() {
            self.give_reject(reject)?;
        }
        Ok(())
    }

    pub(super) fn reject(&mut self, fault: Fault, line: &[u8], offset: u64) -> Result<(), Stop> {
        self.counts.lines += 1;
        self.counts.rejects += 1;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let head = String::from_utf8_lossy(&line[..line.len().min(LINE_HEAD_BYTES)]);
        let reject = Reject {
            line: self.counts.lines,
            offset,
            field: fault.field,
            value: fault.value,
            reason: fault.reason,
            text: plain::cut(&head, REJECT_TEXT_BYTES_MAX).to_owned(),
        };
        match &mut self.held {
            None => self.give_reject(reject),
            Some(held) if held.len() < REJECTS_HELD_MAX => {
                held.push(reject);
                Ok(())
            }
            Some(_) => Err(Stop::Skip(format!("not a flow log: its first {REJECTS_HELD_MAX} lines are no records"))),
        }
    }

    fn give_reject(&mut self, reject: Reject) -> Result<(), Stop> {
        self.has_given = true;
        self.sink.reject(reject).map_err(|error| Stop::Failed(DecodeError::Sink(error)))
    }

    /// Appends a row to the chunk: a value for each of its columns, read from so many bytes.
    pub(super) fn row(&mut self, row: Vec<Value>, text_bytes: usize) -> Result<(), Stop> {
        let chunk = self.chunk.as_mut().expect("a layout is in force");
        chunk.lines.push(self.counts.lines as i64 + 1);
        for (column, value) in row.into_iter().enumerate() {
            let slot = chunk.slots[column];
            let mut id = |text: Option<&str>| {
                text.map_or(NULL_TEXT, |text| self.dictionaries.get_mut(slot).intern(text.as_bytes()))
            };
            match (value, &mut chunk.values[column]) {
                (Value::Cell(cell), Values::Array(_)) => self.cells.push(column, cell),
                (Value::Int(value), Values::Int(values)) => values.push(value),
                (Value::Text(text), Values::Text(ids)) => ids.push(id(text)),
                (Value::Made(text), Values::Text(ids)) => ids.push(id(text.as_deref())),
                _ => unreachable!("a value is of its column's kind"),
            }
        }
        self.rows_appended(1, text_bytes)
    }

    /// Counts rows that were appended to the chunk, and gives it when it is full.
    pub(super) fn rows_appended(&mut self, rows: usize, text_bytes: usize) -> Result<(), Stop> {
        self.counts.lines += rows as u64;
        self.counts.rows += rows as u64;
        self.chunk_text_bytes += text_bytes;
        if rows > 0 {
            self.is_flow_log()?;
        }
        let rows = self.chunk.as_ref().map_or(0, Chunk::rows);
        assert!(rows <= CHUNK_ROWS_MAX, "a chunk is given when it is full");
        if rows == CHUNK_ROWS_MAX || self.chunk_text_bytes >= CHUNK_TEXT_BYTES_MAX {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Stop> {
        self.chunk_text_bytes = 0;
        let Some(chunk) = self.chunk.as_mut().filter(|chunk| chunk.rows() > 0) else { return Ok(()) };
        for (column, (values, of)) in chunk.values.iter_mut().zip(&chunk.layout.columns).enumerate() {
            if let Values::Array(array) = values {
                *array = self.cells.take(column, of.kind);
            }
        }
        assert!(chunk.values.iter().all(|values| values.len() == chunk.lines.len()), "columns are equally long");
        self.has_given = true;
        let mut given = self.sink.rows(chunk, self.dictionaries);
        if self.dictionaries.are_full() {
            given = given.and_then(|()| self.sink.dictionaries_cleared());
            self.dictionaries.clear();
        }
        chunk.lines.clear();
        for values in &mut chunk.values {
            match values {
                Values::Text(ids) => ids.clear(),
                Values::Int(values) => values.clear(),
                Values::Array(_) => {}
            }
        }
        given.map_err(|error| Stop::Failed(DecodeError::Sink(error)))
    }
}

/// Why no line of an object can be a record, where its first one tells: the records are there, but not as they are
/// logged. JSON that holds nothing like one is somebody else's.
fn wrapped(line: &[u8], in_flow_log_prefix: bool) -> Option<&'static str> {
    if line.starts_with(&GZIP_MAGIC) {
        return Some("gzip within gzip: it was compressed twice; give it inflated once");
    }
    let has = |name: &[u8]| line.windows(name.len()).any(|part| part == name);
    let is_ours = || {
        let words = || line.split(|byte| !byte.is_ascii_alphanumeric() && *byte != b'-').flat_map(str::from_utf8);
        let is_number = |word: &str| word.len() >= 9 && word.bytes().all(|byte| byte.is_ascii_digit());
        in_flow_log_prefix || words().any(|word| is_of_record(&word)) && words().any(is_number)
    };
    if !line.trim_ascii_start().starts_with(b"{") || !is_ours() {
        return None;
    }
    if has(b"\"logEvents\"") || has(b"\"messageType\"") {
        return Some(
            "JSON of a CloudWatch Logs subscription: the records are the texts `message` of its `logEvents`; give those \
             alone, a line each, and --format",
        );
    }
    has(b"\"message\"").then_some(
        "JSON of Firehose: a record is the text `message` of each object; give those alone, a line each, and --format",
    )
}

/// Whether a token shows that a line is a record of a flow log.
fn is_of_record(token: &&str) -> bool {
    matches!(*token, "ACCEPT" | "REJECT" | "OK" | "NODATA" | "SKIPDATA") || token.starts_with("eni-")
}

fn empty_chunk(layout: Arc<Layout>, dictionaries: &mut Dictionaries) -> Chunk {
    let mut slot = |name: &str, kind: Kind| if kind == Kind::Text { dictionaries.slot(layout.table, name) } else { 0 };
    Chunk {
        values: layout.columns.iter().map(|column| Values::none(column.kind)).collect(),
        slots: layout.columns.iter().map(|column| slot(&column.name, column.kind)).collect(),
        lines: Vec::new(),
        layout: Arc::clone(&layout),
    }
}
