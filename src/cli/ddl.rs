//! `flowlake ddl`.

use clap::Args;

use super::{LakeOptions, parse};
use crate::ddl::{Engine, Name};
use crate::schema::Table;

/// Print the statement that makes the lake a table of Athena, Trino, Spark, DuckDB or ClickHouse
#[derive(Debug, Args)]
pub struct Ddl {
    /// The lake: a path, file:// or s3:// URL, or @NAME
    pub lake: String,
    /// The engine that will read it
    #[arg(long, value_name = "NAME", value_enum)]
    pub engine: Engine,
    /// Name to create, such as flow_logs or logs.flow_logs; default: that of the lake's table
    #[arg(long, value_name = "NAME", value_parser = parse::<Name>)]
    pub table: Option<Name>,
    /// Which of the lake's tables; default: the one that --table ends in, else flow_logs
    #[arg(long, value_name = "TABLE", value_parser = table)]
    pub of: Option<Table>,
    /// Where the lake lies for the engine, such as s3://bucket/lake/; default: where it lies now
    #[arg(long, value_name = "URL")]
    pub location: Option<String>,
    /// Print the statement for the folders of Hive's form, also where the table has a Delta log
    #[arg(long)]
    pub hive: bool,
    /// The store of the lake.
    #[command(flatten)]
    pub lake_access: LakeOptions,
}

fn table(text: &str) -> Result<Table, String> {
    let names = Table::all().map(Table::name).collect::<Vec<_>>().join(" or ");
    Table::named(text).ok_or_else(|| format!("\"{text}\" is not {names}"))
}
