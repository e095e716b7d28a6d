//! The ids of columns: they never change, and no two known columns of a table share one.

use std::collections::{BTreeMap, BTreeSet};

use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::PARQUET_FIELD_ID_META_KEY;

use super::*;
use crate::schema::provenance::{PARTITION_IDS, column_name};

/// Each known column of each table with the id that it has had since the first file with ids, `*` for those of all
/// tables. The last are of names that are not known, worked out by another implementation of BLAKE3. A field that
/// becomes known is a line more; none ever changes.
const IDS: &str = include_str!("ids.txt");

/// By table and name.
fn ids() -> BTreeMap<(&'static str, &'static str), i32> {
    let line = |line: &'static str| match line.split(' ').collect::<Vec<_>>()[..] {
        [table, id, name] => ((table, name), id.parse().unwrap()),
        _ => panic!("{line}"),
    };
    IDS.lines().map(line).collect()
}

#[test]
fn the_ids_of_columns_are_those_that_they_always_had() {
    let ids = ids();
    for ((table, name), id) in &ids {
        for of in Table::all().filter(|of| ["*", of.name()].contains(table)) {
            let found = PARTITION_KEYS.iter().position(|key| key == name).map(|key| PARTITION_IDS[key]);
            assert_eq!(found.unwrap_or_else(|| field_id(of, name)), *id, "{table} {name}");
        }
    }
    for table in Table::all() {
        let of_table = table.all_fields().map(|field| (table.name(), column_name(field.log)));
        let own = PROVENANCE.iter().map(|own| own.column).chain(PARTITION_KEYS).chain([OTHER_FIELDS]);
        let known: Vec<_> = of_table.chain(own.map(|own| ("*", own.to_owned()))).collect();
        let of = |(table, name): &(&'static str, String)| {
            *ids.get(&(*table, name.as_str())).unwrap_or_else(|| panic!("tests/ids.txt lacks {name} of {table}"))
        };
        assert_eq!(known.iter().map(of).collect::<BTreeSet<_>>().len(), known.len(), "two of {table:?} have one id");
    }
}

/// A field that header lines may name was a column of its own before it is known: with the id of its name.
#[test]
fn fields_that_were_unknown_columns_keep_their_ids() {
    for table in Table::all().filter(|table| matches!(table.framing, Framing::Spaced { .. })) {
        for field in table.all_fields() {
            assert!(field.id == BY_NAME || field.id <= 82, "`{}` came later: its id is BY_NAME", field.log);
        }
    }
    const NEW: crate::schema::Field = field(BY_NAME, "brand-new", Kind::Text, 12, "");
    static WITH_NEW: Log = Log { fields: &[&[NEW], logs::vpc::FIELDS], ..logs::vpc::LOG };
    for name in ["brand_new", "srcaddr"] {
        assert_eq!(field_id(Table::of_test(&WITH_NEW), name), field_id(Table::FLOW_LOGS, name));
    }
}

/// The ids of all that a schema has, by path.
fn ids_within(fields: &[(String, &Field)]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (path, field) in fields {
        found.extend(field.metadata().get(PARQUET_FIELD_ID_META_KEY).map(|id| (path.clone(), id.clone())));
        let within: Vec<&Field> = match field.data_type() {
            DataType::List(element) => vec![element],
            DataType::Struct(members) => members.iter().map(AsRef::as_ref).collect(),
            _ => Vec::new(),
        };
        let within: Vec<_> = within.into_iter().map(|inner| (format!("{path}.{}", inner.name()), inner)).collect();
        found.extend(ids_within(&within));
    }
    found
}

fn of_schema(columns: &[(&str, &str)]) -> (Schema, BTreeMap<String, String>) {
    let fields = columns.iter().map(|(name, kind)| Field::new(*name, kind.parse::<Kind>().unwrap().data_type(), true));
    let schema = Schema::new(fields.collect::<Vec<_>>());
    let with_ids = with_ids(Table::FLOW_LOGS, &schema);
    let fields: Vec<_> = with_ids.fields().iter().map(|field| (field.name().clone(), field.as_ref())).collect();
    let ids = ids_within(&fields);
    (with_ids, ids)
}

#[test]
fn what_is_within_a_column_has_an_id_of_its_own() {
    let columns = [("start", "int64"), ("b", "struct<a:text,c:struct<d:boolean>>"), ("e", "list<struct<a:text>>")];
    let (schema, ids) = of_schema(&columns);
    let paths = ["b", "b.a", "b.c", "b.c.d", "e", "e.element", "e.element.a"];
    let expected = paths.map(|path| (path, id_by_name(path))).into_iter().chain([("start", 21)]);
    assert_eq!(ids, expected.map(|(path, id)| (path.to_owned(), id.to_string())).collect());
    for (field, (_, kind)) in schema.fields().iter().zip(columns) {
        assert_eq!(Kind::of_stored(field.data_type()).unwrap().to_string(), kind);
        assert_eq!(without_ids(field.data_type()), kind.parse::<Kind>().unwrap().data_type());
    }
}

/// Two names of one id, found by trying.
const MEET: [&str; 2] = ["field25669", "field27934"];

#[test]
fn a_file_with_two_columns_of_one_id_has_no_ids() {
    let [one, other] = MEET;
    assert_eq!(id_by_name(one), id_by_name(other));
    assert_eq!(of_schema(&[("a", "text"), (one, "text")]).1.len(), 2);
    let (schema, ids) = of_schema(&[("a", "list<text>"), (one, "text"), (other, "text")]);
    assert_eq!((ids.len(), schema.fields().len()), (0, 3));
}
