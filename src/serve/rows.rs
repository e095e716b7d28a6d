//! The rows of an answer, written as a client wants them, batch after batch.

use std::sync::Arc;

use bytes::BytesMut;
use datafusion::arrow::array::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use futures::{StreamExt, stream};
use pgwire::api::results::{FieldInfo, QueryResponse};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::data::DataRow;

use super::encode::{Column, EncodeError};
use super::errors::engine;
use crate::functions::numbers::decimals;

type Rows = Box<dyn Iterator<Item = PgWireResult<DataRow>> + Send>;

pub(super) fn response(fields: Vec<FieldInfo>, batches: SendableRecordBatchStream) -> QueryResponse {
    let fields = Arc::new(fields);
    let described = fields.clone();
    let rows = batches.flat_map(move |batch| {
        let checked = batch.and_then(|batch| {
            batch.columns().iter().try_for_each(|column| decimals::check(column))?;
            Ok(batch)
        });
        let rows = checked.map_err(engine).and_then(|batch| written(&described, &batch).map_err(PgWireError::from));
        stream::iter(rows.unwrap_or_else(|error| Box::new(std::iter::once(Err(error)))))
    });
    QueryResponse::new(fields, rows)
}

fn written(fields: &Arc<Vec<FieldInfo>>, batch: &RecordBatch) -> Result<Rows, EncodeError> {
    let columns = fields.iter().zip(batch.columns()).map(|(field, array)| Column::new(field.datatype(), array));
    let columns = columns.collect::<Result<Vec<Column>, EncodeError>>()?;
    let fields = fields.clone();
    let mut buffer = BytesMut::new();
    let row = move |row: usize| {
        for (column, field) in columns.iter().zip(fields.iter()) {
            column.write(&mut buffer, row, field.format())?;
        }
        Ok(DataRow::new(buffer.split(), columns.len() as i16))
    };
    Ok(Box::new((0..batch.num_rows()).map(row)))
}
