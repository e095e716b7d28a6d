//! What Postgres calls the columns of a result.

use datafusion::sql::sqlparser::ast::{DataType, Expr, Query, Select, SelectItem, SetExpr, Statement};

use super::{UNIQUE, last_name};

/// What Postgres calls a column without a name of its own.
const UNNAMED: &str = "?column?";

/// The names of a statement's columns in their order, `None` where a wildcard stands.
pub(in crate::serve) fn column_names(statement: &Statement) -> Vec<Option<String>> {
    let Statement::Query(query) = statement else { return Vec::new() };
    let Some(select) = first_select(&query.body) else { return Vec::new() };
    let name = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(expr) => Some(of(expr)),
        SelectItem::ExprWithAlias { alias, .. } => {
            let folded = if alias.quote_style.is_some() { alias.value.clone() } else { alias.value.to_lowercase() };
            Some(visible(&folded).to_owned())
        }
        _ => None,
    };
    select.projection.iter().map(name).collect()
}

/// A name without what made it unique.
pub(in crate::serve) fn visible(name: &str) -> &str {
    name.split(UNIQUE).next().unwrap_or(name)
}

/// What Postgres calls the column of an expression.
pub(super) fn of(expr: &Expr) -> String {
    strong(expr).or_else(|| weak(expr)).unwrap_or_else(|| UNNAMED.to_owned())
}

/// The name of what is named: a column, a function.
fn strong(expr: &Expr) -> Option<String> {
    let fold = |ident: &datafusion::sql::sqlparser::ast::Ident| match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    };
    let known = |name: &str| Some(name.to_owned());
    match expr {
        Expr::Identifier(ident) => Some(fold(ident)),
        Expr::CompoundIdentifier(idents) => idents.last().map(fold),
        Expr::Function(function) => Some(last_name(&function.name)),
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => strong(inner),
        Expr::CompoundFieldAccess { root, .. } => strong(root),
        Expr::Cast { expr, .. } => strong(expr),
        Expr::Subquery(query) => of_subquery(query),
        Expr::Case { else_result: Some(other), .. } => strong(other),
        Expr::Exists { .. } => known("exists"),
        Expr::Array(_) => known("array"),
        Expr::Tuple(_) => known("row"),
        Expr::Extract { .. } => known("extract"),
        Expr::Ceil { .. } => known("ceil"),
        Expr::Floor { .. } => known("floor"),
        Expr::Position { .. } => known("position"),
        Expr::Substring { .. } => known("substring"),
        Expr::Overlay { .. } => known("overlay"),
        Expr::Trim { .. } => known("btrim"),
        Expr::AtTimeZone { .. } => known("timezone"),
        _ => None,
    }
}

/// The name of what is named only if nothing within it is.
fn weak(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => weak(inner),
        Expr::Cast { data_type, .. } => type_name(data_type),
        Expr::TypedString(typed) => type_name(&typed.data_type),
        Expr::Interval(_) => Some("interval".to_owned()),
        Expr::Case { .. } => Some("case".to_owned()),
        _ => None,
    }
}

fn of_subquery(query: &Query) -> Option<String> {
    let select = first_select(&query.body)?;
    match select.projection.first()? {
        SelectItem::ExprWithAlias { alias, .. } => Some(visible(&alias.value).to_owned()),
        SelectItem::UnnamedExpr(expr) => Some(of(expr)),
        _ => None,
    }
}

pub(super) fn type_name(data_type: &DataType) -> Option<String> {
    Some(match data_type {
        DataType::Custom(name, _) => last_name(name),
        DataType::Int(_) | DataType::Integer(_) | DataType::Int4(_) => "int4".to_owned(),
        DataType::BigInt(_) | DataType::Int8(_) => "int8".to_owned(),
        DataType::SmallInt(_) | DataType::Int2(_) => "int2".to_owned(),
        DataType::Real | DataType::Float4 => "float4".to_owned(),
        DataType::Float(_) | DataType::Float8 | DataType::Double(_) | DataType::DoublePrecision => "float8".to_owned(),
        DataType::Bool | DataType::Boolean => "bool".to_owned(),
        DataType::Text => "text".to_owned(),
        DataType::Varchar(_) | DataType::CharacterVarying(_) | DataType::CharVarying(_) => "varchar".to_owned(),
        DataType::Char(_) | DataType::Character(_) => "bpchar".to_owned(),
        DataType::Numeric(_) | DataType::Decimal(_) | DataType::Dec(_) => "numeric".to_owned(),
        DataType::Timestamp(_, zone) => {
            use datafusion::sql::sqlparser::ast::TimezoneInfo;
            match zone {
                TimezoneInfo::WithTimeZone | TimezoneInfo::Tz => "timestamptz".to_owned(),
                TimezoneInfo::None | TimezoneInfo::WithoutTimeZone => "timestamp".to_owned(),
            }
        }
        DataType::Date => "date".to_owned(),
        DataType::Time(..) => "time".to_owned(),
        DataType::Interval { .. } => "interval".to_owned(),
        DataType::Regclass => "regclass".to_owned(),
        DataType::Bytea => "bytea".to_owned(),
        _ => return None,
    })
}

/// Whether a query lists the schemas of the search path, in the way that Grafana does.
pub(super) fn is_search_path(query: &Query) -> bool {
    let SetExpr::Select(select) = query.body.as_ref() else { return false };
    let from: String = select.from.iter().map(|from| from.to_string().to_lowercase()).collect();
    select.projection.len() == 1 && from.contains("generate_series") && from.contains("current_setting('search_path')")
}

pub(super) fn first_select(set: &SetExpr) -> Option<&Select> {
    match set {
        SetExpr::Select(select) => Some(select),
        SetExpr::Query(query) => first_select(&query.body),
        SetExpr::SetOperation { left, .. } => first_select(left),
        _ => None,
    }
}
