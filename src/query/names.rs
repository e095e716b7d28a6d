//! What a statement may name: tables, their columns, and functions.

use std::collections::BTreeMap;

use super::Session;
use super::functions::FunctionHelp;
use super::ledger_table::LedgerTable;

/// Names for completion, lists and hints.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Tables, and their columns with types.
    pub tables: BTreeMap<String, Vec<(String, String)>>,
    /// By name.
    pub functions: Vec<FunctionHelp>,
}

impl Session {
    pub(super) fn table_names(&self) -> Vec<String> {
        let catalog = self.context.catalog("datafusion").expect("a session has its default catalog");
        let mut names = catalog.schema("public").map_or(Vec::new(), |schema| schema.table_names());
        names.extend(LedgerTable::ALL.map(|table| format!("lake.{}", table.name())));
        names.sort();
        names
    }

    /// All that a statement may name as things are now.
    pub async fn names(&self) -> Names {
        let mut names = Names::default();
        let catalog = self.context.catalog("datafusion").expect("a session has its default catalog");
        for (schema, prefix) in [("public", ""), ("lake", "lake.")] {
            let Some(schema) = catalog.schema(schema) else { continue };
            for table in schema.table_names() {
                let Ok(Some(provider)) = schema.table(&table).await else { continue };
                let columns =
                    provider.schema().fields().iter().map(|f| (f.name().clone(), f.data_type().to_string())).collect();
                names.tables.insert(format!("{prefix}{table}"), columns);
            }
        }
        names.functions = super::functions::help(&self.context.state());
        names
    }
}
