//! How far a statement that runs has read its files, as the engine counts it.

use std::sync::Arc;

use datafusion::datasource::physical_plan::ParquetSource;
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_plan::ExecutionPlan;

/// The leaves of a plan that runs.
#[derive(Debug, Clone)]
pub struct Reading {
    scans: Vec<Arc<dyn ExecutionPlan>>,
    /// Files, or parts of files that threads read for themselves.
    parts: usize,
}

/// What was read by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Read {
    /// Of the data files, 0 to 100; `None` if there are none.
    pub percent: Option<usize>,
    /// Rows that filters let through.
    pub rows: u64,
}

impl Reading {
    pub(super) fn of(plan: &Arc<dyn ExecutionPlan>) -> Reading {
        let mut reading = Reading { scans: Vec::new(), parts: 0 };
        reading.add(plan);
        reading
    }

    fn add(&mut self, plan: &Arc<dyn ExecutionPlan>) {
        let children = plan.children();
        children.iter().for_each(|child| self.add(child));
        if children.is_empty() {
            self.parts += parts(plan.as_ref());
            self.scans.push(Arc::clone(plan));
        }
    }

    /// Counted anew each time. It grows until the statement ends, also while no row comes.
    pub fn so_far(&self) -> Read {
        let (mut rows, mut done) = (0, 0);
        for metrics in self.scans.iter().filter_map(|scan| scan.metrics()) {
            rows += metrics.output_rows().unwrap_or_default() as u64;
            done += metrics.sum_by_name("files_processed").map_or(0, |value| value.as_usize());
        }
        let percent = (self.parts > 0).then(|| (done * 100 / self.parts.max(1)).min(100));
        Read { percent, rows }
    }
}

fn parts(plan: &dyn ExecutionPlan) -> usize {
    let source =
        plan.downcast_ref::<DataSourceExec>().and_then(DataSourceExec::downcast_to_file_source::<ParquetSource>);
    source.map_or(0, |(config, _)| config.file_groups.iter().map(|group| group.len()).sum())
}
