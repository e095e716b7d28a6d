//! Records of JSON: what becomes of values, where records begin and end, and what becomes of the rest.

use proptest::prelude::*;
use serde_json::{Value as Tree, json};

use super::{Given, Pieces, WAYS, Way, gzip};
use crate::decode::framer::{Event, Framer};
use crate::decode::json::Fit;
use crate::decode::parts::{items, members};
use crate::decode::{Body, Counts, DecodeError, Decoder, LINE_BYTES_MAX, Limits, Settings, Source, Verdict};
use crate::schema::{FileName, Framing, Kind, Log, NamePart, Nested, Rows, Table, field, member};

const DELIVERED: i64 = 1_795_737_600;

const LISTED: Log = Log {
    table: "listed",
    file: FileName { service: "listed", parts: &[NamePart::Time], suffix: ".json.gz" },
    framing: Framing::Json { records: Some("Records") },
    fields: &[&[
        field(11, "time", Kind::Timestamp, 1, "when"),
        member("eventName", field(12, "event_name", Kind::Text, 1, "what")),
        field(13, "count", Kind::Int64, 1, "how many"),
        field(14, "port", Kind::Port, 1, "where"),
        field(15, "drift", Kind::Signed, 1, "how late"),
        field(16, "seconds", Kind::Double, 1, "how long"),
        field(17, "ok", Kind::Boolean, 1, "whether"),
        field(18, "tags", Kind::Nested(Nested::of("list<text>")), 1, "words"),
        field(19, "who", Kind::Nested(Nested::of("struct<name:text,at:timestamp,ids:list<int64>>")), 1, "who"),
    ]],
    other_kinds: &[],
    start: "time",
    end: None,
    measures: &["count"],
    rows: Rows { ports: None, ends: None, of: None, shared: &[] },
};

static OF_LISTS: Log = LISTED;

static OF_DOCUMENTS: Log = Log { table: "documents", framing: Framing::Json { records: None }, ..LISTED };

/// Columns of a row, by their places.
const OTHERS: usize = 9;

fn decode(log: &'static Log, body: Body, limits: Limits) -> Result<(Verdict, Given), DecodeError> {
    let mut decoder = Decoder::new(Settings::default());
    decoder.limits = limits;
    let mut given = Given::default();
    let table = Some(Table::of_test(log));
    let source = Source { body, delivered: DELIVERED, in_flow_log_prefix: true, log: table };
    decoder.object(source, &mut given).map(|verdict| (verdict, given))
}

fn counted(verdict: Verdict) -> Counts {
    match verdict {
        Verdict::Decoded(decoded) => decoded.counts,
        other => panic!("not decoded: {other:?}"),
    }
}

/// What an object gives, whichever way it is handed on and however it is cut.
fn given(log: &'static Log, text: &str) -> Given {
    let mut all = WAYS.map(|way| {
        let limits = Limits { block_bytes: 7, ..Limits::default() };
        let zipped = gzip(text.as_bytes());
        let done = match way {
            Way::WholeGzip => decode(log, Body::Whole(&zipped), Limits::default()),
            Way::WholePlain => decode(log, Body::Whole(text.as_bytes()), limits),
            Way::StreamedGzip => {
                decode(log, Body::Stream(&mut Pieces { bytes: &zipped, piece: 3, fails: false }), limits)
            }
            Way::StreamedPlain => {
                decode(log, Body::Stream(&mut Pieces { bytes: text.as_bytes(), piece: 5, fails: false }), limits)
            }
        };
        let (verdict, given) = done.unwrap();
        let counts = counted(verdict);
        assert_eq!((counts.headers, counts.blanks, counts.inflated_bytes), (0, 0, text.len() as u64));
        assert_eq!((counts.rows, counts.rejects), (given.rows.len() as u64, given.rejects.len() as u64));
        assert_eq!(counts.lines, counts.rows + counts.rejects);
        given
    });
    for other in &all[1..] {
        assert_eq!((&other.rows, &other.rejects), (&all[0].rows, &all[0].rejects));
    }
    std::mem::take(&mut all[0])
}

/// The values of a row of one record.
fn row(record: &str) -> Vec<Option<String>> {
    let mut given = given(&OF_LISTS, &format!("{{\"Records\":[{record}]}}"));
    assert_eq!(given.rejects, []);
    assert_eq!(given.rows.len(), 1);
    given.rows.remove(0).1
}

fn reasons(given: &Given) -> Vec<(u64, &str)> {
    given.rejects.iter().map(|reject| (reject.line, reject.reason.as_str())).collect()
}

fn lines(given: &Given) -> Vec<i64> {
    given.rows.iter().map(|(line, _)| *line).collect()
}

fn texts(row: &[Option<String>]) -> Vec<&str> {
    row.iter().map(|value| value.as_deref().unwrap_or("null")).collect()
}

#[test]
fn the_kinds_are_sound() {
    assert_eq!((OF_LISTS.check(), OF_DOCUMENTS.check()), (Ok(()), Ok(())));
    const TWICE: Log = Log {
        fields: &[&[
            field(20, "time", Kind::Timestamp, 1, "when"),
            member("time", field(21, "other", Kind::Text, 1, "what")),
        ]],
        measures: &[],
        ..LISTED
    };
    assert_eq!(TWICE.check(), Err("two fields have one name in JSON"));
}

#[test]
fn members_are_values_of_their_columns() {
    let record = r#"{ "time":"2026-11-26T23:59:59.000001Z", "eventName":"a \"b\" ä", "count":7,
        "port":443, "drift":-3, "seconds":2.5e-1, "ok":true, "tags":["x","-",null, 1.50],
        "who":{"name":{"a" : 1},"at":"2026-11-26T00:00:00Z","ids":[1,2]} }"#;
    let expected = [
        "2026-11-26T23:59:59.000001Z",
        "a \"b\" ä",
        "7",
        "443",
        "-3",
        "0.25",
        "true",
        "[x, -, , 1.50]",
        "{name: {\"a\" : 1}, at: 2026-11-26T00:00:00Z, ids: [1, 2]}",
        "null",
    ];
    assert_eq!(texts(&row(record)), expected);
}

#[test]
fn null_is_as_if_it_were_not_there() {
    let nulls =
        r#"{"time":"2026-11-26T00:00:00Z","eventName":null,"count":null,"ok":null,"tags":null,"who":null,"x":null}"#;
    let expected = row(r#"{"time":"2026-11-26T00:00:00Z"}"#);
    assert_eq!(row(nulls), expected);
    assert_eq!(expected.iter().flatten().count(), 1);
}

#[test]
fn numbers_and_truth_values_may_stand_in_quotes_and_a_hyphen_is_a_text() {
    let record =
        r#"{"time":"2026-11-26T00:00:00Z","eventName":"-","port":"53","ok":"false","seconds":"1.5","drift":"-1"}"#;
    let values = row(record);
    assert_eq!(texts(&values)[1..7], ["-", "null", "53", "-1", "1.5", "false"]);
}

#[test]
fn a_text_column_has_the_exact_json_of_what_is_no_text() {
    for exact in
        [r#"{"b": 1.0,  "a":{"c":[ ]}, "a":"}\u00e4\n"}"#, "[1, 2.50 ,\"]\"]", "1e2", "18446744073709551616", "true"]
    {
        let record = format!(r#"{{"time":"2026-11-26T00:00:00Z","eventName": {exact} }}"#);
        assert_eq!(row(&record)[1].as_deref(), Some(exact));
    }
    assert_eq!(row(r#"{"time":"2026-11-26T00:00:00Z","eventName":""}"#)[1].as_deref(), Some(""));
}

#[test]
fn unknown_members_are_kept_as_they_stand() {
    let record = r#"{"z":1.0,"time":"2026-11-26T00:00:00Z","EventName":"x","a/b c":{"k" : [1]},
        "event_name":null,"\u0062":"\u0062"}"#;
    let others = r#"{"z":1.0,"EventName":"x","a/b c":{"k" : [1]},"\u0062":"\u0062"}"#;
    let values = row(record);
    assert_eq!((values[1].as_deref(), values[OTHERS].as_deref()), (None, Some(others)));
}

#[test]
fn a_struct_with_a_new_member_is_kept_whole_beside_its_column() {
    let values = row(r#"{"time":"2026-11-26T00:00:00Z","who":{"name":"Fox","new": 1.0,"Name":"x"}}"#);
    assert_eq!(values[8].as_deref(), Some("{name: Fox, at: , ids: }"));
    assert_eq!(values[OTHERS].as_deref(), Some(r#"{"who":{"name":"Fox","new": 1.0,"Name":"x"}}"#));
}

#[test]
fn of_two_members_of_one_name_the_last_counts() {
    let record = r#"{"time":"bad","time":"2026-11-26T00:00:00Z","count":1,"c\u006funt":2,"ok":true,"ok":null,
        "x":1,"y":2,"x":3,"who":{"name":"a","name":"b"}}"#;
    let values = row(record);
    assert_eq!((values[2].as_deref(), values[6].as_deref()), (Some("2"), None));
    assert_eq!(values[8].as_deref(), Some("{name: b, at: , ids: }"));
    assert_eq!(values[OTHERS].as_deref(), Some(r#"{"y":2,"x":3}"#));
}

#[test]
fn what_is_no_row_says_why_and_the_rest_goes_on() {
    let cases = [
        ("{\"count\":1}", "record has no `time`"),
        ("{\"time\":null}", "record has no `time`"),
        ("{\"time\":17}", "field `time` is not a time such as 2026-11-27T05:00:00.000000Z: \"17\""),
        (
            "{\"time\":\"2046-11-26T00:00:00Z\"}",
            "field `time` is more than 2 days after the object's delivery: \"2046-11-26T00:00:00Z\"",
        ),
        ("{\"count\":-1}", "field `count` is not a number that its column holds: \"-1\""),
        ("{\"count\":1.0}", "field `count` is not a number that its column holds: \"1.0\""),
        ("{\"count\":\"-\"}", "field `count` is not a number that its column holds: \"-\""),
        ("{\"count\":[1]}", "field `count` is not a number that its column holds: \"[1]\""),
        ("{\"seconds\":1e999}", "field `seconds` is not a number: \"1e999\""),
        ("{\"ok\":1}", "field `ok` is neither true nor false: \"1\""),
        ("{\"tags\":\"x\"}", "field `tags` is not of its column's type: \"x\""),
        ("{\"who\":[]}", "field `who` is not of its column's type: \"[]\""),
        ("{\"who\":{\"ids\":[1,\"2\"]}}", "field `who` is not of its column's type: \"{\"ids\":[1,\"2\"]}\""),
        ("{\"eventName\":\"\\ud800\"}", "field `event_name` is not a text of whole characters: \"\"\\ud800\"\""),
        ("{\"a\":01}", "record is not JSON: invalid number at line 1 column 7"),
        ("{\"a\":}", "record is not JSON: expected value at line 1 column 6"),
        ("[{}]", "record is no JSON object"),
        ("null", "record is no JSON object"),
        ("12", "record is no JSON object"),
        ("\"}\"", "record is no JSON object"),
    ];
    let good = "{\"time\":\"2026-11-26T00:00:00Z\"}";
    let all: Vec<String> = cases.iter().map(|(record, _)| format!("{record} ,\n {good}")).collect();
    let text = format!("{{\"Records\":[{}]}}", all.join(","));
    let given = given(&OF_LISTS, &text);
    let expected: Vec<(u64, &str)> = cases.iter().enumerate().map(|(at, (_, why))| (2 * at as u64 + 1, *why)).collect();
    assert_eq!(reasons(&given), expected);
    assert_eq!(lines(&given), (1..=cases.len() as i64).map(|at| 2 * at).collect::<Vec<_>>());
    for ((record, _), reject) in cases.iter().zip(&given.rejects) {
        assert_eq!(reject.text, *record);
        assert!(text[reject.offset as usize..].starts_with(record));
    }
}

#[test]
fn a_number_in_a_list_is_the_nearest_there_is() {
    let value = Fit::of_column(Kind::Nested(Nested::of("list<double>")), "[-946261815.8083525,1,1e-3]");
    assert_eq!(value, Ok(json!([-946_261_815.808_352_5, 1.0, 0.001])));
    assert!(Fit::of_column(Kind::Nested(Nested::of("list<double>")), "[1e999]").is_err());
    assert!(Fit::of_column(Kind::Nested(Nested::of("list<double>")), "[\"1\"]").is_err());
}

#[test]
fn a_value_has_only_so_many_items() {
    let of = |items: usize| {
        let text = format!("{{\"time\":\"2026-11-26T00:00:00Z\",\"tags\":[{}1]}}\n", "1,".repeat(items - 1));
        reasons(&given(&OF_DOCUMENTS, &text)).len()
    };
    assert_eq!((of(65_535), of(65_536)), (0, 1));
}

#[test]
fn documents_may_be_empty_pretty_several_and_have_more_than_a_list() {
    let good = "{\"time\":\"2026-11-26T00:00:00Z\"}";
    for (text, rows) in [
        (String::new(), 0),
        (" \r\n\t".into(), 0),
        ("{\"Records\":[]}".into(), 0),
        ("{ \"a\" : [{\"Records\":[1]}] , \"Records\" : [ ] , \"b\":\"]}\\\"\" }\n".into(), 0),
        (format!("{{\n  \"Records\": [\n    {good},\n    {good}\n  ]\n}}\n"), 2),
        (format!("{{\"Records\":[{good}]}}{{\"Records\":[{good},{good}]}}\n"), 3),
        (format!("{{\"x\":-1.5e3,\"\\u0052ecords\":[{good}],\"y\":null}}"), 1),
    ] {
        let given = given(&OF_LISTS, &text);
        assert_eq!(given.rejects, [], "{text}");
        assert_eq!(lines(&given), (1..=rows).collect::<Vec<_>>(), "{text}");
    }
}

#[test]
fn documents_without_a_list_or_that_are_none_are_told() {
    let good = "{\"time\":\"2026-11-26T00:00:00Z\"}";
    let no_list = "document has no list `Records`";
    let lost = "document is not JSON from here on, and nothing after it is read";
    let cut = "document is cut off: the object ends within it";
    let cut_record = "record is cut off: the object ends within it";
    for (text, rows, why, shown) in [
        ("{}".to_owned(), 0, no_list, "{}"),
        ("{\"records\":[1]}".to_owned(), 0, no_list, "{\"records\":[1]}"),
        ("{\"Records\":null,\"x\":1}".to_owned(), 0, no_list, "null"),
        ("{\"Records\":{\"a\":[]}}".to_owned(), 0, no_list, "{\"a\":[]}"),
        ("plain text\nof lines".to_owned(), 0, lost, "plain text\nof lines"),
        (format!("[{good}]"), 0, lost, "[{\"time\":\"2026-11-26T00:00:00Z\"}]"),
        (format!("{{\"Records\":[{good} {good}]}}"), 1, lost, "{\"time\":\"2026-11-26T00:00:00Z\"}]}"),
        (format!("{{\"Records\":[{good}]}} x"), 1, lost, "x"),
        (format!("{{\"Records\":[{good},{{\"time\":\"2026"), 1, cut_record, "{\"time\":\"2026"),
        (format!("{{\"Records\":[{good},"), 1, cut, ""),
        (format!("{{\"Records\":[{good}]"), 1, cut, ""),
        ("{\"Rec".to_owned(), 0, cut, "{\"Rec"),
        ("{\"x\":[1,".to_owned(), 0, cut, "{\"x\":[1,"),
    ] {
        let given = given(&OF_LISTS, &text);
        assert_eq!(lines(&given), (1..=rows).collect::<Vec<_>>(), "{text}");
        assert_eq!(reasons(&given), [(rows as u64 + 1, why)], "{text}");
        assert_eq!(given.rejects[0].text, shown, "{text}");
        assert!(text[given.rejects[0].offset as usize..].starts_with(shown), "{text}");
    }
}

#[test]
fn without_a_list_each_document_is_a_record_and_a_broken_one_is_one() {
    let good = "{\"time\":\"2026-11-26T00:00:00Z\"}";
    let text = format!(
        "{good}\n{good}{good}\r\n{{\"time\":\"2026\n{good}\nnot json {good}\n{{\"a\":{{\"b\":1\n{good}\n[{good}]\n \
         {{\n \"time\":\n\"2026-11-26T00:00:00Z\"\n}}\n{good}}}\n{good}\n{{\"time\":"
    );
    let given = given(&OF_DOCUMENTS, &text);
    assert_eq!(lines(&given), [1, 2, 3, 5, 8, 10, 11, 13]);
    let told = [
        (4, "record is not JSON: EOF while parsing a string at line 1 column 13"),
        (6, "record is not JSON: expected ident at line 1 column 2"),
        (7, "record is not JSON: EOF while parsing an object at line 2 column 0"),
        (9, "record is no JSON object"),
        (12, "record is not JSON: expected value at line 1 column 1"),
        (14, "record is cut off: the object ends within it"),
    ];
    assert_eq!(reasons(&given), told);
}

#[test]
fn a_record_beyond_the_limit_is_set_aside_and_the_rest_goes_on() {
    let good = "{\"time\":\"2026-11-26T00:00:00Z\"}";
    let frame = "{\"time\":\"2026-11-26T00:00:00Z\",\"x\":\"\"}";
    let of = |bytes: usize| frame.replace("\"\"", &format!("\"{}\"", "x".repeat(bytes - frame.len())));
    let (fits, too_long, far) = (of(LINE_BYTES_MAX), of(LINE_BYTES_MAX + 1), of(5 << 20));
    for text in
        [format!("{{\"Records\":[{fits},{too_long},{far},{good}]}}"), format!("{fits}\n{too_long}\n{far}\n{good}\n")]
    {
        let log = if text.starts_with("{\"R") { &OF_LISTS } else { &OF_DOCUMENTS };
        let (verdict, given) = decode(log, Body::Whole(text.as_bytes()), Limits::default()).unwrap();
        assert_eq!((counted(verdict).lines, lines(&given)), (4, vec![1, 4]));
        assert_eq!(reasons(&given), [(2, "record is longer than 1 MiB"), (3, "record is longer than 1 MiB")]);
        assert!(given.rejects.iter().all(|reject| reject.text.len() <= 4 << 10 && far.starts_with(&reject.text)));
    }
}

#[test]
fn an_object_that_is_not_sound_is_set_aside_whole() {
    let text = "{\"Records\":[{\"time\":\"2026-11-26T00:00:00Z\"}]}";
    let zipped = gzip(text.as_bytes());
    let cut = &zipped[..zipped.len() - 5];
    for body in [Body::Whole(cut), Body::Stream(&mut Pieces { bytes: cut, piece: 9, fails: false })] {
        let (verdict, _) = decode(&OF_LISTS, body, Limits::default()).unwrap();
        assert!(matches!(verdict, Verdict::Aside { .. }), "{verdict:?}");
    }
    let mut dead = Pieces { bytes: &zipped[..9], piece: 9, fails: true };
    assert!(matches!(decode(&OF_LISTS, Body::Stream(&mut dead), Limits::default()), Err(DecodeError::Read(_))));
    let limits = Limits { inflated_bytes: 9, block_bytes: 7, ..Limits::default() };
    let (verdict, _) = decode(&OF_LISTS, Body::Whole(&zipped), limits).unwrap();
    assert!(matches!(verdict, Verdict::Aside { .. }), "{verdict:?}");
    let members = [gzip(&text.as_bytes()[..20]), gzip(b""), gzip(&text.as_bytes()[20..])].concat();
    let (_, given) = decode(&OF_LISTS, Body::Whole(&members), Limits::default()).unwrap();
    assert_eq!((lines(&given), given.rejects.len()), (vec![1], 0));
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        Just(Tree::Null),
        any::<bool>().prop_map(Tree::from),
        any::<i64>().prop_map(Tree::from),
        // `serde_json` reads a number with many digits to the nearest but one.
        any::<i32>().prop_map(|number| Tree::from(f64::from(number) / 4.0)),
        "[a-c\"\\\\{}\\[\\],:\n\u{e4}\u{1f600} ]{0,6}".prop_map(Tree::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let names = "[a-c\"\\\\{}\n]{0,3}";
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Tree::from),
            prop::collection::hash_map(names, inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

fn object() -> impl Strategy<Value = Tree> {
    prop::collection::hash_map("[a-c\"\\\\]{0,3}", tree(), 0..4).prop_map(|map| map.into_iter().collect())
}

/// What a framer finds in a text that is cut at some places.
fn found(list: Option<&'static str>, text: &[u8], cuts: &[usize]) -> (Vec<(u64, Vec<u8>)>, Vec<Event>) {
    let mut framer = Framer::new(list);
    let (mut records, mut others) = (Vec::new(), Vec::new());
    let mut note = |framer: &Framer, event| match event {
        Event::Record => records.push((framer.begin(), framer.text().to_vec())),
        other => others.push(other),
    };
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (text.len() + 1)).chain([0, text.len()]).collect();
    cuts.sort_unstable();
    for piece in cuts.windows(2) {
        let mut piece = &text[piece[0]..piece[1]];
        while let Some(event) = framer.next(&mut piece) {
            note(&framer, event);
        }
        assert!(piece.is_empty());
    }
    if let Some(event) = framer.finish() {
        note(&framer, event);
    }
    (records, others)
}

fn written(tree: &Tree, is_pretty: bool) -> String {
    if is_pretty { serde_json::to_string_pretty(tree).unwrap() } else { tree.to_string() }
}

proptest! {
    #[test]
    fn records_are_those_of_serde_json_however_a_document_is_cut(
        records in prop::collection::vec(tree(), 0..6),
        before in tree(),
        is_pretty: bool,
        cuts in prop::collection::vec(any::<usize>(), 0..20),
    ) {
        let text = written(&json!({"A": before, "Records": records, "Z": [before]}), is_pretty);
        let (found, others) = found(Some("Records"), text.as_bytes(), &cuts);
        let trees: Vec<Tree> = found.iter().map(|(_, text)| serde_json::from_slice(text).unwrap()).collect();
        prop_assert_eq!((trees, others), (records, vec![]));
        prop_assert!(found.iter().all(|(begin, record)| text.as_bytes()[*begin as usize..].starts_with(record)));
    }

    #[test]
    fn documents_are_those_of_serde_json_however_they_are_joined_and_cut(
        records in prop::collection::vec((object(), any::<bool>(), "[ \n\r\t]{0,2}"), 0..6),
        cuts in prop::collection::vec(any::<usize>(), 0..20),
    ) {
        let text: String = records.iter().map(|(tree, is_pretty, space)| written(tree, *is_pretty) + space).collect();
        let (found, others) = found(None, text.as_bytes(), &cuts);
        let trees: Vec<Tree> = found.iter().map(|(_, text)| serde_json::from_slice(text).unwrap()).collect();
        prop_assert_eq!((trees, others), (records.into_iter().map(|(tree, ..)| tree).collect(), vec![]));
    }

    #[test]
    fn anything_gives_the_same_however_it_is_cut_and_no_byte_of_a_document_is_lost(
        text in "[{}\\[\\],:\"\\\\a1 \n]{0,40}",
        starts_well: bool,
        cuts in prop::collection::vec(any::<usize>(), 0..20),
    ) {
        for list in [None, Some("a")] {
            let text = if starts_well { format!("{{\"a\":[{text}") } else { text.clone() };
            let one = found(list, text.as_bytes(), &[]);
            prop_assert_eq!(&found(list, text.as_bytes(), &cuts), &one);
            if list.is_none() {
                let kept: Vec<u8> = one.0.iter().flat_map(|(_, text)| text.clone()).collect();
                let is_all = kept.iter().filter(|byte| !byte.is_ascii_whitespace()).count()
                    == text.bytes().filter(|byte| !byte.is_ascii_whitespace()).count();
                prop_assert!(is_all || one.1 == [Event::CutRecord]);
            }
        }
    }

    #[test]
    fn parts_are_those_of_serde_json(text in "[{}\\[\\],:\"\\\\a1e.\\- ]{0,12}", tree in tree(), at: usize) {
        let sound = tree.to_string();
        let mut broken = sound.clone();
        broken.truncate(sound.floor_char_boundary(at % (sound.len() + 1)));
        for text in [text, sound, broken] {
            let whole: Option<Tree> = serde_json::from_str(&text).ok();
            let object = members(&text).map(|members| {
                members.iter().map(|member| Some((member.name.to_string(), serde_json::from_str(member.value).ok()?)))
                    .collect::<Option<serde_json::Map<_, _>>>().map(Tree::from)
            });
            let list = items(&text).map(|items| {
                items.iter().map(|item| serde_json::from_str(item).ok()).collect::<Option<Vec<Tree>>>().map(Tree::from)
            });
            // An item beyond what a tree holds, such as a number with a huge exponent, is text all the same.
            let expected = |is: fn(&Tree) -> bool| whole.clone().filter(is);
            prop_assert_eq!(object.flatten(), expected(Tree::is_object));
            prop_assert_eq!(list.flatten(), expected(Tree::is_array));
        }
    }
}
