//! What lies in the folders of tables, held against what commits name.

use std::io;

use super::matching::{Matching, Mention, Side};
use super::standing::Standing;
use crate::lake::{Names, Relative, State};

/// Files that are not where one commit in effect says, and how many others lie beside the live ones.
#[derive(Debug, Default)]
pub struct Found {
    /// Names that no commit in effect tells, in their order.
    pub stray: Vec<String>,
    /// Names that two commits tell.
    pub twice: Vec<String>,
    /// Files of plans that are under way.
    pub unpublished: u64,
    /// Files that left the lake and stay for their retention.
    pub retired: u64,
}

/// Tells files by their names. `state` is the fold of the whole log.
pub fn sort(files: Matching, standing: &Standing, state: &State) -> io::Result<Found> {
    // Where readers of folders see the new files, none of the old ones may be.
    let is_shown = |plan| state.in_effect.get(&plan).is_some_and(|plan| plan.shown);
    let mut found = Found::default();
    let each = |group: &[Mention<'_>]| {
        let of = |side| group.iter().filter(|mention| mention.side == side).count();
        let note = group[0].note;
        let name = note.parse::<Relative>().ok();
        let removed_by = name.as_ref().and_then(|name| standing.removed_by(name));
        let is_aside = || name.as_ref().is_some_and(|name| Names::shown(name).is_some());
        match (of(Side::Committed), of(Side::Known), of(Side::Listed)) {
            (0, 0, _) => found.stray.push(note.to_owned()),
            (0, _, 1..) => match removed_by {
                Some(plan) if is_shown(plan) && !is_aside() => found.stray.push(note.to_owned()),
                Some(_) => found.retired += 1,
                None => found.unpublished += 1,
            },
            (2.., _, _) => found.twice.push(note.to_owned()),
            _ => {}
        }
        Ok(())
    };
    files.groups(each)?;
    found.stray.sort_unstable();
    Ok(found)
}
