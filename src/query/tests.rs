use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::common::ParamValues;
use datafusion::physical_plan::displayable;
use datafusion::scalar::ScalarValue;

use super::{Options, context};

/// The rows of an answer: spaces between their cells, commas between them.
pub fn shown(batches: &[RecordBatch]) -> String {
    let row = |batch: &RecordBatch, row: usize| {
        let cells = batch.columns().iter().map(|column| array_value_to_string(column, row).expect("a value"));
        cells.collect::<Vec<_>>().join(" ")
    };
    let rows = batches.iter().flat_map(|batch| (0..batch.num_rows()).map(|at| row(batch, at)));
    rows.collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn a_limit_that_is_a_parameter_bounds_the_sort() {
    let context = context(&Options::default()).unwrap();
    let statement = "SELECT column1 AS n FROM (VALUES (1), (2), (3)) ORDER BY n LIMIT $top";
    let values = ParamValues::from(vec![("top".to_owned(), ScalarValue::Int64(Some(2)))]);
    let frame = context.sql(statement).await.unwrap().with_param_values(values).unwrap();
    let plan = frame.create_physical_plan().await.unwrap();
    let shown = displayable(plan.as_ref()).indent(false).to_string();
    assert!(shown.contains("TopK(fetch=2)"), "{shown}");
}
