//! Joins that can be ended: their conditions look whether the statement is still wanted.
//!
//! A join whose condition refuses pair after pair gives its thread back to nobody, so a deadline or a cancellation
//! could not end it, and a few such statements would take the threads of all connections. Their conditions are
//! therefore evaluated as blocking work, and fail once the statement was given up.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, Weak};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::Schema;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Result, internal_err};
use datafusion::config::ConfigOptions;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec, NestedLoopJoinExecBuilder};

/// Held for as long as somebody waits for a statement's rows.
pub(crate) type Wanted = Arc<()>;

/// The statement that is planned now.
#[derive(Debug, Default, Clone)]
pub(crate) struct Current(Arc<Mutex<Weak<()>>>);

impl Current {
    /// A new statement: what is planned from now on belongs to it.
    #[cfg(feature = "serve")]
    pub(crate) fn begin(&self) -> Wanted {
        let wanted = Wanted::default();
        self.belongs_to(Arc::downgrade(&wanted));
        wanted
    }

    /// What is planned from now on belongs to a statement that somebody waits for elsewhere.
    pub(crate) fn belongs_to(&self, statement: Weak<()>) {
        *self.0.lock().expect("no holder of the lock panics") = statement;
    }

    fn statement(&self) -> Weak<()> {
        self.0.lock().expect("no holder of the lock panics").clone()
    }
}

/// Makes the conditions of a plan's joins look whether the statement is still wanted.
#[derive(Debug)]
pub(crate) struct InterruptibleJoins(pub(crate) Current);

impl PhysicalOptimizerRule for InterruptibleJoins {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let statement = self.0.statement();
        let looking = |filter: &JoinFilter| {
            let condition = Condition { inner: filter.expression().clone(), statement: statement.clone() };
            JoinFilter::new(Arc::new(condition), filter.column_indices().to_vec(), filter.schema().clone())
        };
        plan.transform_up(|node| {
            if let Some(join) = node.downcast_ref::<NestedLoopJoinExec>()
                && let Some(filter) = join.filter()
            {
                let join = NestedLoopJoinExecBuilder::from(join).with_filter(Some(looking(filter))).build()?;
                return Ok(Transformed::yes(Arc::new(join) as Arc<dyn ExecutionPlan>));
            }
            if let Some(join) = node.downcast_ref::<HashJoinExec>()
                && let Some(filter) = join.filter()
            {
                return Ok(Transformed::yes(join.builder().with_filter(Some(looking(filter))).build_exec()?));
            }
            Ok(Transformed::no(node))
        })
        .data()
    }

    fn name(&self) -> &str {
        "interruptible_joins"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// A join's condition on pairs of rows.
#[derive(Debug)]
struct Condition {
    inner: Arc<dyn PhysicalExpr>,
    statement: Weak<()>,
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.inner.eq(&other.inner) && self.statement.ptr_eq(&other.statement)
    }
}

impl Eq for Condition {}

impl Hash for Condition {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl PhysicalExpr for Condition {
    fn evaluate(&self, pairs: &RecordBatch) -> Result<ColumnarValue> {
        if self.statement.strong_count() == 0 {
            return Err(DataFusionError::Execution("the statement was given up".to_owned()));
        }
        // Other statements' work moves to another thread meanwhile.
        tokio::task::block_in_place(|| self.inner.evaluate(pairs))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.inner]
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn PhysicalExpr>>) -> Result<Arc<dyn PhysicalExpr>> {
        let [inner] = <[_; 1]>::try_from(children).or_else(|_| internal_err!("a condition has one child"))?;
        Ok(Arc::new(Condition { inner, statement: self.statement.clone() }))
    }

    fn data_type(&self, pairs: &Schema) -> Result<datafusion::arrow::datatypes::DataType> {
        self.inner.data_type(pairs)
    }

    fn nullable(&self, pairs: &Schema) -> Result<bool> {
        self.inner.nullable(pairs)
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt_sql(f)
    }
}
