//! Which lines of objects were met, one bit a line, in bounded memory.
//!
//! An object takes bits when its first line is met, and gives them back when as many different ones were met as there
//! are to be: rows of one object lie near each other, so that few objects hold bits at a time. One that finds no room
//! then waits for another pass over the files. One with more lines than there is room for is looked at window by
//! window.

use std::ops::Range;

/// What a line was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Met {
    First,
    /// It was met before.
    Repeated,
    /// The object has no such line.
    Beyond,
    /// Another pass looks at it.
    Elsewhere,
}

/// Bits that one piece of memory costs beside those in it.
const PIECE_BITS: u64 = 256;

pub struct Lines {
    objects: Vec<Object>,
    bits_max: u64,
    bits_held: u64,
    passes: u64,
}

/// What is known of an object before its lines are met.
#[derive(Debug, Clone, Default)]
pub struct Bounds {
    pub lines: u64,
    /// Different lines that are to be met.
    pub rows: u64,
    /// Lines, counted from 0, that count as met.
    pub taken: Vec<Range<u64>>,
}

struct Object {
    bounds: Bounds,
    standing: Standing,
    /// The lines that this pass looks at, counted from 0, and what was met of them.
    window: Range<u64>,
    bits: Vec<u64>,
    /// Different lines met so far.
    different: u64,
    /// Lines met in this pass.
    met: u64,
    /// The first so many of them were judged in an earlier pass.
    judged: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Lines from the window's end on are still to be looked at.
    Waits,
    Holds,
    /// All that were to be met were met, and the bits given back.
    Complete,
    /// It was complete, and then there was another one: what that is takes another pass.
    Over,
    Done,
}

impl Lines {
    /// `bits_max` are held at a time.
    pub fn new(objects: impl IntoIterator<Item = Bounds>, bits_max: u64) -> Lines {
        let new = |bounds| Object {
            bounds,
            standing: Standing::Waits,
            window: 0..0,
            bits: Vec::new(),
            different: 0,
            met: 0,
            judged: 0,
        };
        Lines { objects: objects.into_iter().map(new).collect(), bits_max: bits_max.max(64), bits_held: 0, passes: 0 }
    }

    /// Begins the next pass; `false` if none is needed. The first is there even if there are no lines.
    pub fn next_pass(&mut self) -> bool {
        let mut is_needed = self.passes == 0;
        self.passes += 1;
        self.bits_held = 0;
        for object in &mut self.objects {
            object.end_pass();
            // One that was not met has nothing to look at.
            is_needed |= object.standing == Standing::Waits && object.met > 0;
            object.met = 0;
        }
        is_needed
    }

    /// Whether this is the first pass.
    pub fn is_first(&self) -> bool {
        self.passes == 1
    }

    /// Notes line `line`, from 1, of an object.
    pub fn meet(&mut self, object: usize, line: i64) -> Met {
        let object = &mut self.objects[object];
        let Some(at) = u64::try_from(line).ok().and_then(|line| line.checked_sub(1)) else { return Met::Beyond };
        if at >= object.bounds.lines {
            return Met::Beyond;
        }
        object.met += 1;
        match object.standing {
            // From its first line in this pass on, or not at all.
            Standing::Waits if object.met > 1 => return Met::Elsewhere,
            Standing::Waits => {
                let Some(bits) = object.take(self.bits_max, self.bits_held) else { return Met::Elsewhere };
                self.bits_held += bits;
            }
            Standing::Holds => {}
            Standing::Complete => {
                object.standing = Standing::Over;
                return Met::Elsewhere;
            }
            Standing::Over | Standing::Done => return Met::Elsewhere,
        }
        if !object.window.contains(&at) {
            return Met::Elsewhere;
        }
        if !object.set(at) {
            return if object.met > object.judged { Met::Repeated } else { Met::Elsewhere };
        }
        object.different += 1;
        if object.is_complete() {
            self.bits_held -= object.bits_held();
            object.bits = Vec::new();
            object.judged = object.met;
            object.standing = Standing::Complete;
        }
        Met::First
    }
}

impl Object {
    /// Takes bits for as many of its lines as there is room for; how many that costs. It takes all that there are if
    /// nobody else holds any, so that every pass comes further.
    fn take(&mut self, bits_max: u64, bits_held: u64) -> Option<u64> {
        let begin = self.window.end;
        let wanted = self.bounds.lines - begin;
        let cost = |lines: u64| lines.div_ceil(64).saturating_mul(64).saturating_add(PIECE_BITS);
        let lines = match bits_held {
            0 => wanted.min(bits_max),
            held if cost(wanted) <= bits_max.saturating_sub(held) => wanted,
            _ => return None,
        };
        self.standing = Standing::Holds;
        self.window = begin..begin + lines;
        self.bits = vec![0; lines.div_ceil(64) as usize];
        for taken in std::mem::take(&mut self.bounds.taken) {
            for at in taken.start.max(begin)..taken.end.min(begin + lines) {
                self.set(at);
            }
            self.bounds.taken.push(taken);
        }
        Some(self.bits_held())
    }

    fn bits_held(&self) -> u64 {
        self.bits.len() as u64 * 64 + PIECE_BITS
    }

    /// Whether it was not set before.
    fn set(&mut self, at: u64) -> bool {
        let at = at - self.window.start;
        let (word, bit) = (&mut self.bits[(at / 64) as usize], 1 << (at % 64));
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    /// Only a window of all lines tells, and not in the pass that looks at what came after.
    fn is_complete(&self) -> bool {
        self.window == (0..self.bounds.lines) && self.judged == 0 && self.different == self.bounds.rows
    }

    fn end_pass(&mut self) {
        match self.standing {
            Standing::Holds => {
                self.bits = Vec::new();
                let is_done = self.window.end == self.bounds.lines;
                self.standing = if is_done { Standing::Done } else { Standing::Waits };
            }
            Standing::Over => {
                self.window = 0..0;
                self.standing = Standing::Waits;
            }
            Standing::Waits | Standing::Complete | Standing::Done => {}
        }
    }
}
