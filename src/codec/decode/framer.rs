//! Where records of JSON begin and end in a text that comes in pieces, however it is cut, in bounded memory.
//!
//! Strings and the depth of brackets are followed, and nothing else: what is between the ends is for `serde_json`. So a
//! record that is wrong within is one reject, and those after it are read.

use super::LINE_BYTES_MAX;

/// Bytes that are kept of a document, to show it: more than a reject has.
const HEAD_BYTES: usize = 8 << 10;

/// What was found, and stands in [`Framer::text`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// What may be a record.
    Record,
    /// A record beyond [`LINE_BYTES_MAX`], of which only the beginning was kept, with its length.
    TooLong(u64),
    /// The object ends within a record.
    CutRecord,
    /// The object ends within a document, and not within a record.
    CutDocument,
    /// A document without its list of records, or with something else in its place.
    NoList,
    /// Something stands where it cannot, and all from there on.
    Lost,
}

/// What is read next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A document, or nothing.
    Between,
    /// The rest of a line that begins no document.
    Junk,
    /// The rest of a value that is kept, which is this.
    Kept(Of),
    /// A member of the document, or its end.
    Members,
    /// A colon.
    Colon,
    /// The value of a member: that of the list of records, or another.
    Member { is_list: bool },
    /// The rest of a value that is no record.
    Other,
    /// A comma, or the end of the document.
    MemberEnd,
    /// A record, or the end of the list.
    Records,
    /// A comma, or the end of the list.
    RecordEnd,
    /// Anything, up to the end.
    Lost,
}

/// What a kept value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Document,
    Item,
    Name,
    NoList,
}

/// Follows a text from record to record.
#[derive(Debug)]
pub struct Framer {
    /// The member of a document that holds its records; without one, documents are the records.
    list: Option<&'static str>,
    state: State,
    value: Value,
    /// Bytes that were read.
    offset: u64,
    begin: u64,
    /// Of what is kept, at most a byte more than a record may have.
    kept: Vec<u8>,
    /// The length of what is kept and would be.
    bytes: u64,
    /// Where the document began, and its first bytes.
    document: (u64, Vec<u8>),
    has_list: bool,
}

impl Framer {
    pub fn new(list: Option<&'static str>) -> Framer {
        Framer {
            list,
            state: State::Between,
            value: Value::default(),
            offset: 0,
            begin: 0,
            kept: Vec::new(),
            bytes: 0,
            document: (0, Vec::new()),
            has_list: false,
        }
    }

    /// The bytes that the last event is about: all of a record, and the beginning of anything else.
    pub fn text(&self) -> &[u8] {
        &self.kept
    }

    /// Where they begin in the whole text.
    pub fn begin(&self) -> u64 {
        self.begin
    }

    /// Takes of `text` up to the next event; if there is none, all.
    pub fn next(&mut self, text: &mut &[u8]) -> Option<Event> {
        while let Some(&byte) = text.first() {
            let event = match self.state {
                State::Junk | State::Kept(_) | State::Other | State::Lost => self.within(text),
                _ if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') => {
                    self.take(text, 1);
                    None
                }
                _ => self.token(byte, text),
            };
            if event.is_some() {
                return event;
            }
        }
        None
    }

    /// The event that the end of the text is, if it is one.
    pub fn finish(&mut self) -> Option<Event> {
        match self.state {
            State::Between => None,
            State::Junk => Some(self.record()),
            State::Kept(Of::Document | Of::Item) => Some(Event::CutRecord),
            State::Lost => Some(Event::Lost),
            _ if self.has_list => {
                (self.begin, self.bytes) = (self.offset, 0);
                self.kept.clear();
                Some(Event::CutDocument)
            }
            _ => {
                self.tell_document();
                Some(Event::CutDocument)
            }
        }
    }

    /// What stands between values.
    fn token(&mut self, byte: u8, text: &mut &[u8]) -> Option<Event> {
        let begins_value = !matches!(byte, b',' | b':' | b'}' | b']');
        let next = match (self.state, byte) {
            (State::Between, b'{') if self.list.is_some() => {
                self.document = (self.offset, Vec::new());
                self.has_list = false;
                State::Members
            }
            (State::Members | State::MemberEnd, b'}') => State::Between,
            (State::Colon, b':') => State::Member { is_list: self.is_list() },
            (State::MemberEnd, b',') => State::Members,
            (State::Member { is_list: true }, b'[') => {
                self.has_list = true;
                State::Records
            }
            (State::Records | State::RecordEnd, b']') => State::MemberEnd,
            (State::RecordEnd, b',') => State::Records,
            (State::Between, b'{') => return self.goes_into(State::Kept(Of::Document)),
            (State::Between, _) if self.list.is_none() => return self.goes_into(State::Junk),
            (State::Members, b'"') => return self.goes_into(State::Kept(Of::Name)),
            (State::Records, _) if begins_value => return self.goes_into(State::Kept(Of::Item)),
            (State::Member { is_list: true }, _) if begins_value => return self.goes_into(State::Kept(Of::NoList)),
            (State::Member { .. }, _) if begins_value => return self.goes_into(State::Other),
            _ => return self.goes_into(State::Lost),
        };
        self.take(text, 1);
        self.state = next;
        if next == State::Between && !self.has_list {
            self.tell_document();
            return Some(Event::NoList);
        }
        None
    }

    fn goes_into(&mut self, state: State) -> Option<Event> {
        self.state = state;
        self.value = Value::default();
        self.kept.clear();
        (self.begin, self.bytes) = (self.offset, 0);
        None
    }

    /// What stands in a value, and in what is none.
    fn within(&mut self, text: &mut &[u8]) -> Option<Event> {
        let (bytes, is_end) = match self.state {
            State::Lost => (text.len(), false),
            State::Junk => match text.iter().position(|&byte| byte == b'\n') {
                Some(end) => (end, true),
                None => (text.len(), false),
            },
            state => self.value.follow(text, state == State::Kept(Of::Document)),
        };
        if self.state != State::Other {
            self.keep(&text[..bytes]);
        }
        self.take(text, bytes);
        if !is_end {
            return None;
        }
        let (next, event) = match self.state {
            State::Kept(Of::Item) => (State::RecordEnd, Some(self.record())),
            State::Kept(Of::Name) => (State::Colon, None),
            State::Kept(Of::NoList) => {
                self.has_list = true;
                (State::MemberEnd, Some(Event::NoList))
            }
            State::Other => (State::MemberEnd, None),
            _ => (State::Between, Some(self.record())),
        };
        self.state = next;
        event
    }

    fn record(&self) -> Event {
        if self.bytes > LINE_BYTES_MAX as u64 { Event::TooLong(self.bytes) } else { Event::Record }
    }

    fn is_list(&self) -> bool {
        self.list.is_some_and(|list| serde_json::from_slice::<String>(&self.kept).is_ok_and(|name| name == list))
    }

    fn tell_document(&mut self) {
        self.begin = self.document.0;
        self.kept.clone_from(&self.document.1);
    }

    fn keep(&mut self, text: &[u8]) {
        self.bytes += text.len() as u64;
        let room = (LINE_BYTES_MAX + 1).saturating_sub(self.kept.len());
        self.kept.extend_from_slice(&text[..text.len().min(room)]);
    }

    fn take(&mut self, text: &mut &[u8], bytes: usize) {
        let (taken, rest) = text.split_at(bytes);
        if self.list.is_some() {
            let room = HEAD_BYTES.saturating_sub(self.document.1.len());
            self.document.1.extend_from_slice(&taken[..bytes.min(room)]);
        }
        self.offset += bytes as u64;
        *text = rest;
    }
}

/// How far a value has been followed.
#[derive(Debug, Default)]
struct Value {
    open: u64,
    is_string: bool,
    is_escaped: bool,
    /// The last byte that is neither space nor within a string; 0 before there is one.
    before: u8,
}

impl Value {
    /// Goes on in the value: how much of `text` it takes, and whether it ends there. A document ends, too, where it
    /// cannot go on: at a newline within a string, and where an object begins that cannot. The next one may be read.
    fn follow(&mut self, text: &[u8], is_document: bool) -> (usize, bool) {
        for (at, &byte) in text.iter().enumerate() {
            if self.is_string {
                match byte {
                    b'\n' if is_document => return (at, true),
                    _ if self.is_escaped => self.is_escaped = false,
                    b'\\' => self.is_escaped = true,
                    b'"' => {
                        self.is_string = false;
                        if self.open == 0 {
                            return (at + 1, true);
                        }
                    }
                    _ => {}
                }
                continue;
            }
            let ends_word = self.open == 0 && self.before != 0;
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' if !ends_word => continue,
                b' ' | b'\t' | b'\n' | b'\r' | b'"' | b'{' | b'[' | b',' | b':' | b'}' | b']' if ends_word => {
                    return (at, true);
                }
                b'{' if is_document && !matches!(self.before, 0 | b':' | b',' | b'[') => return (at, true),
                b'"' => self.is_string = true,
                b'{' | b'[' => self.open += 1,
                b'}' | b']' => {
                    self.open -= 1;
                    if self.open == 0 {
                        return (at + 1, true);
                    }
                }
                _ => {}
            }
            self.before = byte;
        }
        (text.len(), false)
    }
}
