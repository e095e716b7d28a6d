//! From what was listed to plans in the ledger: day by day, so that only what is known of a stretch of days is in
//! memory.
//!
//! ```text
//! Listed ─▶ stretch of days ─▶ Seen of these days ─▶ judge ─┬▶ fresh ───▶ plans to convert
//!                                                          └▶ changed ─▶ plans to check
//! ```

use std::collections::BTreeSet;

use super::copies::FoundCopies;
use super::discover::Listing;
use super::given_up::GivenUp;
use super::{ConvertError, Options};
use crate::execute::TaskError;
use crate::lake::{Day, Lake, Purpose, Seen, State};
use crate::plan::{Finder, Found, Gather, Verdict, judge, take_back};
use crate::source::{Object, Reach};

/// Listed objects whose standing is looked up at once, at least.
const STRETCH_OBJECTS_MIN: u64 = 250_000;

/// Objects of one plan to come.
pub(super) struct Gathered {
    pub purpose: Purpose,
    pub objects: Vec<Object>,
    /// Nothing comes after it.
    pub is_last: bool,
    /// Folders of objects that are in no plan, though they were listed: known with the last one.
    pub put_off: BTreeSet<String>,
}

/// Who takes the plans of a pass: a run writes them, a dry run counts them.
pub(super) trait Planner {
    /// The ledger as it is known now; `None` before there is a lake.
    fn ledger(&self) -> Option<(&Lake, &State)>;

    /// Takes one plan, and says whether the pass goes on.
    async fn take(&mut self, gathered: Gathered) -> Result<Pass, ConvertError>;
}

/// Whether more plans are wanted of a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    GoesOn,
    /// What was judged may hold no longer, or the run is to stop.
    Ends,
}

/// What a pass over the listed objects met.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Passed {
    pub known: u64,
    /// Objects without a byte of which the lake has nothing.
    pub empty: u64,
    pub copies: FoundCopies,
    /// Whether every plan was taken.
    pub whole: bool,
}

/// Holds what was listed against the ledger, and hands on plans as they fill. `reach` is what the run may fetch.
pub(super) async fn pass(
    listing: &Listing,
    options: &Options,
    reach: &Reach,
    planner: &mut impl Planner,
) -> Result<Passed, ConvertError> {
    let format = options.format.as_deref();
    // What an open plan may name that this run finishes.
    let is_ours = |url: &str| reach.may_hold(url);
    let mut passed = Passed::default();
    let (mut fresh, mut changed) = (Gather::default(), Gather::default());
    let (listed, failed) = (&listing.objects, TaskError::of_scratch(&listing.scratch));
    let mut merge = listed.merge().map_err(failed)?;
    let mut given_up = GivenUp::load(planner.ledger(), &options.filter(), listing, reach).await?;
    for days in listed.stretches(STRETCH_OBJECTS_MIN) {
        let seen = match planner.ledger() {
            Some((lake, state)) => Seen::load(lake, state, &days, format, is_ours).await?,
            None => Seen::default(),
        };
        let mut finder = Finder::new(&seen);
        loop {
            let next = merge.next_of(&days).map_err(failed)?;
            let mut found = Vec::new();
            if finder.is_full(next.as_ref())
                && let Some((lake, state)) = planner.ledger()
            {
                found = finder.resolve(lake, state, is_ours).await?;
            }
            let is_end = next.is_none();
            next.iter().for_each(|object| given_up.met(object));
            let mut full = Vec::new();
            match next.map(|object| (judge(&object, &seen), object)) {
                Some((Verdict::Fresh, object)) => found.extend(finder.look(object)),
                Some((Verdict::Changed, object)) => {
                    full.extend(changed.push(object).map(|objects| (Purpose::Check, objects)));
                }
                Some((Verdict::Known, _)) => passed.known += 1,
                Some((Verdict::Empty, _)) => passed.empty += 1,
                None => {}
            }
            for found in found {
                let take_back = |urls: &[&str]| fresh.take_back(urls);
                let object = passed.copies.look(found, (options.copies, reach), take_back).await?;
                let next = object.and_then(|object| fresh.push(object));
                full.extend(next.map(|objects| (Purpose::Convert, objects)));
            }
            if hand_on(planner, full, false, &passed).await? == Pass::Ends {
                return Ok(passed);
            }
            if is_end {
                break;
            }
        }
    }
    let missed = given_up.not_met(planner.ledger()).await?;
    let full = missed.into_iter().filter_map(|object| Some((Purpose::Convert, Some(fresh.push(object)?))));
    let mut rest: Vec<(Purpose, Option<Vec<Object>>)> = full.collect();
    rest.extend([(Purpose::Check, changed.finish()), (Purpose::Convert, fresh.finish())]);
    let rest = rest.into_iter().filter_map(|(purpose, objects)| Some((purpose, objects?)));
    if hand_on(planner, rest, true, &passed).await? == Pass::Ends {
        return Ok(passed);
    }
    passed.whole = true;
    Ok(passed)
}

/// Hands on some plans; `are_last` says that nothing comes after them.
async fn hand_on(
    planner: &mut impl Planner,
    plans: impl IntoIterator<Item = (Purpose, Vec<Object>)>,
    are_last: bool,
    passed: &Passed,
) -> Result<Pass, ConvertError> {
    let mut plans = plans.into_iter().peekable();
    while let Some((purpose, objects)) = plans.next() {
        let is_last = are_last && plans.peek().is_none();
        let put_off = if are_last { passed.copies.put_off.folders.clone() } else { BTreeSet::new() };
        if planner.take(Gathered { purpose, objects, is_last, put_off }).await? == Pass::Ends {
            return Ok(Pass::Ends);
        }
    }
    Ok(Pass::GoesOn)
}

/// Looks for copies among objects that no listing gave. They come in order of day, hour, account and region.
pub(super) async fn look_for_copies(
    (lake, state): (&Lake, &State),
    objects: Vec<Object>,
    options: &Options,
    reach: &Reach,
) -> Result<(Vec<Object>, FoundCopies), ConvertError> {
    let is_ours = |url: &str| reach.may_hold(url);
    let (mut copies, mut looked) = (FoundCopies::default(), Vec::with_capacity(objects.len()));
    let mut rest = objects.into_iter().peekable();
    while let Some(day) = rest.peek().map(|object| object.day) {
        let seen = Seen::load(lake, state, &BTreeSet::from([Day(day)]), options.format.as_deref(), is_ours).await?;
        let mut finder = Finder::new(&seen);
        while let Some(object) = rest.next_if(|object| object.day == day) {
            let mut found: Vec<Found> = finder.look(object).into_iter().collect();
            if finder.is_full(rest.peek()) {
                found.extend(finder.resolve(lake, state, is_ours).await?);
            }
            for found in found {
                let take_back = |urls: &[&str]| take_back(&mut looked, urls);
                let object = copies.look(found, (options.copies, reach), take_back).await?;
                looked.extend(object);
            }
        }
    }
    Ok((looked, copies))
}
