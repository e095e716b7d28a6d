//! That the Delta logs beside the data files say what the ledger says.

use super::AuditError;
use super::difference::{Difference, DifferenceKind};
use super::problem::problem;
use crate::delta::{self, Checked, DeltaError};
use crate::lake::{Lake, State};
use crate::schema::Table;

/// A difference for each file of which a log says something else, and for versions of other programs. `is_told`: what
/// keeps the ledger from being read was told where it lies.
pub async fn check(lake: &Lake, state: &State, is_told: bool) -> Result<Vec<Difference>, AuditError> {
    let mut differences = Vec::new();
    for table in Table::all() {
        let folder = lake.names.relative(&lake.names.delta_log(table));
        let differ =
            |expected: &str, found: String| Difference::of_file(DifferenceKind::DeltaDiffers, &folder, expected, found);
        match delta::check(lake, state, table).await {
            Ok(None) => {}
            Ok(Some(checked)) => differences.extend(of(&checked).map(|(expected, found)| differ(expected, found))),
            Err(error @ DeltaError::Ahead { .. }) => differences.push(differ("the newest ledger", error.to_string())),
            Err(DeltaError::Record { reason, .. }) => differences.push(differ("versions that can be read", reason)),
            Err(DeltaError::Lake(error)) => {
                let problem = problem(lake, error)?;
                differences.extend((!is_told).then_some(problem));
            }
        }
    }
    Ok(differences)
}

fn of(checked: &Checked) -> impl Iterator<Item = (&'static str, String)> + '_ {
    let foreign =
        checked.foreign.map(|version| ("versions of flowlake", format!("version {version} of another program")));
    let lacking = checked.lacking.iter().map(|name| ("live files", format!("not {name}, or something else of it")));
    let surplus = checked.surplus.iter().map(|name| ("live files", format!("{name}, which is not live")));
    foreign.into_iter().chain(lacking).chain(surplus)
}
