//! The value of an option that nobody typed, and where it comes from.

use std::ffi::OsString;
use std::fmt;

use super::error::Place;
use super::names::Setting;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    Switch(bool),
    /// One text, or those of an option that may be repeated.
    Texts(Vec<OsString>),
}

/// Where a value comes from that was not typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Variable(String),
    Line(Place),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Variable(name) => f.write_str(name),
            Origin::Line(place) => place.fmt(f),
        }
    }
}

/// An option that has a value without having been typed.
#[derive(Debug, Clone)]
pub struct Chosen<'a> {
    pub setting: Setting<'a>,
    pub value: Given,
    pub origin: Origin,
}

impl Chosen<'_> {
    pub fn id(&self) -> &str {
        self.setting.arg.get_id().as_str()
    }

    /// A switch that is off hides a lower layer, and does nothing else.
    pub fn is_off(&self) -> bool {
        self.value == Given::Switch(false)
    }
}
