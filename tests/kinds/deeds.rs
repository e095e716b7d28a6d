//! A kind whose objects are documents of JSON with a list of records, as logs of what was done have.

use flowlake::schema::Kind::{Boolean, Double, Int32, Int64, Text, Timestamp};
use flowlake::schema::{FileName, Framing, Kind, Log, NamePart, Nested, Rows, field, member};

pub static DEEDS: Log = Log {
    table: "deeds",
    file: FileName {
        service: "deeds",
        parts: &[
            NamePart::Account,
            NamePart::Service,
            NamePart::Region,
            NamePart::Id("site-"),
            NamePart::Time,
            NamePart::Hash,
        ],
        suffix: ".json.gz",
    },
    framing: Framing::Json { records: Some("Deeds") },
    fields: &[&[
        field(11, "time", Timestamp, 1, "when it was done"),
        member("eventName", field(12, "event_name", Text, 1, "what was done")),
        field(13, "client", Text, 1, "address of who did it"),
        field(14, "status", Int32, 1, "status of the answer"),
        member("sentBytes", field(15, "sent_bytes", Int64, 1, "bytes of the answer")),
        field(16, "seconds", Double, 1, "how long it took"),
        member("isDone", field(17, "is_done", Boolean, 1, "whether it was done")),
        member("requestParameters", field(18, "request", Text, 1, "what was asked for, as it stands")),
        field(19, "tags", Kind::Nested(Nested::of("list<text>")), 1, "words about it"),
        field(20, "who", Kind::Nested(Nested::of(WHO)), 1, "who did it"),
    ]],
    other_kinds: &[],
    start: "time",
    end: None,
    measures: &["sent_bytes"],
    rows: Rows { ports: None, ends: None, of: None, shared: &["client"] },
};

const WHO: &str = "struct<type:text,session:struct<mfa:boolean,since:timestamp>,groups:list<text>>";
