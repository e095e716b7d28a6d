//! The lake's tables as a report sees them: a window of time, and nulls for fields that it can do without.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::catalog::TableProvider;

use super::table::LakeTable;
use super::{QueryError, Session, Window, table_view};
use crate::schema::{Kind, Table};

impl Session {
    /// Narrows the lake's tables to a window of `start`, and gives `optional` columns that the lake lacks as nulls,
    /// until the value is dropped. `before` is another window of the flow logs, and the name of the table that is it; a
    /// table of the user's own that has this name is back afterwards.
    pub fn narrowed(
        &self,
        window: Window,
        before: Option<(&'static str, Window)>,
        optional: &[&str],
    ) -> Result<Narrowed<'_>, QueryError> {
        let hidden = match before {
            Some((name, _)) => Some((name, self.context.deregister_table(name)?)),
            None => None,
        };
        let narrowed = Narrowed { session: self, hidden };
        self.set_window(window, optional)?;
        if let Some((name, window)) = before
            && let Some(provider) = self.tables.get(&Table::FLOW_LOGS)
        {
            self.define(name, Table::FLOW_LOGS, provider, window, optional)?;
        }
        Ok(narrowed)
    }

    pub(super) fn set_window(&self, window: Window, optional: &[&str]) -> Result<(), QueryError> {
        for (&table, provider) in &self.tables {
            self.define(table.name(), table, provider, window, optional)?;
        }
        Ok(())
    }

    fn define(
        &self,
        name: &str,
        table: Table,
        provider: &Arc<LakeTable>,
        window: Window,
        optional: &[&str],
    ) -> Result<(), QueryError> {
        let optional = optional.iter().map(|column| ((*column).to_owned(), type_of(column, table))).collect();
        let view = table_view(table, provider, self.options.time_zone.clone(), window, optional)?;
        self.context.deregister_table(name)?;
        self.context.register_table(name, view)?;
        Ok(())
    }
}

/// Tables that are narrowed to a window. Statements that were planned meanwhile keep it when this is dropped.
pub struct Narrowed<'a> {
    session: &'a Session,
    /// The name that another window has meanwhile, and what had it before.
    hidden: Option<(&'static str, Option<Arc<dyn TableProvider>>)>,
}

impl Drop for Narrowed<'_> {
    fn drop(&mut self) {
        // The same was done when the session was opened.
        let _ = self.session.set_window(Window::default(), &[]);
        if let Some((name, own)) = self.hidden.take() {
            let _ = self.session.context.deregister_table(name);
            if let Some(own) = own {
                let _ = self.session.context.register_table(name, own);
            }
        }
    }
}

/// The type of a documented field where no file of the lake has it.
fn type_of(column: &str, table: Table) -> DataType {
    match table.kind(column).map(Kind::data_type) {
        None | Some(DataType::Utf8) => DataType::Utf8View,
        Some(other) => other,
    }
}
