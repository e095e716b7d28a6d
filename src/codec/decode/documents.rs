//! The records of an object of JSON: to rows, or set aside.

use super::framer::Event;
use super::json::Json;
use super::object::{LINE_HEAD_BYTES, Object, Stop};
use super::plain::Fault;

impl Object<'_> {
    /// Whether records are JSON, and are given to [`Object::documents`] instead of as lines.
    pub fn is_json(&self) -> bool {
        self.json.is_some()
    }

    /// Takes the next text of the object, cut anywhere.
    pub fn documents(&mut self, mut text: &[u8]) -> Result<(), Stop> {
        let mut json = self.json.take().expect("the kind has records of JSON");
        let mut done = Ok(());
        while let (Ok(()), Some(event)) = (&done, json.framer.next(&mut text)) {
            done = self.event(&json, event);
        }
        self.json = Some(json);
        done
    }

    /// Takes the end of the object.
    pub fn documents_end(&mut self) -> Result<(), Stop> {
        let mut json = self.json.take().expect("the kind has records of JSON");
        let done = json.framer.finish().map_or(Ok(()), |event| self.event(&json, event));
        self.json = Some(json);
        done
    }

    fn event(&mut self, json: &Json, event: Event) -> Result<(), Stop> {
        let text = json.framer.text();
        let chunk = self.chunk.as_mut().expect("the kind has a layout");
        let fault = match event {
            Event::Record => match json.row(&chunk.layout, &self.times) {
                Ok(row) => return self.row(row, text.len()),
                Err(fault) => fault,
            },
            Event::TooLong(_) => Fault::long_record(),
            Event::CutRecord => Fault::of_line("record is cut off: the object ends within it"),
            Event::CutDocument => Fault::of_line("document is cut off: the object ends within it"),
            Event::NoList => Fault::of_line(format!("document has no list `{}`", json.list)),
            Event::Lost => Fault::of_line("document is not JSON from here on, and nothing after it is read"),
        };
        self.reject(fault, &text[..text.len().min(LINE_HEAD_BYTES)], json.framer.begin())
    }
}
