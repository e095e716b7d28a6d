//! Which reports there are: as a page for people, grouped by theme, and as rows for programs.

use std::fmt::Write;
use std::sync::Arc;

use datafusion::arrow::array::StringArray;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::record_batch::RecordBatch;

use super::{Pack, Report, Theme};
use crate::query::{QueryError, Session};
use crate::shown::{self, wrapped};

/// What stands before a report's name on the page.
const INDENT: &str = "  ";

/// The reports, of one theme or all, as a page of at most `width` columns: under the heading of each theme the names
/// and meanings, with parameters and what this lake lacks below them.
pub fn page(pack: &Pack, session: &Session, only: Option<Theme>, width: usize) -> String {
    let mut page = String::new();
    let names = pack.reports().iter().map(|report| report.name.len());
    let column = INDENT.len() + names.max().unwrap_or_default() + 2;
    for (theme, _, heading) in Theme::ALL.into_iter().filter(|(theme, ..)| only.is_none_or(|only| only == *theme)) {
        let of_theme: Vec<&Report> = pack.reports().iter().filter(|report| report.theme == theme).collect();
        if of_theme.is_empty() {
            continue;
        }
        let gap = if page.is_empty() { "" } else { "\n" };
        writeln!(page, "{gap}{heading}").expect("a string takes all");
        for report in of_theme {
            let mut said = vec![report.meaning.clone()];
            if !report.parameters.is_empty() {
                said.push(format!("--param {}", parameters(report)));
            }
            if let Some(lack) = lack(report, session) {
                said.push(format!("cannot run: {lack}"));
            }
            let mut lines = said.iter().flat_map(|text| wrapped(&shown::line(text), width.saturating_sub(column)));
            let first = lines.next().unwrap_or_default();
            let name = format!("{INDENT}{}", shown::line(&report.name));
            writeln!(page, "{name:column$}{first}").expect("a string takes all");
            lines.for_each(|line| writeln!(page, "{:column$}{line}", "").expect("a string takes all"));
        }
    }
    page
}

/// The reports as rows: name, theme, meaning, parameters, and why one cannot run on this lake.
pub fn rows(pack: &Pack, session: &Session) -> Result<RecordBatch, QueryError> {
    let row = |report: &Report| {
        let lack = lack(report, session).unwrap_or_default();
        [report.name.clone(), report.theme.word().to_owned(), report.meaning.clone(), parameters(report), lack]
    };
    let rows: Vec<[String; 5]> = pack.reports().iter().map(row).collect();
    let names = ["report", "theme", "meaning", "parameters", "cannot run"];
    let fields: Vec<Field> = names.iter().map(|name| Field::new(*name, DataType::Utf8, false)).collect();
    let column = |at: usize| Arc::new(rows.iter().map(|row| Some(row[at].as_str())).collect::<StringArray>()) as _;
    let columns = (0..names.len()).map(column).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|error| QueryError::Engine(error.into()))
}

fn parameters(report: &Report) -> String {
    let shown = report.parameters.iter().map(|parameter| match &parameter.default {
        Some(default) if default.is_empty() => format!("{}=''", parameter.name),
        Some(default) => format!("{}={default}", parameter.name),
        None => format!("{}=… (required)", parameter.name),
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// What the lake lacks that the report needs.
pub fn lack(report: &Report, session: &Session) -> Option<String> {
    let table = report.table?;
    let Some(columns) = session.columns(table) else {
        return Some(format!("no {} in this lake", table.name()));
    };
    let lacks = report.lacks(Some(&columns));
    (!lacks.is_empty()).then(|| format!("this lake has no {}", lacks.join(", ")))
}
