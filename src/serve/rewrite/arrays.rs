//! Parameters that are lists: `a = ANY ($1)`. The engine takes a parameter without a type for one value there.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Statement, Value, VisitorMut};

use super::{parameter_number, take};
use crate::query::walk_mut;

/// Numbers of the parameters behind `ANY`, `SOME` and `ALL`.
pub(in crate::serve) fn lists(statement: &Statement) -> Vec<usize> {
    let mut single = Single::default();
    let _ = walk_mut(&mut statement.clone(), &mut single);
    single.numbers
}

/// The statement with `a = $1` for `a = ANY ($1)`, which tells what type an element has.
pub(in crate::serve) fn element_by_element(statement: &Statement) -> Statement {
    let mut statement = statement.clone();
    let _ = walk_mut(&mut statement, &mut Single::default());
    statement
}

#[derive(Default)]
struct Single {
    numbers: Vec<usize>,
}

impl VisitorMut for Single {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let (Expr::AnyOp { left, compare_op, right, .. } | Expr::AllOp { left, compare_op, right }) = expr else {
            return ControlFlow::Continue(());
        };
        if let Some(number) = parameter(right) {
            self.numbers.push(number);
            *expr = Expr::BinaryOp { left: Box::new(take(left)), op: compare_op.clone(), right: Box::new(take(right)) };
        }
        ControlFlow::Continue(())
    }
}

/// The number of a parameter.
pub(super) fn parameter(expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Nested(inner) => parameter(inner),
        Expr::Value(value) => match &value.value {
            Value::Placeholder(name) => parameter_number(name),
            _ => None,
        },
        _ => None,
    }
}
