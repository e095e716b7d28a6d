//! The reports that come with the program, and those of a folder beside them.

use std::path::Path;

use super::{Report, ReportError};
use crate::query::nearest;

/// The name and the text of every file of `sql/`, by name; `build.rs` lists them.
const EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/reports.rs"));

/// Reports by name.
#[derive(Debug, Clone)]
pub struct Pack {
    reports: Vec<Report>,
}

impl Pack {
    /// The reports of the program: those whose header has an order, then the others by name.
    pub fn embedded() -> Pack {
        let parse = |(name, text): &(&str, &str)| Report::parse(name, text).expect("tests read every embedded report");
        let mut reports: Vec<Report> = EMBEDDED.iter().map(parse).collect();
        reports.sort_by_key(|report| report.order.unwrap_or(u32::MAX));
        Pack { reports }
    }

    /// Adds the `.sql` files of a folder. One with the name of a report that is there takes its place.
    pub fn add_folder(&mut self, folder: &Path) -> Result<(), ReportError> {
        let fail = |path: &Path, reason: String| ReportError::File { path: path.display().to_string(), reason };
        let entries = std::fs::read_dir(folder).map_err(|error| fail(folder, error.to_string()))?;
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry.map_err(|error| fail(folder, error.to_string()))?.path();
            if path.extension().is_some_and(|extension| extension == "sql") {
                paths.push(path);
            }
        }
        paths.sort();
        for path in paths {
            let text = std::fs::read_to_string(&path).map_err(|error| fail(&path, error.to_string()))?;
            let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
            let report = Report::parse(name, &text).map_err(|reason| fail(&path, reason))?;
            match self.reports.iter_mut().find(|known| known.name == report.name) {
                Some(known) => *known = report,
                None => self.reports.push(report),
            }
        }
        Ok(())
    }

    /// All of them, in the order of the list.
    pub fn reports(&self) -> &[Report] {
        &self.reports
    }

    /// The one of this name; the error names one that is like it.
    pub fn get(&self, name: &str) -> Result<&Report, ReportError> {
        self.reports.iter().find(|report| report.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.reports.iter().map(|report| report.name.as_str()).collect();
            let near = nearest(name, &names).map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
            ReportError::Unknown { name: name.to_owned(), near }
        })
    }
}
