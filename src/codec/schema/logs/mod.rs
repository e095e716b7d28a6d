//! The kinds of log, a file each. The line of a new one goes into [`ALL`].

pub mod transit_gateway;
pub mod vpc;

use super::log::Log;

/// All kinds, in the order in which their tables are told.
pub(super) const ALL: &[&Log] = &[&vpc::LOG, &transit_gateway::LOG];
