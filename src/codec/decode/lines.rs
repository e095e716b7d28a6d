//! Whole lines to rows: regular lines in runs by the fast path, every other line by the plain one, in their order.
//!
//! ```text
//! window of text ──▶ scan ──▶ regular, regular, … ──▶ run ──▶ integers of all rows
//!                         │                                   doubtful row? ──▶ plain, in its place
//!                         └─▶ odd line ──▶ plain              texts of the rows between
//! ```

use std::sync::Arc;

use super::LINE_BYTES_MAX;
use super::fast::{Row, Run, Text};
use super::object::{LINE_HEAD_BYTES, Object, Stop};
use super::plain::{self, Line, Rules};
use super::quoted;
use super::scan::{self, Scan};
use crate::columns::{CHUNK_ROWS_MAX, Values};
use crate::schema::{Framing, Kind, Layout};

/// Text that is scanned at once, so that it and its separators stay in the first-level caches.
const WINDOW_BYTES: usize = 32 << 10;

/// Gzip members that begin in a line, or in the rest of one, and may begin with a header. Each is looked at up to the
/// end of the line.
const MEMBERS_TRIED_MAX: usize = 4;

/// Headers that end a line in which members begin, up to its newline.
const JOINTS_MAX: usize = 4;

impl Object<'_> {
    /// Takes `text[..end]`, which is whole lines, each with its newline; [`scan::PADDING`] bytes follow it.
    pub fn lines(&mut self, text: &[u8], end: usize) -> Result<(), Stop> {
        let offset = self.offset;
        let mut at = 0;
        while at < end {
            self.offset = offset + at as u64;
            let text = &text[at..];
            let is_quoted = self.is_quoted();
            let takes_one = self.layout().is_none() || self.ended_by.is_some() || is_quoted;
            let mut window = if takes_one { line_of(text).len() + 1 } else { WINDOW_BYTES.min(end - at) };
            let joint = self.members_in(window).find(|&member| text[member - 1] != b'\n');
            if let Some(member) = joint {
                window = text[..member].iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
                if window == 0 {
                    at += self.joined_line(line_of(text))?;
                    continue;
                }
            }
            let Some(layout) = self.layout().cloned() else {
                at += self.before_layout(line_of(text))?;
                continue;
            };
            if self.ended_by.is_some() || is_quoted {
                let line = line_of(text);
                self.plain_line(line, 0)?;
                at += line.len() + 1;
                continue;
            }
            let mut scan = std::mem::take(&mut self.buffers.scan);
            let mut run = std::mem::take(&mut self.buffers.run);
            scan.run(text, window);
            let taken = if scan.lines() == 0 {
                self.joined_line(line_of(text))
            } else {
                self.window(text, &layout, &mut scan, &mut run)
            };
            self.buffers.scan = scan;
            self.buffers.run = run;
            at += taken?;
        }
        self.offset = offset + end as u64;
        Ok(())
    }

    /// Takes a line in which gzip members begin, and returns how much text that was. Where objects were joined of which
    /// the first lacks its last newline, the header of the second ends its line; a header that is cut in two is none.
    fn joined_line(&mut self, line: &[u8]) -> Result<usize, Stop> {
        let tries = if self.joints < JOINTS_MAX && line.len() <= LINE_BYTES_MAX { MEMBERS_TRIED_MAX } else { 0 };
        let members: Vec<usize> = self.members_in(line.len()).take(tries).collect();
        let is_cut = !members.is_empty() && self.is_cut_header(line);
        let joint = members.into_iter().find(|&member| !is_cut && self.header_of_member(&line[member..]).is_some());
        self.joints = if joint.is_some() { self.joints + 1 } else { 0 };
        let line = &line[..joint.unwrap_or(line.len())];
        let taken = match self.layout() {
            Some(_) => self.plain_line(line, 0).map(|()| line.len() + 1)?,
            None => self.before_layout(line)?,
        };
        // There is no newline at the joint.
        Ok(if joint.is_some() { taken.saturating_sub(1) } else { taken })
    }

    /// Takes a line while there was no layout, and returns how much text that was.
    fn before_layout(&mut self, line: &[u8]) -> Result<usize, Stop> {
        if line.len() > LINE_BYTES_MAX {
            self.long_line(&line[..LINE_HEAD_BYTES], line.len() as u64)?;
            return Ok(line.len() + 1);
        }
        if plain::is_blank(line) {
            self.counts.lines += 1;
            self.counts.blanks += 1;
            return Ok(line.len() + 1);
        }
        let headers = self.counts.headers;
        self.first_line(line)?;
        Ok(if self.counts.headers > headers { line.len() + 1 } else { 0 })
    }

    /// Takes the lines of a scan up to its end or to a change of layout, and returns how much text that was.
    fn window(&mut self, text: &[u8], layout: &Arc<Layout>, scan: &mut Scan, run: &mut Run) -> Result<usize, Stop> {
        let shape = Shape::of(layout);
        let mut begin = 0;
        let mut first = 0;
        run.clear();
        let mut room = self.room();
        for at in 0..scan.lines() {
            let line = scan.line(at);
            let end = scan.separators()[line.newline] as usize;
            let row = if line.is_odd { None } else { shape.row(text, scan, begin, first, line.newline) };
            match row {
                Some(row) => {
                    run.push(row);
                    if run.rows() == room {
                        if let Some(taken) = self.run(text, layout, scan, run, end + 1)? {
                            return Ok(taken);
                        }
                        room = self.room();
                    }
                }
                None => {
                    if let Some(taken) = self.run(text, layout, scan, run, begin)? {
                        return Ok(taken);
                    }
                    self.plain_line(&text[begin..end], begin)?;
                    if !self.is_in_force(layout) {
                        return Ok(end + 1);
                    }
                    room = self.room();
                }
            }
            begin = end + 1;
            first = line.newline + 1;
        }
        Ok(self.run(text, layout, scan, run, begin)?.unwrap_or(begin))
    }

    fn room(&self) -> usize {
        CHUNK_ROWS_MAX - self.chunk.as_ref().map_or(0, |chunk| chunk.rows())
    }

    /// Takes the lines of a run, which end at `end`. If one of them changes the layout, those after it are left, and
    /// the place where they begin is returned.
    fn run(
        &mut self,
        text: &[u8],
        layout: &Arc<Layout>,
        scan: &Scan,
        run: &mut Run,
        end: usize,
    ) -> Result<Option<usize>, Stop> {
        if run.rows() == 0 {
            return Ok(None);
        }
        let tokens = Text { bytes: text, separators: scan.separators() };
        let chunk = self.chunk.as_mut().expect("a layout is in force");
        run.ints(tokens, layout, &self.times, &mut chunk.values);
        if !run.doubtful().is_empty() {
            let taken = self.run_with_doubtful(tokens, layout, run, end);
            run.clear();
            return taken;
        }
        let line = self.counts.lines as i64 + 1;
        chunk.lines.extend(line..line + run.rows() as i64);
        run.texts(tokens, 0..run.rows(), &chunk.slots, self.dictionaries, &mut chunk.values);
        let (rows, bytes) = (run.rows(), end - run.line(0));
        run.clear();
        self.rows_appended(rows, bytes)?;
        Ok(None)
    }

    /// As [`Object::run`], once its integers are read: the rows between doubtful ones are appended piece by piece.
    fn run_with_doubtful(
        &mut self,
        tokens: Text,
        layout: &Arc<Layout>,
        run: &Run,
        end: usize,
    ) -> Result<Option<usize>, Stop> {
        let chunk = self.chunk.as_mut().expect("a layout is in force");
        let before = chunk.rows();
        let mut ints = std::mem::take(&mut self.buffers.ints);
        ints.resize_with(layout.columns.len().max(ints.len()), Vec::new);
        for (values, ints) in chunk.values.iter_mut().zip(&mut ints) {
            ints.clear();
            if let Values::Int(values) = values {
                ints.extend(values.drain(before..));
            }
        }
        let mut from = 0;
        let mut taken = Ok(None);
        for to in run.doubtful().iter().map(|&row| row as usize).chain([run.rows()]) {
            taken = self.piece(tokens, run, from..to, &ints).map(|()| None);
            if taken.is_err() || to == run.rows() {
                break;
            }
            let begin = run.line(to);
            let line = line_of(&tokens.bytes[begin..]);
            taken =
                self.plain_line(line, begin).map(|()| (!self.is_in_force(layout)).then_some(begin + line.len() + 1));
            if !matches!(taken, Ok(None)) {
                break;
            }
            from = to + 1;
        }
        assert!(!matches!(taken, Ok(Some(taken)) if taken > end), "a run ends with its last line");
        self.buffers.ints = ints;
        taken
    }

    /// Appends rows of a run that are not doubtful, given the integers of all its rows.
    fn piece(&mut self, tokens: Text, run: &Run, rows: std::ops::Range<usize>, ints: &[Vec<i64>]) -> Result<(), Stop> {
        if rows.is_empty() {
            return Ok(());
        }
        let chunk = self.chunk.as_mut().expect("a layout is in force");
        for (values, ints) in chunk.values.iter_mut().zip(ints) {
            if let Values::Int(values) = values {
                values.extend_from_slice(&ints[rows.clone()]);
            }
        }
        let line = self.counts.lines as i64 + 1;
        chunk.lines.extend(line..line + rows.len() as i64);
        run.texts(tokens, rows.clone(), &chunk.slots, self.dictionaries, &mut chunk.values);
        let last = run.line(rows.end - 1);
        let bytes = last - run.line(rows.start) + line_of(&tokens.bytes[last..]).len() + 1;
        self.rows_appended(rows.len(), bytes)
    }

    /// Takes one line, without its newline, that begins `begin` bytes into the text.
    fn plain_line(&mut self, line: &[u8], begin: usize) -> Result<(), Stop> {
        let offset = self.offset + begin as u64;
        let begins_member = self.begins_member(offset);
        let may_be_two = self.is_quoted() && self.members_in(line.len()).next().is_some();
        let chunk = self.chunk.as_mut().expect("a layout is in force");
        if line.len() > LINE_BYTES_MAX {
            return self.too_long(&line[..LINE_HEAD_BYTES], offset, line.len() as u64);
        }
        let rules =
            Rules { layout: &chunk.layout, times: &self.times, begins_member, may_be_two, ended_by: self.ended_by };
        let read = match chunk.layout.table.framing {
            Framing::Spaced { .. } => plain::line(line, &rules),
            Framing::Quoted { .. } => quoted::line(line, &rules),
            Framing::Json { .. } => unreachable!("records of JSON are no lines"),
        };
        match read {
            Line::Blank => {
                self.counts.lines += 1;
                self.counts.blanks += 1;
                Ok(())
            }
            Line::Header(names) => self.header(&names),
            Line::Reject(fault) => self.reject(fault, line, offset),
            Line::Unproven(fault) => self.unproven(fault, line, offset),
            Line::Row(row) => self.row(row, line.len() + 1),
        }
    }
}

/// The bytes before the first newline.
fn line_of(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|&byte| byte == b'\n').expect("the text is whole lines");
    &text[..end]
}

/// What makes a line regular under a layout.
struct Shape {
    columns: usize,
    first_is_text: bool,
    /// No value must be digits, so that a header line would pass as a row.
    is_all_text: bool,
}

impl Shape {
    fn of(layout: &Layout) -> Shape {
        let is_text = |kind: Kind| kind == Kind::Text;
        let is_direct = layout.columns.iter().all(|column| column.kind.is_direct());
        Shape {
            // Lines of which several values go to one column, or a value to an array, are left to the plain decoder:
            // none has so many tokens.
            columns: if layout.others.is_empty() && is_direct { layout.columns.len() } else { LINE_BYTES_MAX },
            first_is_text: is_text(layout.columns[0].kind),
            is_all_text: layout.columns.iter().all(|column| is_text(column.kind)),
        }
    }

    /// The row of the line from `begin` to the separator `newline`, if the fast path can read it. The line has no odd
    /// places, and its separators are those from `first`.
    #[inline]
    fn row(&self, text: &[u8], scan: &mut Scan, begin: usize, first: usize, newline: usize) -> Option<Row> {
        let tokens = newline - first + 1;
        let end = scan.separators()[newline] as usize;
        if text[end - 1] == b'\r' {
            if end - 1 == begin || text[end - 2] == b' ' {
                return None;
            }
            scan.move_back(newline);
        }
        let second = scan.separators()[first] as usize;
        let row = if tokens == self.columns {
            if self.first_is_text && is_stamp(&text[begin..second]) {
                return None;
            }
            Row { line: begin, start: begin, first }
        } else if tokens == self.columns + 1 && is_stamp(&text[begin..second]) {
            Row { line: begin, start: second + 1, first: first + 1 }
        } else {
            return None;
        };
        if self.is_all_text && self.may_be_header(text, scan, row) {
            return None;
        }
        Some(row)
    }

    /// Whether every token begins as a field name does.
    #[cold]
    fn may_be_header(&self, text: &[u8], scan: &Scan, row: Row) -> bool {
        let after = |separator: &u32| text[*separator as usize + 1].is_ascii_lowercase();
        text[row.start].is_ascii_lowercase()
            && scan.separators()[row.first..row.first + self.columns - 1].iter().all(after)
    }
}

/// Whether a token is a time stamp, at a glance for those that are not.
fn is_stamp(token: &[u8]) -> bool {
    token.last() == Some(&b'Z') && plain::is_timestamp(token)
}

const _: () = assert!(scan::PADDING >= crate::columns::TEXT_PADDING && scan::PADDING >= 8);
