//! From the text of a statement to what is run: parsed, judged, turned into the engine's SQL, planned.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::Field;
use datafusion::common::ParamValues;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::prelude::{SQLOptions, SessionContext};
use datafusion::scalar::ScalarValue;
use datafusion::sql::parser::Statement as EngineStatement;
use datafusion::sql::sqlparser::ast::{self, Statement, Visitor};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;
use futures::future::BoxFuture;
use pgwire::api::portal::{Format, Portal};
use pgwire::api::results::{FieldFormat, FieldInfo};
use pgwire::api::stmt::QueryParser;
use pgwire::api::{ClientInfo, Type};
use pgwire::error::{PgWireError, PgWireResult};
use tokio::sync::Mutex;

use super::catalog::Catalog;
use super::command::{self, Command, described};
use super::encode::{array_type, postgres_type};
use super::errors::{engine, refused, too_complex, unread};
use super::settings::Settings;
use super::{parameters, read_only, rewrite};
use crate::query::{Veiled, named_apart, of_parameters, plan_named, spelled, standing_apart, walk};

/// Parameters of a statement, as in Postgres: the protocol counts them in two bytes.
const PARAMETERS_MAX: usize = u16::MAX as usize;

/// Columns of a result: the protocol counts them in two bytes, with a sign.
const COLUMNS_MAX: usize = i16::MAX as usize;

/// A statement that is ready to run, once its parameters have values.
#[derive(Debug)]
pub(super) enum Prepared {
    Command(Command),
    Question(Box<Question>),
}

#[derive(Debug)]
pub(super) struct Question {
    /// As the engine takes it.
    statement: Veiled<Statement>,
    plan: Veiled<LogicalPlan>,
    /// The zone that it was planned with.
    zone: String,
    columns: Vec<(String, Type)>,
    parameters: Vec<Type>,
}

/// Plans the statements of one connection.
pub(super) struct Planner {
    context: Veiled<SessionContext>,
    catalog: Arc<Catalog>,
    settings: Settings,
    /// The zone that the engine has now.
    zone: Mutex<String>,
}

impl Planner {
    pub(super) fn new(context: SessionContext, catalog: Arc<Catalog>, settings: Settings) -> Planner {
        Planner { context: Veiled::new(context), catalog, settings, zone: Mutex::default() }
    }

    /// The statements of a text.
    pub(super) fn parse(&self, sql: &str) -> PgWireResult<Vec<Veiled<Statement>>> {
        crate::query::check(sql).map_err(too_complex)?;
        let apart = standing_apart(sql).map_err(|touching| refused("42601", touching.to_string()))?;
        let parsed = Parser::parse_sql(&PostgreSqlDialect {}, &apart);
        let parsed = parsed.map_err(|error| engine(DataFusionError::SQL(Box::new(error), None)))?;
        Ok(parsed.into_iter().map(Veiled::new).collect())
    }

    /// Looks for new commits, and brings the engine to the session's zone.
    pub(super) fn refresh(&self) -> BoxFuture<'_, PgWireResult<()>> {
        Box::pin(async {
            self.catalog.refresh().await.map_err(unread)?;
            let wanted = self.settings.time_zone();
            let mut zone = self.zone.lock().await;
            if *zone != wanted.name() {
                let set = format!("SET datafusion.execution.time_zone = '{}'", wanted.name());
                self.context.sql(&set).await.map_err(engine)?;
                *zone = wanted.name().to_owned();
            }
            Ok(())
        })
    }

    /// Judges and plans a statement. `declared` are the types that the client says its parameters have.
    pub(super) fn prepare<'a>(
        &'a self,
        statement: &'a Statement,
        declared: &'a [Option<Type>],
    ) -> BoxFuture<'a, PgWireResult<Prepared>> {
        Box::pin(self.judge_and_plan(statement.clone(), declared))
    }

    async fn judge_and_plan(&self, mut statement: Statement, declared: &[Option<Type>]) -> PgWireResult<Prepared> {
        read_only::check_command(&statement)?;
        if let Some(command) = command::of(&statement)? {
            return Ok(Prepared::Command(command));
        }
        let names = rewrite::column_names(&statement);
        let (told, declared) = with_told(rewrite::told(&statement), declared);
        let state = self.context.state();
        let is_aggregate = |name: &str| state.aggregate_functions().contains_key(name);
        let found = rewrite::rewrite(&mut statement, &is_aggregate);
        spelled(&mut statement);
        named_apart(&mut statement);
        if found.parameters.last().is_some_and(|&last| last > PARAMETERS_MAX) {
            return Err(refused("54000", format!("a statement has at most {PARAMETERS_MAX} parameters")));
        }
        read_only::check_question(&statement, &|name| state.scalar_functions().contains_key(name))?;
        let mut types = types_of(&declared)?;
        let lists = self.lists(&statement, &declared).await?;
        for (number, kind) in &lists {
            types.insert(*number, sql_type(&parameters::sql_name(kind).unwrap_or_else(|| "TEXT[]".to_owned()))?);
        }
        rewrite::give_types(&mut statement, &types);
        let mut plan = self.plan(&statement, found.asks_catalog).await;
        if let (Err(_), true) = (&plan, found.asks_catalog)
            && let Some(without_rows) = rewrite::without_rows(&statement, &is_aggregate)
        {
            statement = without_rows;
            plan = self.plan(&statement, false).await;
        }
        let mut plan = plan?;
        let mut wanted = parameter_types(&plan);
        wanted.extend(lists.into_iter().map(|(number, kind)| (number, Ok(kind))));
        // The engine has one type for several of Postgres's.
        wanted.extend(told.into_iter().map(|(number, kind)| (number, Ok(kind))));
        // The engine says nothing of a list, though a cast tells what it is.
        for (at, kind) in declared.iter().enumerate() {
            if let Some(kind) = kind.as_ref().filter(|kind| parameters::sql_name(kind).is_some()) {
                wanted.entry(at + 1).or_insert_with(|| Ok(kind.clone()));
            }
        }
        for (number, kind) in beside(&plan) {
            wanted.entry(number).or_insert(Err(kind));
        }
        // What nothing in the statement tells is a number behind LIMIT, else a text, as in Postgres.
        let limits = limits(&statement);
        let unknown = found.parameters.iter().filter(|number| !matches!(wanted.get(number), Some(Ok(_))));
        let unknown: BTreeMap<usize, Type> = unknown
            .map(|number| {
                (*number, if limits.contains(number) { Type::INT8 } else { conflict_or_text(wanted.get(number)) })
            })
            .collect();
        if !unknown.is_empty() {
            let mut types = BTreeMap::new();
            for (number, kind) in &unknown {
                types.insert(*number, sql_type(&parameters::sql_name(kind).unwrap_or_else(|| "TEXT".to_owned()))?);
            }
            rewrite::give_types(&mut statement, &types);
            plan = self.plan(&statement, false).await?;
            wanted.extend(unknown.into_iter().map(|(number, kind)| (number, Ok(kind))));
        }
        let count = found.parameters.last().copied().unwrap_or(0).max(declared.len());
        let kind =
            |number: usize| wanted.get(&number).and_then(|kind| kind.as_ref().ok()).cloned().unwrap_or(Type::TEXT);
        let parameters: Vec<Type> = (1..=count).map(kind).collect();
        let bound: Vec<Type> = (0..count).map(|at| bound_type(declared.get(at), &parameters[at]).clone()).collect();
        let columns = columns(&self.settled(&plan, &bound), &names)?;
        let zone = self.settings.time_zone().name().to_owned();
        let (statement, plan) = (Veiled::new(statement), Veiled::new(plan));
        Ok(Prepared::Question(Box::new(Question { statement, plan, zone, columns, parameters })))
    }

    /// The types of parameters behind `ANY`, which are lists of what stands before it, unless the client says another
    /// type.
    async fn lists(&self, statement: &Statement, declared: &[Option<Type>]) -> PgWireResult<BTreeMap<usize, Type>> {
        let mut numbers = rewrite::lists(statement);
        let said = |number: usize| declared.get(number.checked_sub(1)?)?.as_ref().and_then(parameters::sql_name);
        numbers.retain(|&number| said(number).is_none());
        if numbers.is_empty() {
            return Ok(BTreeMap::new());
        }
        // What cannot be planned may still be known to have no rows. Nothing tells the types then.
        let plan = self.plan(&rewrite::element_by_element(statement), false).await;
        let elements = plan.map(|plan| parameter_types(&plan)).unwrap_or_default();
        let list = |number: usize| {
            let element = elements.get(&number).cloned().and_then(Result::ok).unwrap_or(Type::TEXT);
            let list = array_type(&element);
            (number, if list == element { Type::TEXT_ARRAY } else { list })
        };
        Ok(numbers.into_iter().map(list).collect())
    }

    /// `whole`: whether it must also be a plan that can run, which some are found not to be when they are optimised.
    async fn plan(&self, statement: &Statement, whole: bool) -> PgWireResult<LogicalPlan> {
        let state = self.context.state();
        let parsed = EngineStatement::Statement(Box::new(statement.clone()));
        let plan = plan_named(&state, parsed).await.map_err(engine)?;
        let questions = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        questions.verify_plan(&plan).map_err(engine)?;
        read_only::check_plan(&plan)?;
        if whole {
            state.optimize(&plan).map_err(engine)?;
        }
        Ok(plan)
    }

    /// The plan with the types that its columns turn out to have: those of CASE and UNION are widened only once it is
    /// analyzed. Parameters are nulls of their types there, as they will be values of these types when it runs.
    fn settled(&self, plan: &LogicalPlan, parameters: &[Type]) -> LogicalPlan {
        let state = self.context.state();
        let analyze = |plan| state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {});
        let zone = self.settings.time_zone();
        let null = |kind| parameters::value(kind, None, FieldFormat::Text, zone.name()).ok();
        let nulls: Option<Vec<ScalarValue>> = parameters.iter().map(null).collect();
        let with_nulls = nulls.and_then(|nulls| plan.clone().replace_params_with_values(&nulls.into()).ok());
        // A function that takes no null there may still take a parameter.
        let analyzed = with_nulls.and_then(|plan| analyze(plan).ok()).or_else(|| analyze(plan.clone()).ok());
        analyzed.unwrap_or_else(|| plan.clone())
    }

    /// Begins to run a question.
    pub(super) fn run<'a>(
        &'a self,
        question: &'a Question,
        values: ParamValues,
    ) -> BoxFuture<'a, PgWireResult<SendableRecordBatchStream>> {
        Box::pin(async move {
            let mut plan = LogicalPlan::clone(&question.plan);
            if question.zone != self.settings.time_zone().name() {
                plan = self.plan(&question.statement, false).await?;
            }
            if !question.parameters.is_empty() {
                plan = plan.replace_params_with_values(&values).map_err(engine)?;
            }
            DataFrame::new(self.context.state(), plan).execute_stream().await.map_err(engine)
        })
    }

    /// The values that a client bound to a question's parameters.
    pub(super) fn values(&self, question: &Question, portal: &Portal<Arc<Prepared>>) -> PgWireResult<ParamValues> {
        let (needed, given) = (question.parameters.len(), portal.parameters.len());
        if needed != given {
            return Err(refused(
                "08P01",
                format!("the statement has {needed} parameters, and {given} values were bound"),
            ));
        }
        let zone = self.settings.time_zone();
        let mut values = Vec::with_capacity(given);
        for (at, bytes) in portal.parameters.iter().enumerate() {
            let declared = portal.statement.parameter_types.get(at);
            let kind = bound_type(declared, &question.parameters[at]);
            let format = format_at(&portal.parameter_format, at)?;
            let value = parameters::value(kind, bytes.as_deref(), format, zone.name());
            values.push(value.map_err(|text| refused("22P02", format!("parameter ${}: {text}", at + 1)))?);
        }
        Ok(ParamValues::from(values))
    }
}

/// What casts tell of parameters whose types a client does not declare, and all that is known then.
fn with_told(mut told: BTreeMap<usize, Type>, declared: &[Option<Type>]) -> (BTreeMap<usize, Type>, Vec<Option<Type>>) {
    let is_known = |kind: &Option<Type>| kind.as_ref().and_then(parameters::sql_name).is_some();
    let is_open = |number: usize| !declared.get(number - 1).is_some_and(is_known);
    told.retain(|&number, _| (1..=PARAMETERS_MAX).contains(&number) && is_open(number));
    let mut all = declared.to_vec();
    all.resize(all.len().max(told.keys().last().copied().unwrap_or(0)), None);
    for (number, kind) in &told {
        all[number - 1] = Some(kind.clone());
    }
    (told, all)
}

/// The type that a value is read as: what the client declared, if it is known here, or what the statement wants.
fn bound_type<'a>(declared: Option<&'a Option<Type>>, wanted: &'a Type) -> &'a Type {
    declared.and_then(Option::as_ref).filter(|kind| parameters::sql_name(kind).is_some()).unwrap_or(wanted)
}

/// The format of one value among several. Clients may send a list of the wrong length.
pub(super) fn format_at(format: &Format, at: usize) -> PgWireResult<FieldFormat> {
    match format {
        Format::UnifiedText => Ok(FieldFormat::Text),
        Format::UnifiedBinary => Ok(FieldFormat::Binary),
        Format::Individual(codes) => match codes.get(at) {
            Some(0) => Ok(FieldFormat::Text),
            Some(1) => Ok(FieldFormat::Binary),
            _ => Err(refused("08P01", format!("there is no format for value {}", at + 1))),
        },
    }
}

impl Prepared {
    /// How the columns of its answer are described.
    pub(super) fn fields(&self, format: &Format) -> PgWireResult<Vec<FieldInfo>> {
        let columns = match self {
            Prepared::Command(command) => &command.columns(),
            Prepared::Question(question) => &question.columns,
        };
        let field = |(at, (name, kind)): (usize, &(String, Type))| Ok(described(name, kind, format_at(format, at)?));
        columns.iter().enumerate().map(field).collect()
    }
}

/// A type as SQL has it, parsed.
/// The types that a client declared, by number.
fn types_of(declared: &[Option<Type>]) -> PgWireResult<BTreeMap<usize, ast::DataType>> {
    let names = declared.iter().enumerate();
    let names = names.filter_map(|(at, kind)| Some((at + 1, kind.as_ref().and_then(parameters::sql_name)?)));
    names.map(|(number, name)| Ok((number, sql_type(&name)?))).collect()
}

fn sql_type(name: &str) -> PgWireResult<ast::DataType> {
    let parsed = Parser::new(&PostgreSqlDialect {}).try_with_sql(name).and_then(|mut parser| parser.parse_data_type());
    parsed.map_err(|error| engine(DataFusionError::SQL(Box::new(error), None)))
}

/// The types that a plan wants its parameters to have. Those that it wants to have two are errors, with the first of
/// them.
fn parameter_types(plan: &LogicalPlan) -> BTreeMap<usize, Result<Type, Type>> {
    let mut types: BTreeMap<usize, Result<Type, Type>> = BTreeMap::new();
    let mut see = |expr: &Expr| {
        if let Expr::Placeholder(Placeholder { id, field: Some(field) }) = expr
            && let Some(number) = rewrite::parameter_number(id)
            && let Ok(kind) = postgres_type(field)
        {
            let seen = types.entry(number).or_insert_with(|| Ok(kind.clone()));
            if let Ok(first) = seen
                && *first != kind
            {
                *seen = Err(first.clone());
            }
        }
    };
    let walked = plan.apply_with_subqueries(|plan| {
        plan.apply_expressions(|expr| {
            expr.apply(|expr| {
                see(expr);
                Ok(TreeNodeRecursion::Continue)
            })
        })
    });
    walked.map(|_| types).unwrap_or_default()
}

/// The types of what parameters stand beside.
fn beside(plan: &LogicalPlan) -> impl Iterator<Item = (usize, Type)> {
    of_parameters(plan).into_iter().filter_map(|(id, kind)| {
        let kind = postgres_type(&Field::new("", kind, true)).ok()?;
        Some((rewrite::parameter_number(&id)?, kind))
    })
}

fn conflict_or_text(seen: Option<&Result<Type, Type>>) -> Type {
    match seen {
        Some(Err(first)) => first.clone(),
        _ => Type::TEXT,
    }
}

/// Numbers of the parameters that stand behind LIMIT and OFFSET.
fn limits(statement: &Statement) -> Vec<usize> {
    struct Limits(Vec<usize>);
    impl Visitor for Limits {
        type Break = ();

        fn pre_visit_query(&mut self, query: &ast::Query) -> ControlFlow<()> {
            let bounds: Vec<&ast::Expr> = match &query.limit_clause {
                Some(ast::LimitClause::LimitOffset { limit, offset, .. }) => {
                    limit.iter().chain(offset.iter().map(|offset| &offset.value)).collect()
                }
                Some(ast::LimitClause::OffsetCommaLimit { offset, limit }) => vec![offset, limit],
                None => Vec::new(),
            };
            for bound in bounds {
                if let ast::Expr::Value(value) = bound
                    && let ast::Value::Placeholder(name) = &value.value
                {
                    self.0.extend(rewrite::parameter_number(name));
                }
            }
            ControlFlow::Continue(())
        }
    }
    let mut limits = Limits(Vec::new());
    let _ = walk(statement, &mut limits);
    limits.0
}

/// Names and types of a plan's columns. `names` are Postgres's, with `None` for each wildcard.
fn columns(plan: &LogicalPlan, names: &[Option<String>]) -> PgWireResult<Vec<(String, Type)>> {
    let fields = plan.schema().fields();
    if fields.len() > COLUMNS_MAX {
        let text = format!("the result has {} columns, and the protocol has {COLUMNS_MAX}; name them", fields.len());
        return Err(refused("54011", text));
    }
    let wildcards: Vec<usize> = names.iter().enumerate().filter(|(_, name)| name.is_none()).map(|(at, _)| at).collect();
    let known = |at: usize| match wildcards.as_slice() {
        [] if names.len() == fields.len() => names[at].as_deref(),
        // What stands before the wildcard is counted from the front, what stands behind it from the back.
        [wildcard] if at < *wildcard => names[at].as_deref(),
        [wildcard] => {
            let behind = names.len() - wildcard - 1;
            let at = (at + behind).checked_sub(fields.len())?;
            names[wildcard + 1 + at].as_deref()
        }
        _ => None,
    };
    let column = |(at, field): (usize, &Arc<datafusion::arrow::datatypes::Field>)| {
        let name = known(at).unwrap_or_else(|| rewrite::visible(field.name()));
        Ok((name.to_owned(), postgres_type(field)?))
    };
    fields.iter().enumerate().map(column).collect()
}

#[async_trait]
impl QueryParser for Planner {
    type Statement = Arc<Prepared>;

    async fn parse_sql<C>(&self, client: &C, sql: &str, types: &[Option<Type>]) -> PgWireResult<Option<Arc<Prepared>>>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        let mut statements = self.parse(sql)?;
        if statements.len() > 1 {
            return Err(refused("42601", "cannot insert multiple commands into a prepared statement"));
        }
        let Some(statement) = statements.pop() else { return Ok(None) };
        command::check_transaction(client.transaction_status(), &statement)?;
        self.refresh().await?;
        Ok(Some(Arc::new(self.prepare(&statement, types).await?)))
    }

    fn get_parameter_types(&self, statement: &Arc<Prepared>) -> PgWireResult<Vec<Type>> {
        Ok(match statement.as_ref() {
            Prepared::Question(question) => question.parameters.clone(),
            Prepared::Command(_) => Vec::new(),
        })
    }

    fn get_result_schema(
        &self,
        statement: &Arc<Prepared>,
        format: Option<&Format>,
    ) -> Result<Vec<FieldInfo>, PgWireError> {
        statement.fields(format.unwrap_or(&Format::UnifiedText))
    }
}
