//! A DataFusion session over the committed files of a lake.
//!
//! The ledger says which files there are; nothing is listed, so that files that are not committed are never read.
//! The session cannot write: its tables take no inserts.

mod table;

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::record_batch::RecordBatch;
use datafusion::error::DataFusionError;
use datafusion::prelude::{SQLOptions, SessionConfig, SessionContext};

use crate::lake::{DataFile, Lake, LakeError, State};
use crate::schema::Table;
use table::LakeTable;

/// Why a question could not be answered.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    #[error(transparent)]
    Lake(#[from] LakeError),
    #[error("the query failed: {0}")]
    Engine(#[from] DataFusionError),
}

/// A lake that can be asked.
pub struct Session {
    context: SessionContext,
}

impl Session {
    /// Opens every table of which the lake has a file.
    pub async fn open(lake: &Lake) -> Result<Session, QueryError> {
        let state = State::load(lake).await?;
        let mut files: BTreeMap<Table, Vec<DataFile>> = BTreeMap::new();
        for head in state.heads(lake).await? {
            for file in head.files {
                files.entry(file.table).or_default().push(file);
            }
        }
        let config = SessionConfig::new().with_information_schema(true);
        let context = SessionContext::new_with_config(config);
        let url = url::Url::parse("lake://data").expect("a constant URL");
        context.register_object_store(&url, lake.store.clone());
        for (table, files) in files {
            context.register_table(table.name(), Arc::new(LakeTable::new(lake, files)))?;
        }
        Ok(Session { context })
    }

    /// The session's own engine, for those who speak to it in other ways than [`Session::sql`].
    pub fn context(&self) -> &SessionContext {
        &self.context
    }

    /// The rows that one statement gives. Statements that would write are refused.
    pub async fn sql(&self, statement: &str) -> Result<Vec<RecordBatch>, QueryError> {
        let read_only = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        Ok(self.context.sql_with_options(statement, read_only).await?.collect().await?)
    }
}
