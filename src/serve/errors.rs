//! What goes wrong, in Postgres's terms: its codes, where clients act on them.

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use pgwire::error::{ErrorInfo, PgWireError};

use super::encode::EncodeError;
use crate::query::{QueryError, TooComplex, words_of};

/// An error that ends a statement, not the connection.
pub(super) fn refused(code: &str, text: impl Into<String>) -> PgWireError {
    PgWireError::UserError(Box::new(ErrorInfo::new("ERROR".to_owned(), code.to_owned(), text.into())))
}

/// An error that ends the connection.
pub(super) fn fatal(code: &str, text: impl Into<String>) -> PgWireError {
    PgWireError::UserError(Box::new(ErrorInfo::new("FATAL".to_owned(), code.to_owned(), text.into())))
}

/// An error of the engine.
pub(super) fn engine(error: DataFusionError) -> PgWireError {
    let root = error.find_root();
    let text = root.strip_backtrace();
    let code = match root {
        DataFusionError::ResourcesExhausted(_) => "53200",
        DataFusionError::SQL(..) => "42601",
        DataFusionError::SchemaError(schema, _) => match schema.as_ref() {
            SchemaError::FieldNotFound { .. } => "42703",
            SchemaError::AmbiguousReference { .. } => "42702",
            _ => "42000",
        },
        DataFusionError::Plan(_) if text.contains("table '") && text.contains("not found") => "42P01",
        DataFusionError::Plan(_) if text.contains("Invalid function") => "42883",
        DataFusionError::Plan(_) => "42000",
        DataFusionError::NotImplemented(_) => "0A000",
        DataFusionError::ArrowError(arrow, _) => match arrow.as_ref() {
            datafusion::arrow::error::ArrowError::DivideByZero => "22012",
            datafusion::arrow::error::ArrowError::CastError(_) => "22P02",
            datafusion::arrow::error::ArrowError::ArithmeticOverflow(_) => "22003",
            _ => "XX000",
        },
        DataFusionError::Execution(_) => "22000",
        // A filter that the reader of files asked tells its error as a text.
        DataFusionError::ParquetError(_) if text.contains("DivideByZero") => "22012",
        DataFusionError::ParquetError(_) if text.contains("CastError(") => "22P02",
        DataFusionError::ParquetError(_) if text.contains("Execution(") => "22000",
        _ => "XX000",
    };
    refused(code, words_of(&error))
}

/// A statement that cannot be planned, since the ledger cannot be read.
pub(super) fn unread(error: QueryError) -> PgWireError {
    const IO_ERROR: &str = "58030";
    refused(IO_ERROR, error.to_string())
}

pub(super) fn too_complex(error: TooComplex) -> PgWireError {
    const STATEMENT_TOO_COMPLEX: &str = "54001";
    refused(STATEMENT_TOO_COMPLEX, error.to_string())
}

impl From<EncodeError> for PgWireError {
    fn from(error: EncodeError) -> PgWireError {
        let code = match error {
            EncodeError::Type(_) | EncodeError::Ragged => "0A000",
            EncodeError::Range(_) | EncodeError::Arrow(_) => "22003",
            EncodeError::Changed { .. } => "0A000",
        };
        refused(code, error.to_string())
    }
}
