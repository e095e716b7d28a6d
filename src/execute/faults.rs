//! What attempts at a task learned of its objects, which the next one leaves out.

use std::collections::BTreeMap;

use super::receipts::receipt;
use crate::fetch::FetchError;
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
    /// The same: there is nothing any more.
    Gone,
}

impl Fault {
    pub(super) fn receipt(&self, object: &Object) -> Receipt {
        let outcome = match self {
            Fault::Bad(_) => Outcome::Aside,
            Fault::Unread(_) | Fault::Gone => Outcome::Unread,
        };
        receipt(object, outcome, Some(self.reason()))
    }

    pub(super) fn reason(&self) -> String {
        match self {
            Fault::Bad(reason) | Fault::Unread(reason) => reason.clone(),
            Fault::Gone => FetchError::Gone.to_string(),
        }
    }
}
