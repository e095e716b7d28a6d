//! The rows of one statement, as they come.

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;

use super::resident::Watch;
use super::{QueryError, Reading};
use crate::functions::numbers::decimals;

/// A statement that runs. Dropping it cancels it.
pub struct Answer {
    stream: SendableRecordBatchStream,
    reading: Option<Reading>,
    memory_bytes: u64,
    watch: Option<Watch>,
}

impl Answer {
    pub(super) fn new(stream: SendableRecordBatchStream, reading: Reading, memory_bytes: u64) -> Answer {
        Answer { stream, reading: Some(reading), memory_bytes, watch: Some(Watch::begin(memory_bytes)) }
    }

    /// Rows that are there already.
    pub fn of(rows: RecordBatch) -> Answer {
        let schema = rows.schema();
        let stream = RecordBatchStreamAdapter::new(schema, futures::stream::iter([Ok(rows)]));
        Answer { stream: Box::pin(stream), reading: None, memory_bytes: 0, watch: None }
    }

    /// The same answer with other batches of another schema.
    pub(super) fn map(
        self,
        schema: SchemaRef,
        change: impl FnMut(RecordBatch) -> datafusion::error::Result<RecordBatch> + Send + 'static,
    ) -> Answer {
        let mut change = change;
        let stream = self.stream.map(move |batch| batch.and_then(&mut change));
        Answer { stream: Box::pin(RecordBatchStreamAdapter::new(schema, stream)), ..self }
    }

    /// What tells how far the statement is, `None` of rows that were there already.
    pub fn reading(&self) -> Option<Reading> {
        self.reading.clone()
    }

    /// The columns of every batch, known before the first one. Two of them may have one name.
    pub fn schema(&self) -> SchemaRef {
        self.stream.schema()
    }

    /// The next rows, `None` after the last ones.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>, QueryError> {
        let next = match &self.watch {
            None => self.stream.next().await,
            Some(watch) => tokio::select! {
                biased;
                () = watch.exceeded() => return Err(QueryError::held(self.memory_bytes)),
                next = self.stream.next() => next,
            },
        };
        let next = next.transpose().and_then(|batch| {
            batch.iter().flat_map(RecordBatch::columns).try_for_each(|column| decimals::check(column))?;
            Ok(batch)
        });
        next.map_err(|error| QueryError::while_running(error, self.memory_bytes))
    }

    /// All rows, for results that are known to be small.
    pub async fn collect(mut self) -> Result<Vec<RecordBatch>, QueryError> {
        let mut batches = Vec::new();
        while let Some(batch) = self.next().await? {
            batches.push(batch);
        }
        Ok(batches)
    }
}
