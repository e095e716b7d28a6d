//! The gate before every statement: questions pass; what writes, and what would be read and then ignored, is refused by
//! name.
//!
//! The parser (sqlparser 0.62) knows the clauses of twenty databases. The planner (DataFusion 55) takes those that it
//! answers out of the tree, names some others as not implemented, and drops the rest without a word: `TABLESAMPLE` gave
//! all rows. Those are refused here. `docs/sql.md` has the list; whoever raises either version goes through the planner
//! again.

mod clauses;
mod correlated;
mod functions;
mod operators;
mod orders;
mod recursive;
mod subqueries;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;

use datafusion::logical_expr::LogicalPlan;
use datafusion::logical_expr::sqlparser::ast::{Expr, Query, Select, Statement, TableFactor, Visitor};
use datafusion::sql::parser::Statement as Parsed;

use super::walk;

/// Why a statement is not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It is no question: `INSERT`, `CREATE TABLE`, `SELECT INTO`.
    NotAQuestion(String),
    /// A clause that the engine would read and ignore: `TABLESAMPLE`.
    Ignored(String),
}

/// What a statement is refused for; `None` lets it pass. `is_scalar` says whether a function gives a value for each
/// row.
pub fn refusal(statement: &Statement, is_scalar: &dyn Fn(&str) -> bool) -> Option<Refusal> {
    match statement {
        Statement::Query(_) => visit(statement, is_scalar),
        Statement::Explain { statement: inner, options, estimate, query_plan, .. } => {
            let ignored = match options.as_ref().is_some_and(|options| !options.is_empty()) {
                true => Some("EXPLAIN (…)"),
                false if *estimate => Some("EXPLAIN ESTIMATE"),
                false if *query_plan => Some("EXPLAIN QUERY PLAN"),
                false => None,
            };
            ignored.map(|name| Refusal::Ignored(name.to_owned())).or_else(|| refusal(inner, is_scalar))
        }
        Statement::ExplainTable { hive_format: Some(format), .. } => {
            Some(Refusal::Ignored(format!("DESCRIBE {format}")))
        }
        Statement::ExplainTable { .. }
        | Statement::ShowVariable { .. }
        | Statement::ShowVariables { .. }
        | Statement::ShowTables { .. }
        | Statement::ShowColumns { .. }
        | Statement::ShowFunctions { .. }
        | Statement::ShowCreate { .. }
        | Statement::ShowStatus { .. }
        | Statement::ShowCatalogs { .. }
        | Statement::ShowDatabases { .. }
        | Statement::ShowSchemas { .. } => None,
        other => Some(Refusal::NotAQuestion(first_words(&other.to_string()))),
    }
}

/// What a statement is refused for once it is planned; `None` lets it pass.
pub fn planned(plan: &LogicalPlan) -> Option<Refusal> {
    correlated::too_far(plan).or_else(|| subqueries::of_plan(plan)).map(Refusal::Ignored)
}

/// Writes a statement so that [`planned`] can tell what the planner adds to it from what is written.
pub(crate) fn marked(statement: &mut Statement) {
    recursive::mark(statement);
}

/// As [`refusal`], of a statement as the engine's own parser gives it.
pub(super) fn refusal_of(statement: &Parsed, is_scalar: &dyn Fn(&str) -> bool) -> Option<Refusal> {
    match statement {
        Parsed::Statement(statement) => refusal(statement, is_scalar),
        Parsed::Explain(explain) => refusal_of(&explain.statement, is_scalar),
        Parsed::CreateExternalTable(_) => Some(Refusal::NotAQuestion("CREATE EXTERNAL TABLE".to_owned())),
        Parsed::CopyTo(_) => Some(Refusal::NotAQuestion("COPY".to_owned())),
        Parsed::Reset(_) => Some(Refusal::NotAQuestion("RESET".to_owned())),
    }
}

/// The statement of the parser's own tree that is asked, behind any EXPLAIN.
pub(super) fn question(statement: &Parsed) -> Option<&Statement> {
    match statement {
        Parsed::Statement(statement) => Some(statement),
        Parsed::Explain(explain) => question(&explain.statement),
        _ => None,
    }
}

/// As [`question`], to be changed.
pub(super) fn question_mut(statement: &mut Parsed) -> Option<&mut Statement> {
    match statement {
        Parsed::Statement(statement) => Some(statement),
        Parsed::Explain(explain) => question_mut(&mut explain.statement),
        _ => None,
    }
}

fn visit(statement: &Statement, is_scalar: &dyn Fn(&str) -> bool) -> Option<Refusal> {
    let mut gate = Gate { is_scalar, refusal: None };
    let _ = walk(statement, &mut gate);
    gate.refusal
}

/// Looks at every query, table and expression of a statement, however deep.
struct Gate<'a> {
    is_scalar: &'a dyn Fn(&str) -> bool,
    refusal: Option<Refusal>,
}

impl Gate<'_> {
    fn stop(&mut self, refusal: Option<Refusal>) -> ControlFlow<()> {
        self.refusal = refusal;
        if self.refusal.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn ignored(&mut self, name: Option<String>) -> ControlFlow<()> {
        self.stop(name.map(Refusal::Ignored))
    }
}

impl Visitor for Gate<'_> {
    type Break = ();

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<()> {
        self.stop(match statement {
            Statement::Query(_) => None,
            other => Some(Refusal::NotAQuestion(first_words(&other.to_string()))),
        })
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.ignored(clauses::of_query(query))
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        match select.into {
            Some(_) => self.stop(Some(Refusal::NotAQuestion("SELECT INTO".to_owned()))),
            None => self.ignored(clauses::of_select(select)),
        }
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        self.ignored(clauses::of_table(factor))
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        let is_scalar = self.is_scalar;
        self.ignored(match expr {
            Expr::Function(function) => functions::of_call(function, is_scalar),
            Expr::Cast { data_type, .. } => clauses::of_type(data_type),
            Expr::TypedString(text) => clauses::of_type(&text.data_type),
            other => operators::of_expression(other),
        })
    }
}

/// `CREATE TABLE`, `DROP VIEW`, `COPY`: the capitals that a statement begins with.
fn first_words(text: &str) -> String {
    let words = text.split_whitespace().take_while(|word| word.chars().all(|c| c.is_ascii_uppercase()));
    words.take(2).collect::<Vec<_>>().join(" ")
}
