//! A DataFusion session over the committed files of a lake.
//!
//! ```text
//! ledger ─▶ files, bounds ─▶ LakeTable ─▶ view (start_time, end_time, window) ─┐
//!        └▶ lake.objects, lake.files, lake.rejects, lake.runs ─────────────────┼─▶ SQL ─▶ Answer (a stream) ─▶ format
//! raw logs ─▶ decode ─▶ raw_flow_logs      the user's own CSV, JSON, Parquet ──┘
//! ```
//!
//! The ledger says which files there are; nothing is listed, so that files that are not committed are never read.
//! The session cannot write: statements that would are refused. Memory is bounded; what does not fit spills.

mod answer;
mod any;
mod apart;
mod arguments;
mod arithmetic;
mod array_text;
#[cfg(feature = "serve")]
mod beside;
mod beyond;
mod bounds;
mod bytea;
mod called;
mod depth;
mod diagnosis;
mod digits;
mod distinct;
mod error;
mod exists;
mod floats;
pub mod format;
mod functions;
pub(crate) mod gate;
mod group_casts;
mod grouped;
mod headings;
#[cfg(any(feature = "mcp", feature = "serve"))]
mod interruptible;
mod interval;
mod ledger;
mod ledger_table;
mod limits;
mod lists;
mod literals;
mod memory;
mod names;
mod narrowed;
mod numeric;
mod own_json;
mod own_table;
mod patterns;
mod pushdown;
mod ranges;
mod raw;
mod reading;
mod resident;
mod result_texts;
mod scaled;
mod seen;
mod series;
mod set_texts;
mod sets;
mod span_texts;
mod structs;
mod subscript;
mod table;
mod templates;
mod timestamp;
mod touching;
mod veiled;
mod view;
mod walk;
mod whole;
mod wide;
mod words;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::catalog::{MemorySchemaProvider, SchemaProvider, TableProvider};
use datafusion::common::ParamValues;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::TrackConsumersPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{FunctionRegistry, SessionStateBuilder};
use datafusion::optimizer::analyzer::function_rewrite::ApplyFunctionRewrites;
#[cfg(feature = "mcp")]
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::{SQLOptions, SessionConfig, SessionContext};
use datafusion::scalar::ScalarValue;

use crate::lake::Lake;
use crate::schema::Table;
use ledger::Ledger;
use ledger_table::LedgerTable;
use table::{LakeTable, Scans};

pub use crate::functions::times::TimeZone;
pub use answer::Answer;
#[cfg(feature = "serve")]
pub(crate) use beside::of_parameters;
#[cfg(feature = "serve")]
pub(crate) use bytea::of_text as bytes_of_text;
pub use depth::{STACK_BYTES, TooComplex};
#[cfg(feature = "serve")]
pub(crate) use depth::{check, check_relations};
pub(crate) use diagnosis::nearest;
pub use error::QueryError;
pub use functions::{FunctionHelp, FunctionKind};
pub(crate) use headings::spelled;
#[cfg(feature = "serve")]
pub(crate) use headings::{apart as named_apart, plan as plan_named};
#[cfg(any(feature = "mcp", feature = "serve"))]
pub(crate) use interruptible::{Current, InterruptibleJoins, Wanted};
pub(crate) use memory::SharedPool;
pub use names::Names;
pub use narrowed::Narrowed;
pub use reading::{Read, Reading};
pub(crate) use seen::Seen;
pub use touching::Touching;
#[cfg(feature = "serve")]
pub(crate) use touching::apart as standing_apart;
pub(crate) use veiled::Veiled;
pub use view::Window;
pub(crate) use walk::{walk, walk_mut};
#[cfg(feature = "serve")]
pub(crate) use wide::scan_columns;
#[cfg(feature = "serve")]
pub(crate) use words::of as words_of;

/// Bytes of spill files of one session at most.
const SPILL_BYTES_MAX: u64 = 100 << 30;

/// Consumers of memory that an error names.
const CONSUMERS_NAMED: NonZeroUsize = NonZeroUsize::new(3).expect("not zero");

/// What a session is bounded by, and the zone of its times.
#[derive(Debug, Clone)]
pub struct Options {
    /// Memory of joins, groups and sorts. What they need beyond it is spilled, or is an error.
    pub memory_bytes: u64,
    /// Where spill files lie; the system's temporary folder if `None`.
    pub spill: Option<PathBuf>,
    /// The zone that `start_time` and `end_time` are shown in.
    pub time_zone: TimeZone,
    /// Parts of a statement that run at once; 0 counts as 1.
    pub threads: usize,
}

impl Default for Options {
    fn default() -> Options {
        let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Options { memory_bytes: 2 << 30, spill: None, time_zone: TimeZone::utc(), threads }
    }
}

/// A lake that can be asked.
pub struct Session {
    context: Veiled<SessionContext>,
    tables: BTreeMap<Table, Arc<LakeTable>>,
    /// The names of the user's own files and of raw logs, in the order in which they were added.
    own: Vec<String>,
    scans: Scans,
    unread: Arc<raw::Unread>,
    options: Options,
    lake: Lake,
    /// What ends its joins.
    #[cfg(feature = "mcp")]
    current: Option<Current>,
}

impl Session {
    /// Opens every table of which the lake has a file, and the ledger as tables of the schema `lake`.
    pub async fn open(lake: &Lake, options: Options) -> Result<Session, QueryError> {
        let runtime = runtime(&options)?;
        Session::open_on(lake, options, runtime).await
    }

    async fn open_on(lake: &Lake, options: Options, runtime: Arc<RuntimeEnv>) -> Result<Session, QueryError> {
        let ledger = Ledger::open(lake).await?;
        let live = ledger.live_dates().await?;
        let context = Veiled::new(context_on(&options, runtime)?);
        functions::register(&context);
        let url = url::Url::parse("lake://data").expect("a constant URL");
        context.register_object_store(&url, lake.store.clone());
        let scans = Scans::default();
        let mut tables = BTreeMap::new();
        for (table, dates) in live {
            tables.insert(table, Arc::new(LakeTable::new(lake, table, dates, scans.clone())));
        }
        let schema = MemorySchemaProvider::new();
        for table in LedgerTable::ALL {
            schema.register_table(table.name().to_owned(), table.provider(&ledger, &options.time_zone)?)?;
        }
        let catalog = context.catalog("datafusion").expect("a session has its default catalog");
        catalog.register_schema("lake", Arc::new(schema))?;
        let (own, unread) = (Vec::new(), Arc::default());
        let session = Session {
            context,
            tables,
            own,
            scans,
            unread,
            options,
            lake: lake.clone(),
            #[cfg(feature = "mcp")]
            current: None,
        };
        session.set_window(Window::default(), &[])?;
        Ok(session)
    }

    /// The lake as it is now, with the same options, the same files of the user's own and the same raw logs. Memory and
    /// spill files of both together are bounded.
    pub async fn reopened(&self) -> Result<Session, QueryError> {
        let mut now = Session::open_on(&self.lake, self.options.clone(), self.context.runtime_env()).await?;
        for name in &self.own {
            if now.context.table_exist(name.as_str())? {
                let reason = "the lake has a table of this name now; choose another one".to_owned();
                return Err(QueryError::Table { name: name.clone(), reason });
            }
            let table = self.context.table_provider(name.as_str()).await?;
            now.context.register_table(name.as_str(), table)?;
        }
        now.own.clone_from(&self.own);
        now.unread = Arc::clone(&self.unread);
        #[cfg(feature = "mcp")]
        now.current.clone_from(&self.current);
        Ok(now)
    }

    /// From now on, joins end with the statement that `current` says when they are planned.
    #[cfg(feature = "mcp")]
    pub(crate) fn end_joins_with(&mut self, current: Current) {
        self.current = Some(current);
    }

    /// The lake's tables, their times in another zone than the session's.
    #[cfg(feature = "serve")]
    pub(crate) fn tables_in(
        &self,
        time_zone: &TimeZone,
    ) -> Result<BTreeMap<String, Arc<dyn TableProvider>>, QueryError> {
        let table = |(table, provider): (&Table, &Arc<LakeTable>)| {
            let view = table_view(*table, provider, time_zone.clone(), Window::default(), Vec::new())?;
            Ok((table.name().to_owned(), view))
        };
        self.tables.iter().map(table).collect()
    }

    /// Gives the user's own CSV, JSON or Parquet file as a table.
    pub async fn add_file(&mut self, name: &str, path: &std::path::Path) -> Result<(), QueryError> {
        own_table::register(&self.context, name, path, &self.options.time_zone).await?;
        self.own.push(name.to_owned());
        Ok(())
    }

    /// Gives gzip logs that are not converted as the tables `raw_flow_logs` and `raw_tgw_flow_logs`.
    pub async fn add_raw(&mut self, source: crate::source::Store) -> Result<(), QueryError> {
        for (table, provider) in raw::tables(source, &self.options, &self.unread).await? {
            let view = view::View { time_zone: self.options.time_zone.name(), ..view::View::default() };
            let name = format!("raw_{}", table.name());
            self.context.register_table(name.as_str(), Arc::new(view.of(&name, provider)?))?;
            self.own.push(name);
        }
        Ok(())
    }

    /// Lines and objects of raw logs that could not be read since this was last asked.
    pub fn take_unread(&self) -> (u64, u64) {
        use std::sync::atomic::Ordering::Relaxed;
        (self.unread.lines.swap(0, Relaxed), self.unread.objects.swap(0, Relaxed))
    }

    /// Columns of a lake's table, `None` if the lake has no file of it.
    pub fn columns(&self, table: Table) -> Option<Vec<String>> {
        let table = self.tables.get(&table)?;
        Some(table.schema().fields().iter().map(|field| field.name().clone()).collect())
    }

    /// Rows of all tables, as the ledger counts them.
    pub fn rows(&self) -> u64 {
        self.tables.values().map(|table| table.rows()).sum()
    }

    /// Rows of one table, `None` if the lake has no file of it.
    #[cfg(feature = "mcp")]
    pub(crate) fn rows_of(&self, table: Table) -> Option<u64> {
        Some(self.tables.get(&table)?.rows())
    }

    /// The least and greatest `start` of a table, Unix seconds.
    pub fn starts(&self, table: Table) -> Option<(i64, i64)> {
        self.tables.get(&table)?.starts()
    }

    /// The zone that times are shown in, and that a time without an offset is taken to be of.
    pub fn time_zone(&self) -> &TimeZone {
        &self.options.time_zone
    }

    /// What the session was opened with: not all of the memory, but that of joins, groups and sorts.
    pub fn memory_bytes(&self) -> u64 {
        self.options.memory_bytes
    }

    /// The lake that was opened. Files that are committed later are in a [reopened](Session::reopened) session only.
    pub fn lake(&self) -> &Lake {
        &self.lake
    }

    /// URL of the lake, ending in `/`.
    pub fn lake_url(&self) -> &str {
        self.lake.names.lake_url()
    }

    /// The session's own engine, for those who speak to it in other ways than [`Session::sql`].
    pub fn context(&self) -> &SessionContext {
        &self.context
    }

    /// Plans one statement and begins to run it. Statements that would write are refused.
    pub async fn sql(&self, statement: &str) -> Result<Answer, QueryError> {
        self.ask(statement, ParamValues::List(Vec::new())).await
    }

    /// Like [`Session::sql`], with a value for each `$name` in the statement.
    pub async fn sql_with(
        &self,
        statement: &str,
        values: impl IntoIterator<Item = (String, ScalarValue)>,
    ) -> Result<Answer, QueryError> {
        let values: Vec<(String, ScalarValue)> = values.into_iter().collect();
        self.ask(statement, ParamValues::from(values)).await
    }

    async fn ask(&self, statement: &str, values: ParamValues) -> Result<Answer, QueryError> {
        depth::check(statement)?;
        let fail = |error| diagnosis::of(statement, error, self);
        let read_only = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        let state = self.context.state();
        let dialect = state.config().options().sql_parser.dialect;
        let apart = touching::apart(statement)?;
        let parsed = state.sql_to_statement(&apart, &dialect).map_err(fail)?;
        let is_scalar = |name: &str| state.scalar_functions().contains_key(name);
        if let Some(refusal) = gate::refusal_of(&parsed, &is_scalar) {
            return Err(refusal.into());
        }
        if let Some(statement) = gate::question(&parsed) {
            depth::check_relations(statement)?;
        }
        let mut parsed = parsed;
        if let Some(statement) = gate::question_mut(&mut parsed) {
            spelled(statement);
            headings::apart(statement);
        }
        let plan = headings::plan(&state, parsed).await.map_err(fail)?;
        // The gate has judged the words; this judges what became of them.
        read_only.verify_plan(&plan).map_err(fail)?;
        if let Some(refusal) = gate::planned(&plan) {
            return Err(refusal.into());
        }
        let mut frame = self.context.execute_logical_plan(plan).await.map_err(fail)?;
        if !matches!(&values, ParamValues::List(list) if list.is_empty()) {
            frame = frame.with_param_values(values).map_err(fail)?;
        }
        let task = Arc::new(frame.task_ctx());
        let plan = frame.create_physical_plan().await.map_err(fail)?;
        #[cfg(feature = "mcp")]
        let plan = match &self.current {
            Some(current) => {
                InterruptibleJoins(current.clone()).optimize(plan, state.config_options()).map_err(fail)?
            }
            None => plan,
        };
        let reading = Reading::of(&plan);
        let stream = execute_stream(plan, task).map_err(fail)?;
        Ok(Answer::new(stream, reading, self.options.memory_bytes))
    }

    /// The plans of a statement, and the files that the ledger left of each scan. The statement does not run.
    pub async fn explain(&self, statement: &str) -> Result<String, QueryError> {
        let scans = self.scans.listen();
        let explained = self.sql(&format!("EXPLAIN FORMAT INDENT {statement}")).await;
        // The statement itself says better where it is wrong.
        let batches = match explained {
            Ok(answer) => answer.collect().await?,
            Err(error) => {
                self.sql(statement).await?;
                return Err(error);
            }
        };
        let mut text = String::new();
        for batch in &batches {
            let column = |at: usize| datafusion::arrow::compute::cast(batch.column(at), &DataType::Utf8);
            let (kinds, plans) = (column(0).map_err(QueryError::arrow)?, column(1).map_err(QueryError::arrow)?);
            use datafusion::arrow::array::AsArray;
            for (kind, plan) in kinds.as_string::<i32>().iter().zip(plans.as_string::<i32>()) {
                text += &format!("{}:\n{}\n", kind.unwrap_or_default(), plan.unwrap_or_default().trim_end());
            }
        }
        for scan in scans.notes() {
            text += &format!("{scan}\n");
        }
        Ok(text)
    }
}

/// Memory and spill files.
fn runtime(options: &Options) -> Result<Arc<RuntimeEnv>, QueryError> {
    let memory = usize::try_from(options.memory_bytes).unwrap_or(usize::MAX);
    let pool = TrackConsumersPool::new(SharedPool::new(memory), CONSUMERS_NAMED);
    let mode = match &options.spill {
        Some(folder) => DiskManagerMode::Directories(vec![folder.clone()]),
        None => DiskManagerMode::OsTmpDirectory,
    };
    let disk = DiskManagerBuilder::default().with_mode(mode).with_max_temp_directory_size(SPILL_BYTES_MAX);
    Ok(RuntimeEnvBuilder::new().with_memory_pool(Arc::new(pool)).with_disk_manager_builder(disk).build_arc()?)
}

fn context_on(options: &Options, runtime: Arc<RuntimeEnv>) -> Result<SessionContext, QueryError> {
    let mut config = SessionConfig::new()
        .with_information_schema(true)
        .with_target_partitions(options.threads.max(1))
        .set_bool("datafusion.sql_parser.collect_spans", true)
        // The largest first, as in DuckDB: a sum of nothing is no large one.
        .set_str("datafusion.sql_parser.default_null_ordering", "nulls_last")
        // The bounds that it makes of several `min` and `max` leave out rows which the others need.
        .set_bool("datafusion.optimizer.enable_aggregate_dynamic_filter_pushdown", false);
    let execution = &mut config.options_mut().execution;
    // Columns beside those of a filter are read only where it holds.
    execution.parquet.pushdown_filters = true;
    // Grouping before rows are sent to their partition is given up where it keeps more than half of them.
    execution.skip_partial_aggregation_probe_ratio_threshold = 0.5;
    // `IS TRUE` and its kin are never null to the plan and may be null to what runs it, which was an error.
    execution.skip_physical_aggregate_schema_check = true;
    execution.time_zone = Some(options.time_zone.name().to_owned());
    let state = SessionStateBuilder::new().with_config(config).with_runtime_env(runtime);
    // Before the engine's own planners, which are asked after it.
    let state = subscript::plan(state).with_default_features();
    let mut context = SessionContext::new_with_state(set_texts::first(pushdown::replace(state)).build());
    // Before the engine's own rules, which look for the types of both.
    context.register_function_rewrite(Arc::new(span_texts::SpanTexts))?;
    context.register_function_rewrite(Arc::new(result_texts::ResultTexts))?;
    context.register_function_rewrite(Arc::new(numeric::DigitsOfRound))?;
    // After the engine's own rules, which give every expression its type.
    let own = ApplyFunctionRewrites::new(vec![
        Arc::new(array_text::TextsAsLists),
        Arc::new(timestamp::OwnCasts),
        Arc::new(beyond::BeyondTimestamps),
        Arc::new(arithmetic::CheckedNumbers),
        Arc::new(interval::ComparedIntervals),
        Arc::new(lists::PlainLists),
        Arc::new(whole::Whole),
        Arc::new(patterns::OwnPatterns),
        Arc::new(templates::OwnTemplates),
        Arc::new(ranges::FixedRanges),
        Arc::new(structs::UnorderedStructs),
    ]);
    context.add_analyzer_rule(Arc::new(own));
    context.add_analyzer_rule(Arc::new(apart::Apart));
    context.add_analyzer_rule(Arc::new(exists::CountedExists));
    // Behind the others, which would go through a float's function again and again for its type.
    context.add_analyzer_rule(Arc::new(ApplyFunctionRewrites::new(vec![Arc::new(floats::PlainFloats)])));
    context.add_analyzer_rule(Arc::new(floats::PlainAggregates));
    series::register(&context);
    functions::replace(&context, options.memory_bytes);
    Ok(context)
}

/// A table of the lake as statements see it: its view, which a table of very many columns makes anew for each scan.
fn table_view(
    table: Table,
    provider: &Arc<LakeTable>,
    time_zone: TimeZone,
    window: Window,
    optional: Vec<(String, DataType)>,
) -> Result<Arc<dyn TableProvider>, QueryError> {
    let view = move |provider: Arc<LakeTable>| {
        let (time_zone, starts) = (time_zone.name(), provider.starts());
        view::View { time_zone, window, optional: optional.clone(), starts }.of(table.name(), provider)
    };
    Ok(match provider.schema().fields().len() >= table::COLUMNS_MIN_OF_WIDE {
        true => Arc::new(wide::Wide::new(provider.clone(), Box::new(view))?),
        false => Arc::new(view(provider.clone())?),
    })
}

#[cfg(test)]
fn context(options: &Options) -> Result<SessionContext, QueryError> {
    context_on(options, runtime(options)?)
}

#[cfg(test)]
mod tests;
