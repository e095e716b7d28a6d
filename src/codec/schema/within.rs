//! A field of Arrow with what is within it, lists and structs followed down: with ids, or without.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use parquet::arrow::PARQUET_FIELD_ID_META_KEY;

/// The field with the id that is given to its path, and those within it with theirs, where Parquet's writer looks for
/// them. A member or an element has the path that Iceberg calls it by: `browser.name`, `accepts.element`.
pub fn with_ids(field: &Field, path: &str, give: &mut dyn FnMut(&str) -> Option<i32>) -> Field {
    let id = give(path).map(|id| (PARQUET_FIELD_ID_META_KEY.to_owned(), id.to_string()));
    let mut within = |inner: &Arc<Field>| Arc::new(with_ids(inner, &format!("{path}.{}", inner.name()), give));
    let data_type = match field.data_type() {
        DataType::List(element) => DataType::List(within(element)),
        DataType::Struct(members) => DataType::Struct(members.iter().map(within).collect()),
        plain => plain.clone(),
    };
    Field::new(field.name(), data_type, field.is_nullable()).with_metadata(id.into_iter().collect())
}

/// A type without the ids of what is within it: whether a file has them makes no difference to its values.
pub fn without_ids(stored: &DataType) -> DataType {
    with_ids(&Field::new("", stored.clone(), true), "", &mut |_| None).data_type().clone()
}
