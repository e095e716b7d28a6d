//! Which record formats a sample holds, and in which shares.

use std::fmt;
use std::str::FromStr;

use crate::schema::{TGW_DEFAULT_FORMAT, Table, VPC_DEFAULT_FORMAT};

/// The flow logs that every account and region of a sample has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mix {
    /// The 14 fields of a flow log made without `--log-format`.
    #[default]
    Default,
    /// The 29 fields of versions 2 to 5.
    V5,
    /// The 54 fields of versions 2 to 11.
    V11,
    /// The 36 fields of a transit gateway flow log.
    Tgw,
    /// All four side by side, by records 40, 30, 20 and 10 per cent.
    All,
}

/// A name that is none of the mixes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown mix `{0}`; use default, v5, v11, tgw or all")]
pub struct UnknownMix(pub String);

/// The fields of one flow log, in the documented order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Default,
    V5,
    V11,
    Tgw,
}

impl Mix {
    /// All, in the order of the help.
    pub const ALL: [Mix; 5] = [Mix::Default, Mix::V5, Mix::V11, Mix::Tgw, Mix::All];

    /// As the option spells it.
    pub fn name(self) -> &'static str {
        match self {
            Mix::Default => "default",
            Mix::V5 => "v5",
            Mix::V11 => "v11",
            Mix::Tgw => "tgw",
            Mix::All => "all",
        }
    }

    /// Formats and their share of the records, in per cent.
    pub(super) fn shares(self) -> &'static [(Format, u64)] {
        match self {
            Mix::Default => &[(Format::Default, 100)],
            Mix::V5 => &[(Format::V5, 100)],
            Mix::V11 => &[(Format::V11, 100)],
            Mix::Tgw => &[(Format::Tgw, 100)],
            Mix::All => &[(Format::Default, 40), (Format::V5, 30), (Format::V11, 20), (Format::Tgw, 10)],
        }
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Mix {
    type Err = UnknownMix;

    fn from_str(name: &str) -> Result<Mix, UnknownMix> {
        Mix::ALL.into_iter().find(|mix| mix.name() == name).ok_or_else(|| UnknownMix(name.to_owned()))
    }
}

impl Format {
    /// The header line of an object, without its newline.
    pub fn header(self) -> String {
        let up_to = |version: u8| {
            let of_vpc = Table::FLOW_LOGS.all_fields().filter(|field| field.version <= version);
            of_vpc.map(|field| field.log).collect::<Vec<_>>().join(" ")
        };
        match self {
            Format::Default => VPC_DEFAULT_FORMAT.to_owned(),
            Format::V5 => up_to(5),
            Format::V11 => up_to(11),
            Format::Tgw => TGW_DEFAULT_FORMAT.to_owned(),
        }
    }

    /// The value of the `version` field.
    pub fn version(self) -> u64 {
        match self {
            Format::Default => 2,
            Format::V5 => 5,
            Format::V11 => 11,
            Format::Tgw => 6,
        }
    }
}
