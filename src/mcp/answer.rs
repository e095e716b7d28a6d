//! The rows of an answer as JSON, no more than an assistant has room for. What is cut off is said.

use datafusion::arrow::datatypes::{FieldRef, SchemaRef};
use serde_json::{Value, json};

use super::ToolError;
use crate::query::Answer;
use crate::query::format::exact;

/// How much of an answer is given.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Rows at most.
    pub rows: usize,
    /// Of the JSON of the rows and the names of their columns.
    pub bytes: usize,
}

/// What one answer may still hold.
pub(super) struct Left {
    bytes: usize,
}

impl Left {
    pub fn of(bytes: usize) -> Left {
        Left { bytes }
    }

    /// Takes room for a value; `false` if there is not enough.
    pub fn take(&mut self, value: &Value) -> bool {
        // And a comma.
        match self.bytes.checked_sub(value.to_string().len() + 1) {
            Some(left) => {
                self.bytes = left;
                true
            }
            None => false,
        }
    }
}

/// Reads as many rows as there is room for, and ends the statement there.
pub(super) async fn read(mut answer: Answer, room: Room) -> Result<Value, ToolError> {
    let columns = columns(&answer.schema());
    let mut left = Left::of(room.bytes);
    if !left.take(&columns) {
        return Err(ToolError::TooWide { limit: bytesize::ByteSize(room.bytes as u64) });
    }
    let (mut rows, mut cut) = (Vec::new(), None);
    'answer: while let Some(batch) = answer.next().await? {
        for at in 0..batch.num_rows() {
            if rows.len() == room.rows {
                cut = Some("max_rows");
                break 'answer;
            }
            // One by one: a single row may hold more than all that there is room for.
            let Some(row) = exact::rows_within(&batch.slice(at, 1), left.bytes)? else {
                cut = Some("the size of an answer");
                break 'answer;
            };
            for row in row {
                let row = Value::Array(row);
                if !left.take(&row) {
                    cut = Some("the size of an answer");
                    break 'answer;
                }
                rows.push(row);
            }
        }
    }
    let mut said = json!({ "columns": columns, "rows_shown": rows.len(), "truncated": cut.is_some() });
    if let Some(limit) = cut {
        let shown = rows.len();
        said["note"] = json!(format!(
            "only the first {shown} rows are shown, there are more: {limit} ended the answer; count, group or narrow \
             the question"
        ));
    }
    said["rows"] = Value::Array(rows);
    Ok(said)
}

fn columns(schema: &SchemaRef) -> Value {
    let column = |field: &FieldRef| json!({ "name": field.name(), "type": field.data_type().to_string() });
    Value::Array(schema.fields().iter().map(column).collect())
}
