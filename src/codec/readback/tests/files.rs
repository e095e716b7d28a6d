//! Files of earlier programs, and files that no program of ours made.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::Type as Physical;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::carried::carry_one;
use super::*;
use crate::schema::{Column, Kind, Layout, PROVENANCE, Table};

fn data_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            data_files(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// The cells of rows, each in a chunk of its own that has its columns alone.
fn cells(table: Table, rows: &[Row]) -> Cells {
    let (mut hashes, mut cells) = (CellHashes::default(), Cells::default());
    for row in rows {
        let mut dictionaries = Dictionaries::default();
        let text = |name: &str| row.get(name).map(|text| text.trim_matches('\'').to_owned());
        let mut chunk = Chunk {
            layout: Arc::new(Layout::of_columns(table, Vec::new())),
            values: Vec::new(),
            slots: Vec::new(),
            lines: vec![row["log_line"].parse().unwrap()],
        };
        let mut columns = Vec::new();
        for (name, cell) in row.iter().rev().filter(|(name, _)| PROVENANCE.iter().all(|own| own.column != **name)) {
            let is_text = cell.starts_with('\'');
            columns.push(Column { name: name.clone(), kind: if is_text { Kind::Text } else { Kind::Int64 } });
            chunk.slots.push(dictionaries.slot(table, name));
            chunk.values.push(match is_text {
                true => {
                    let dictionary = dictionaries.get_mut(*chunk.slots.last().unwrap());
                    Values::Text(vec![dictionary.intern(text(name).unwrap().as_bytes())])
                }
                false => Values::Int(vec![cell.parse().unwrap()]),
            });
        }
        chunk.layout = Arc::new(Layout::of_columns(table, columns));
        let origin = Origin {
            url: text("log_object").unwrap(),
            account: text("log_account"),
            region: text("log_region"),
            log_id: text("log_id"),
            ..Origin::default()
        };
        cells += hashes.sum(&origin.texts(), &chunk, &dictionaries);
    }
    cells
}

/// Columns by name, with the types that readers see.
fn types(bytes: &Bytes) -> BTreeMap<String, String> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).unwrap();
    reader.schema().fields().iter().map(|field| (field.name().clone(), field.data_type().to_string())).collect()
}

fn assert_carried_over(bytes: &Bytes) {
    let carried = carry_one(bytes);
    assert_eq!((types(&carried), naive(&carried)), (types(bytes), naive(bytes)));
}

/// The ids of a file's columns; those without one have none.
fn ids(bytes: &Bytes) -> Vec<Option<i32>> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).unwrap();
    let infos = reader.parquet_schema().columns().iter().map(|column| column.self_type().get_basic_info());
    infos.map(|info| info.has_id().then(|| info.id())).collect()
}

/// None of their files has ids: they are of epochs before 5.
const LAKES: [&str; 4] = ["lake-1", "lake-2", "lake-3", "lake-4"];

#[test]
fn data_files_of_earlier_lakes_are_read_as_the_parquet_library_reads_them() {
    let lakes = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data");
    let mut files_read = 0;
    for (lake, table) in LAKES.into_iter().flat_map(|lake| Table::all().map(move |table| (lake, table))) {
        let mut files = Vec::new();
        let folder = lakes.join(lake).join(table.name());
        if folder.is_dir() {
            data_files(&folder, &mut files);
        }
        for path in files {
            let bytes = Bytes::from(std::fs::read(&path).unwrap());
            let expected = naive(&bytes);
            let mut taken = Taken::default();
            let file = std::fs::File::open(&path).unwrap();
            let rows = ReadBack::default().file(file, &mut taken).unwrap();
            assert!(rows > 0 && rows == expected.len() as u64, "{path:?}");
            assert_eq!(taken.cells, cells(table, &expected), "{path:?}");
            assert_eq!(taken.sorted(), expected, "{path:?}");
            assert_carried_over(&bytes);
            assert!(ids(&bytes).iter().all(Option::is_none), "{path:?}");
            assert!(ids(&carry_one(&bytes)).iter().all(Option::is_some), "{path:?}");
            files_read += 1;
        }
    }
    assert_eq!(files_read, 24);
}

const OWN: &str = "optional binary log_account (STRING); optional binary log_region (STRING); \
     optional binary log_id (STRING); required binary log_object (STRING); required int64 log_line;";

/// A file of one row group and two rows: the texts `4`, and the integers that are given.
fn file(message: &str, ints: [i64; 2]) -> Bytes {
    let schema = Arc::new(parse_message_type(message).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), Arc::clone(&schema), Default::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut fields = schema.get_fields().iter();
    while let Some(mut column) = group.next_column().unwrap() {
        let field = fields.next().unwrap();
        let is_line = field.name() == "log_line";
        let ints = if is_line && ints[0] >= 0 { [1, 2] } else { ints };
        let levels = field.is_optional().then_some(&[1_i16, 1][..]);
        match column.untyped() {
            ColumnWriter::Int32ColumnWriter(writer) => writer.write_batch(&ints.map(|int| int as i32), levels, None),
            ColumnWriter::Int64ColumnWriter(writer) => writer.write_batch(&ints, levels, None),
            ColumnWriter::ByteArrayColumnWriter(writer) => {
                assert_eq!(field.get_physical_type(), Physical::BYTE_ARRAY);
                writer.write_batch(&["4", "4"].map(ByteArray::from), levels, None)
            }
            _ => unreachable!("no test has other columns"),
        }
        .unwrap();
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.into_inner().unwrap().into()
}

fn error(bytes: Bytes) -> String {
    ReadBack::default().file(bytes, &mut Taken::default()).unwrap_err().to_string()
}

/// Takes the layout of a file.
struct Layouts(Vec<Arc<Layout>>);

impl Sink for Layouts {
    fn rows(&mut self, _: &Origin, chunk: &Chunk, _: &Dictionaries) -> io::Result<()> {
        self.0.push(Arc::clone(&chunk.layout));
        Ok(())
    }

    fn dictionaries_cleared(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn columns_have_the_types_of_the_file() {
    let columns = "optional binary srcport (STRING); optional int32 dstport; optional int64 protocol; \
         optional int64 start; optional binary end (STRING); optional int32 packets; optional int64 bytes; \
         optional int32 new_field; optional binary other_fields (STRING);";
    let bytes = file(&format!("message flow_logs {{ {columns} {OWN} }}"), [7, 8]);
    let mut layouts = Layouts(Vec::new());
    ReadBack::default().file(bytes.clone(), &mut layouts).unwrap();
    let layout = &layouts.0[0];
    let kinds: Vec<(&str, Kind)> = layout.columns.iter().map(|column| (column.name.as_str(), column.kind)).collect();
    let expected = [
        ("srcport", Kind::Text),
        ("dstport", Kind::Port),
        ("protocol", Kind::Int64),
        ("start", Kind::Seconds),
        ("end", Kind::Text),
        ("packets", Kind::Int32),
        ("bytes", Kind::Int64),
        ("new_field", Kind::Int32),
        ("other_fields", Kind::Text),
    ];
    assert_eq!(kinds, expected);
    let positions = (layout.start, layout.end, layout.measures.clone());
    assert_eq!((layout.table, positions), (Table::FLOW_LOGS, (Some(3), None, vec![None, Some(6)])));
    assert_eq!(read(std::slice::from_ref(&bytes)).sorted(), naive(&bytes));
    assert_carried_over(&bytes);

    let tgw = file(&format!("message tgw_flow_logs {{ optional int64 protocol; {OWN} }}"), [7, 8]);
    ReadBack::default().file(tgw, &mut layouts).unwrap();
    assert_eq!((layouts.0[1].table, layouts.0[1].columns[0].kind), (Table::TGW_FLOW_LOGS, Kind::Int64));
}

#[test]
fn files_that_no_writer_made_are_errors() {
    let with = |column: &str| file(&format!("message flow_logs {{ {column} {OWN} }}"), [7, 8]);
    assert_eq!(
        error(file(&format!("message arrow_schema {{ {OWN} }}"), [7, 8])),
        "`arrow_schema` is not the name of a table of flow logs"
    );
    for own in ["log_object", "log_line", "log_account", "log_region", "log_id"] {
        let others: String = OWN.split_inclusive(';').filter(|column| !column.contains(own)).collect();
        let bytes = file(&format!("message flow_logs {{ optional int32 srcport; {others} }}"), [7, 8]);
        assert_eq!(error(bytes), format!("there is no column `{own}`, which every data file has"));
    }
    for column in [
        "optional int32 srcport (UINT_16);",
        "optional int64 start (TIMESTAMP(MILLIS,true));",
        "optional binary srcaddr;",
        "required int32 srcport;",
        "optional binary srcaddr (JSON);",
    ] {
        let name = column.split_whitespace().nth(2).unwrap().trim_end_matches(';');
        assert_eq!(error(with(column)), format!("column `{name}` has a type that no data file has"));
    }
    assert_eq!(error(with("optional int32 a; optional int32 a;")), "there are two columns `a`");
    for replaced in [("required binary log_object", "optional binary log_object"), ("int64 log_line", "int32 log_line")]
    {
        let own = OWN.replace(replaced.0, replaced.1);
        assert!(error(file(&format!("message flow_logs {{ {own} }}"), [7, 8])).contains("type that no data file has"));
    }
}

#[test]
fn integers_that_would_read_as_null_are_errors() {
    let message = |column: &str| format!("message flow_logs {{ {column} {OWN} }}");
    let negative_line = error(file(&message(""), [-1, 8]));
    assert_eq!(negative_line, "column `log_line` holds -1; the least that is written is 1");
    for column in ["optional int32 srcport;", "optional int64 bytes;"] {
        let bytes = file(&message(column), [8, -1]);
        let name = column.split_whitespace().nth(2).unwrap().trim_end_matches(';');
        assert_eq!(error(bytes), format!("column `{name}` holds -1; the least that is written is 0"));
    }
}
