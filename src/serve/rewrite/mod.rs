//! Postgres's SQL as the engine plans it. All that clients write and the engine has not is turned here, on the parsed
//! statement, and nowhere else.
//!
//! - Names: `pg_catalog.version()`, tables of `pg_catalog` without their schema, `current_user` without parentheses.
//! - Operators and clauses: `OPERATOR(pg_catalog.~)`, `COLLATE`, arrays as text (`'{a,b}'`), `ARRAY(SELECT …)`.
//! - Types: `::regclass` and its kin (`casts`).
//! - Tables of the catalog that never have a row (`empty`), and subqueries over the others.
//! - Columns that Postgres lets have one name.

mod arrays;
mod casts;
mod empty;
mod names;
mod taken;
mod told;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Array, BinaryOperator, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, GroupByExpr, Ident, LimitClause, ObjectName, ObjectNamePart, OrderBy, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, Statement, TableFactor, Value, ValueWithSpan, Visitor, VisitorMut,
};

use super::pg_catalog;
use crate::query::{walk, walk_mut};
pub(super) use arrays::{element_by_element, lists};
pub(super) use empty::without_rows;
pub(super) use names::{column_names, visible};
pub(super) use told::told;

/// Behind it stands a number that makes a name unique; it is cut off before a client sees the name.
pub(super) const UNIQUE: char = '\u{1}';

/// What was found in a statement on the way.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Whether it asks the catalog.
    pub(super) asks_catalog: bool,
    /// Numbers of its parameters.
    pub(super) parameters: Vec<usize>,
}

/// Turns a statement. `is_aggregate` knows the engine's functions over many rows.
pub(super) fn rewrite(statement: &mut Statement, is_aggregate: &dyn Fn(&str) -> bool) -> Found {
    let mut with_names = WithNames::default();
    let _ = walk(statement, &mut with_names);
    let mut rewriter = Rewriter { with_names: with_names.0, is_aggregate, found: Found::default() };
    let _ = walk_mut(statement, &mut rewriter);
    rewriter.found.parameters.sort_unstable();
    rewriter.found.parameters.dedup();
    rewriter.found
}

/// Puts `CAST($n AS type)` where `$n` stands, for parameters whose type is known.
pub(super) fn give_types(statement: &mut Statement, types: &BTreeMap<usize, DataType>) {
    let _ = walk_mut(statement, &mut Typed(types));
}

/// Names that a `WITH` gives: they hide tables of the catalog.
#[derive(Default)]
struct WithNames(HashSet<String>);

impl Visitor for WithNames {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.0.extend(
            query.with.iter().flat_map(|with| &with.cte_tables).map(|table| table.alias.name.value.to_lowercase()),
        );
        ControlFlow::Continue(())
    }
}

struct Rewriter<'a> {
    with_names: HashSet<String>,
    is_aggregate: &'a dyn Fn(&str) -> bool,
    found: Found,
}

impl VisitorMut for Rewriter<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if names::is_search_path(query)
            && let SetExpr::Select(select) = query.body.as_mut()
        {
            // Grafana's list of the schemas on the search path.
            select.from.clear();
            select.projection = vec![SelectItem::UnnamedExpr(text("public"))];
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table { name, args, .. } => {
                let last = last_name(name);
                if args.is_some() {
                    *name = ObjectName::from(vec![Ident::new(last.clone())]);
                    if last == "pg_get_keywords" {
                        (*name, *args) = (catalog_name(&last), None);
                    }
                }
                if args.is_none() {
                    self.table(name, &last);
                }
            }
            TableFactor::Function { name, .. } => *name = ObjectName::from(vec![Ident::new(last_name(name))]),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        name_apart(&mut select.projection);
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        self.expression(expr);
        ControlFlow::Continue(())
    }

    fn pre_visit_value(&mut self, value: &mut datafusion::sql::sqlparser::ast::ValueWithSpan) -> ControlFlow<()> {
        if let Value::Placeholder(name) = &value.value
            && let Some(number) = parameter_number(name)
        {
            self.found.parameters.push(number);
        }
        ControlFlow::Continue(())
    }
}

impl Rewriter<'_> {
    fn table(&mut self, name: &mut ObjectName, last: &str) {
        let schema =
            name.0.len().checked_sub(2).and_then(|at| name.0[at].as_ident()).map(|ident| ident.value.to_lowercase());
        match schema.as_deref() {
            None if !self.with_names.contains(last) && pg_catalog::has("pg_catalog", last) => {
                *name = catalog_name(last);
                self.found.asks_catalog = true;
            }
            Some("pg_catalog" | "information_schema") => self.found.asks_catalog = true,
            _ => {}
        }
    }

    fn expression(&mut self, expr: &mut Expr) {
        match expr {
            // Of these orders of texts the engine has the same one. It refuses the others.
            Expr::Collate { expr: inner, collation } if is_byte_order(collation) => *expr = take(inner),
            Expr::BinaryOp { op, .. } => {
                if let BinaryOperator::PGCustomBinaryOperator(parts) = op
                    && let Some(known) = parts.last().and_then(|sign| operator(sign))
                {
                    *op = known;
                }
            }
            Expr::Identifier(ident)
                if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("current_schema") =>
            {
                *expr = call("current_schema", Vec::new());
            }
            Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. } => {
                if let Some(escape) = escape_char.as_ref().and_then(escape_of) {
                    **pattern = escaped(take(pattern), escape);
                    *escape_char = None;
                }
            }
            Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, .. } if matches!(**right, Expr::Subquery(_)) => {
                let (inner, Expr::Subquery(subquery)) = (take(left), take(right)) else { return };
                *expr = Expr::InSubquery { expr: Box::new(inner), subquery, negated: false };
                self.expression(expr);
            }
            Expr::AllOp { left, compare_op: BinaryOperator::NotEq, right } if matches!(**right, Expr::Subquery(_)) => {
                let (inner, Expr::Subquery(subquery)) = (take(left), take(right)) else { return };
                *expr = Expr::InSubquery { expr: Box::new(inner), subquery, negated: true };
                self.expression(expr);
            }
            Expr::AnyOp { right, .. } | Expr::AllOp { right, .. } => {
                if let Some(array) = casts::array_of(right) {
                    **right = array;
                }
            }
            Expr::Cast { .. } => casts::rewrite(expr),
            Expr::Function(_) => self.function(expr),
            Expr::Exists { subquery, negated } if self.is_empty(subquery) => {
                *expr = Expr::value(Value::Boolean(*negated))
            }
            Expr::InSubquery { subquery, negated, .. } if self.is_empty(subquery) => {
                *expr = Expr::value(Value::Boolean(*negated));
            }
            Expr::InSubquery { expr: inner, subquery, negated } => {
                // A list of one, for which the engine needs no join.
                if let Some(constant) = constant(subquery) {
                    *expr = Expr::InList { expr: Box::new(take(inner)), list: vec![constant], negated: *negated };
                }
            }
            Expr::Subquery(query) => {
                if self.is_empty(query) {
                    *expr = Expr::value(Value::Null);
                } else {
                    self.one_row(query);
                }
            }
            _ => {}
        }
    }

    fn function(&mut self, expr: &mut Expr) {
        let Expr::Function(function) = expr else { return };
        let name = last_name(&function.name);
        match (&mut function.args, name.as_str()) {
            (FunctionArguments::Subquery(query), "array") => {
                if self.is_empty(query) {
                    *expr = Expr::Array(Array { elem: Vec::new(), named: true });
                } else if let Some(gathered) = gathered(query) {
                    *expr = Expr::Subquery(Box::new(gathered));
                }
                return;
            }
            (args @ FunctionArguments::None, "current_user" | "current_role" | "user" | "session_user") => {
                *args = FunctionArguments::List(list(Vec::new()));
                function.name = ObjectName::from(vec![Ident::new("current_user")]);
            }
            (args @ FunctionArguments::None, "current_catalog") => {
                *args = FunctionArguments::List(list(Vec::new()));
                function.name = ObjectName::from(vec![Ident::new("current_database")]);
            }
            (args @ FunctionArguments::None, "current_schema") => *args = FunctionArguments::List(list(Vec::new())),
            _ => {}
        }
        let is_ours = |part: &ObjectNamePart| {
            part.as_ident().is_some_and(|ident| {
                ["pg_catalog", "information_schema"].iter().any(|schema| ident.value.eq_ignore_ascii_case(schema))
            })
        };
        if function.name.0.len() > 1 && function.name.0.first().is_some_and(is_ours) {
            function.name = ObjectName::from(vec![Ident::new(name)]);
        }
    }

    fn is_empty(&self, query: &Query) -> bool {
        empty::is_empty(query, self.is_aggregate)
    }

    /// The engine wants to see that a subquery in place of a value gives one row: of the catalog's, all do.
    fn one_row(&self, query: &mut Query) {
        if query.limit_clause.is_some() || query.with.is_some() || !empty::asks_catalog(query) {
            return;
        }
        let SetExpr::Select(select) = query.body.as_mut() else { return };
        let is_grouped = !matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty());
        if is_grouped || select.distinct.is_some() || empty::has_aggregate(select, self.is_aggregate) {
            return;
        }
        if let [SelectItem::UnnamedExpr(value) | SelectItem::ExprWithAlias { expr: value, .. }] =
            select.projection.as_mut_slice()
        {
            *value = call("max", vec![take(value)]);
            query.order_by = None;
        }
    }
}

/// The sign of `ESCAPE '/'`, unless it is the engine's own.
fn escape_of(escape: &ValueWithSpan) -> Option<char> {
    let Value::SingleQuotedString(text) = &escape.value else { return None };
    let mut signs = text.chars();
    let sign = signs.next()?;
    (signs.next().is_none() && sign != '\\').then_some(sign)
}

/// A pattern with the engine's sign of escape instead of another one.
fn escaped(pattern: Expr, escape: char) -> Expr {
    let (escape, unique) = (escape.to_string(), UNIQUE.to_string());
    // The sign that is escaped itself is kept aside meanwhile.
    let steps = [("\\", "\\\\"), (&escape.repeat(2), &unique), (&escape, "\\"), (&unique, &escape)];
    steps.into_iter().fold(pattern, |pattern, (from, to)| call("replace", vec![pattern, text(from), text(to)]))
}

/// The value of `SELECT 'x'`.
fn constant(query: &Query) -> Option<Expr> {
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    let (None, None, None) = (&query.limit_clause, &query.fetch, &select.having) else { return None };
    match select.projection.as_slice() {
        [SelectItem::UnnamedExpr(value @ Expr::Value(_))] if select.from.is_empty() && select.selection.is_none() => {
            Some(value.clone())
        }
        _ => None,
    }
}

/// `(SELECT array_agg(x) FROM …)` for `ARRAY(SELECT x FROM …)`.
fn gathered(query: &Query) -> Option<Query> {
    // The order of what stands in the catalog matters to nobody; that of records does, and the engine refuses it here.
    if query.order_by.is_some() && !empty::asks_catalog(query) {
        return None;
    }
    let mut query = query.clone();
    let SetExpr::Select(select) = query.body.as_mut() else { return None };
    let GroupByExpr::Expressions(groups, _) = &select.group_by else { return None };
    if !groups.is_empty() {
        return None;
    }
    let (None, None) = (&select.distinct, &query.limit_clause) else { return None };
    let [SelectItem::UnnamedExpr(value) | SelectItem::ExprWithAlias { expr: value, .. }] =
        select.projection.as_mut_slice()
    else {
        return None;
    };
    // Of no rows it is an array without elements, and not null.
    *value = call("coalesce", vec![call("array_agg", vec![take(value)]), call("make_array", Vec::new())]);
    query.order_by = None::<OrderBy>;
    Some(query)
}

/// Whether texts are compared byte by byte, as the engine does.
fn is_byte_order(collation: &ObjectName) -> bool {
    let last = collation.0.last().and_then(|part| part.as_ident());
    last.is_some_and(|name| ["default", "c", "posix"].contains(&name.value.to_lowercase().as_str()))
}

/// Names apart what Postgres lets have one name, and the engine does not.
fn name_apart(projection: &mut [SelectItem]) {
    let wildcards: Vec<Option<String>> = projection.iter().filter_map(wildcard).collect();
    // `t.*` has every `t.a`, and may have every `a`; of `u.a` it has none.
    let is_covered = |expr: &Expr| match expr {
        Expr::Identifier(_) => !wildcards.is_empty(),
        Expr::CompoundIdentifier(idents) => {
            let of = folded(&idents[..idents.len() - 1]);
            wildcards.iter().any(|wildcard| wildcard.as_ref().is_none_or(|name| *name == of))
        }
        _ => false,
    };
    let mut seen = HashSet::new();
    for (at, item) in projection.iter_mut().enumerate() {
        match item {
            SelectItem::UnnamedExpr(expr) => {
                let is_new = seen.insert(expr.to_string().to_lowercase());
                if !is_new || is_covered(expr) {
                    let name = names::of(expr);
                    let alias = Ident::with_quote('"', format!("{name}{UNIQUE}{at}"));
                    *item = SelectItem::ExprWithAlias { expr: take(expr), alias };
                }
            }
            SelectItem::ExprWithAlias { alias, .. } if !seen.insert(alias.value.to_lowercase()) => {
                *alias = Ident::with_quote('"', format!("{}{UNIQUE}{at}", alias.value));
            }
            _ => {}
        }
    }
}

/// What a wildcard stands behind: `None` for `*`, the name for `t.*`.
fn wildcard(item: &SelectItem) -> Option<Option<String>> {
    match item {
        SelectItem::Wildcard(_) => Some(None),
        SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
            let idents: Vec<Ident> = name.0.iter().filter_map(|part| part.as_ident().cloned()).collect();
            Some(Some(folded(&idents)))
        }
        SelectItem::QualifiedWildcard(..) => Some(None),
        _ => None,
    }
}

fn folded(idents: &[Ident]) -> String {
    idents.iter().map(|ident| ident.value.to_lowercase()).collect::<Vec<_>>().join(".")
}

struct Typed<'a>(&'a BTreeMap<usize, DataType>);

impl VisitorMut for Typed<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        // The engine takes a plain value here, and makes it a number by itself.
        let hide = |expr: &mut Expr| {
            if let Expr::Value(value) = expr
                && let Value::Placeholder(name) = &mut value.value
            {
                name.push(UNIQUE);
            }
        };
        match &mut query.limit_clause {
            Some(LimitClause::LimitOffset { limit, offset, .. }) => {
                limit.iter_mut().for_each(hide);
                offset.iter_mut().for_each(|offset| hide(&mut offset.value));
            }
            Some(LimitClause::OffsetCommaLimit { limit, offset }) => [limit, offset].into_iter().for_each(hide),
            None => {}
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Expr::Value(value) = expr else { return ControlFlow::Continue(()) };
        let Value::Placeholder(name) = &mut value.value else { return ControlFlow::Continue(()) };
        if name.ends_with(UNIQUE) {
            name.pop();
        } else if let Some(kind) = parameter_number(name).and_then(|number| self.0.get(&number)) {
            *expr = casts::cast(take(expr), kind.clone());
        }
        ControlFlow::Continue(())
    }
}

/// The number of `$1`; one that is beyond all numbers is the greatest.
pub(super) fn parameter_number(name: &str) -> Option<usize> {
    let digits = name.strip_prefix('$')?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(usize::MAX))
}

fn operator(sign: &str) -> Option<BinaryOperator> {
    Some(match sign {
        "~" => BinaryOperator::PGRegexMatch,
        "~*" => BinaryOperator::PGRegexIMatch,
        "!~" => BinaryOperator::PGRegexNotMatch,
        "!~*" => BinaryOperator::PGRegexNotIMatch,
        "~~" => BinaryOperator::PGLikeMatch,
        "!~~" => BinaryOperator::PGNotLikeMatch,
        "=" => BinaryOperator::Eq,
        "<>" => BinaryOperator::NotEq,
        "<" => BinaryOperator::Lt,
        "<=" => BinaryOperator::LtEq,
        ">" => BinaryOperator::Gt,
        ">=" => BinaryOperator::GtEq,
        "+" => BinaryOperator::Plus,
        "-" => BinaryOperator::Minus,
        "*" => BinaryOperator::Multiply,
        "/" => BinaryOperator::Divide,
        "||" => BinaryOperator::StringConcat,
        _ => return None,
    })
}

/// The last part of a name, in lower case.
fn last_name(name: &ObjectName) -> String {
    name.0.last().and_then(ObjectNamePart::as_ident).map(|ident| ident.value.to_lowercase()).unwrap_or_default()
}

fn catalog_name(table: &str) -> ObjectName {
    ObjectName::from(vec![Ident::new("pg_catalog"), Ident::new(table)])
}

fn take(expr: &mut Expr) -> Expr {
    std::mem::replace(expr, Expr::value(Value::Null))
}

fn text(value: &str) -> Expr {
    Expr::value(Value::SingleQuotedString(value.to_owned()))
}

fn list(arguments: Vec<Expr>) -> FunctionArgumentList {
    let args = arguments.into_iter().map(|expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))).collect();
    FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() }
}

fn call(name: &str, arguments: Vec<Expr>) -> Expr {
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(list(arguments)),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}
