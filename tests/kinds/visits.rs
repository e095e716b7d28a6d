//! flowlake with two more kinds of log, made up: what a new kind takes is what stands in this file, or in `deeds.rs`.
//!
//! Lines have values in quotes, and among them are numbers with a point, truth values, instants, negative numbers, a
//! list and a struct: all that flow logs have not. `tests/it/kinds.rs` takes them from objects to answers.

mod deeds;

use std::process::ExitCode;

use flowlake::command;
use flowlake::config::{self, Environment};
use flowlake::schema::Kind::{Boolean, Double, Int32, Int64, Signed, Text, Timestamp};
use flowlake::schema::{FileName, Framing, Kind, Log, NamePart, Nested, Rows, Table, field};

static VISITS: Log = Log {
    table: "visits",
    file: FileName {
        service: "visits",
        parts: &[
            NamePart::Account,
            NamePart::Service,
            NamePart::Region,
            NamePart::Id("site-"),
            NamePart::Time,
            NamePart::Hash,
        ],
        suffix: ".log.gz",
    },
    framing: Framing::Quoted { fields_min: 9 },
    fields: &[&[
        field(11, "time", Timestamp, 1, "when the answer was sent"),
        field(12, "site", Text, 1, "name of the site"),
        field(13, "client", Text, 1, "address of the visitor"),
        field(14, "status", Int32, 1, "status of the answer"),
        field(15, "sent_bytes", Int64, 1, "bytes of the answer"),
        field(16, "seconds", Double, 1, "how long it took"),
        field(17, "is_cached", Boolean, 1, "whether the answer was kept"),
        field(18, "drift", Signed, 1, "milliseconds by which the visitor's clock is late"),
        field(19, "request", Text, 1, "what was asked for"),
        field(20, "accepts", Kind::Nested(Nested::of("list<text>")), 2, "what the visitor reads"),
        field(21, "browser", Kind::Nested(Nested::of("struct<name:text,version:int32>")), 2, "what the visitor uses"),
    ]],
    other_kinds: &[],
    start: "time",
    end: None,
    measures: &["sent_bytes"],
    rows: Rows { ports: None, ends: None, of: None, shared: &["client"] },
};

fn main() -> ExitCode {
    Table::add(&[&VISITS, &deeds::DEEDS]).expect("sound kinds, added first");
    let arguments: Vec<_> = std::env::args_os().collect();
    let line = config::parse(&arguments, Environment::of_process());
    command::main(line.unwrap_or_else(|refused| command::misused(&refused)))
}
