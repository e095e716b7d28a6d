//! What attempts at a task learned of its objects, which the next one leaves out.

use std::collections::BTreeMap;

use super::receipts::receipt;
use crate::lake::{Outcome, Receipt};
use crate::source::Object;

/// What attempts at a task learned of its objects, by URL.
pub(super) type Faults = BTreeMap<String, Fault>;

/// Why rows of an object are not in the lake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// It turned out bad after rows of it had been encoded.
    Bad(String),
    /// It could not be read to its end, and is listed again later.
    Unread(String),
}

impl Fault {
    pub(super) fn receipt(&self, object: &Object) -> Receipt {
        let (outcome, reason) = match self {
            Fault::Bad(reason) => (Outcome::Aside, reason),
            Fault::Unread(reason) => (Outcome::Unread, reason),
        };
        receipt(object, outcome, Some(reason.clone()))
    }
}
