//! Walks the parser's tree of a statement. The tree has hundreds of types, and a walk is compiled for every visitor
//! anew: all visitors of flowlake stand behind one, so that it is compiled once.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, ObjectName, Query, Select, Statement, TableFactor, ValueWithSpan, Visit, VisitMut, Visitor, VisitorMut,
};

/// Shows a part of a statement to `visitor`, to its end or until it breaks off.
pub(crate) fn walk(part: &impl Visit, visitor: &mut dyn Visitor<Break = ()>) -> ControlFlow<()> {
    part.visit(&mut Behind(visitor))
}

/// As [`walk`], for a visitor that changes the statement.
pub(crate) fn walk_mut(part: &mut impl VisitMut, visitor: &mut dyn VisitorMut<Break = ()>) -> ControlFlow<()> {
    part.visit(&mut BehindMut(visitor))
}

struct Behind<'a>(&'a mut dyn Visitor<Break = ()>);

struct BehindMut<'a>(&'a mut dyn VisitorMut<Break = ()>);

/// Every method of the trait, passed on.
macro_rules! pass_on {
    ($($method:ident: $part:ty),* $(,)?) => {
        type Break = ();

        $(fn $method(&mut self, part: $part) -> ControlFlow<()> {
            self.0.$method(part)
        })*
    };
}

impl Visitor for Behind<'_> {
    pass_on! {
        pre_visit_query: &Query,
        post_visit_query: &Query,
        pre_visit_select: &Select,
        post_visit_select: &Select,
        pre_visit_relation: &ObjectName,
        post_visit_relation: &ObjectName,
        pre_visit_table_factor: &TableFactor,
        post_visit_table_factor: &TableFactor,
        pre_visit_expr: &Expr,
        post_visit_expr: &Expr,
        pre_visit_statement: &Statement,
        post_visit_statement: &Statement,
        pre_visit_value: &ValueWithSpan,
        post_visit_value: &ValueWithSpan,
    }
}

impl VisitorMut for BehindMut<'_> {
    pass_on! {
        pre_visit_query: &mut Query,
        post_visit_query: &mut Query,
        pre_visit_select: &mut Select,
        post_visit_select: &mut Select,
        pre_visit_relation: &mut ObjectName,
        post_visit_relation: &mut ObjectName,
        pre_visit_table_factor: &mut TableFactor,
        post_visit_table_factor: &mut TableFactor,
        pre_visit_expr: &mut Expr,
        post_visit_expr: &mut Expr,
        pre_visit_statement: &mut Statement,
        post_visit_statement: &mut Statement,
        pre_visit_value: &mut ValueWithSpan,
        post_visit_value: &mut ValueWithSpan,
    }
}
