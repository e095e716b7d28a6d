//! What one source object gave to one partition, in sums.

use std::fmt;

use chrono::NaiveDate;
use serde::de::{Error, IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Relative;
use crate::schema::{Partition, Table};

/// What one source object gave to one partition. Sums wrap; a null counts as 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartSums {
    /// The table that the rows went to.
    pub table: Table,
    /// Folders of the partition, below the table's.
    pub partition: Relative,
    /// How many rows.
    pub rows: u64,
    /// One for each of the table's measures. On storage each stands under its name.
    pub measures: Vec<u64>,
    /// Wrapping sum of [`row_mix`](crate::encode::row_mix) over the rows.
    pub mix: u64,
}

impl PartSums {
    /// The date of its partition; `None` if that has none.
    pub fn date(&self) -> Option<NaiveDate> {
        self.partition.parse::<Partition>().ok().and_then(|partition| partition.date)
    }

    /// Whether it has a date that is not after the last one; there may be no last one.
    pub fn is_of_date_until(&self, last: Option<NaiveDate>) -> bool {
        last.is_some() && self.date().is_some_and(|date| Some(date) <= last)
    }

    /// The measures with their names.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.table.measures.iter().copied().zip(self.measures.iter().copied())
    }
}

impl Serialize for PartSums {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.measures.len() + 4))?;
        map.serialize_entry("table", &self.table)?;
        map.serialize_entry("partition", &self.partition)?;
        map.serialize_entry("rows", &self.rows)?;
        for (name, sum) in self.named() {
            map.serialize_entry(name, &sum)?;
        }
        map.serialize_entry("mix", &self.mix)?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for PartSums {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<PartSums, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = PartSums;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sums of an object in a partition")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PartSums, A::Error> {
        let (mut table, mut partition, mut rows, mut mix) = (None::<Table>, None, None, None);
        let mut sums: Vec<(&'static str, u64)> = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            let measure = || Table::all().flat_map(|table| table.measures).find(|measure| **measure == key);
            let is_there = match key.as_str() {
                "table" => table.is_some(),
                "partition" => partition.is_some(),
                "rows" => rows.is_some(),
                "mix" => mix.is_some(),
                other => sums.iter().any(|(name, _)| *name == other),
            };
            if is_there {
                return Err(Error::custom(format!("`{key}` stands there twice")));
            }
            match key.as_str() {
                "table" => table = Some(map.next_value()?),
                "partition" => partition = Some(map.next_value()?),
                "rows" => rows = Some(map.next_value()?),
                "mix" => mix = Some(map.next_value()?),
                _ => match measure() {
                    Some(measure) => sums.push((measure, map.next_value()?)),
                    None => drop(map.next_value::<IgnoredAny>()?),
                },
            }
        }
        let table = table.ok_or_else(|| Error::missing_field("table"))?;
        let sum = |measure: &&'static str| {
            let found = sums.iter().find(|(name, _)| name == measure).map(|(_, sum)| *sum);
            found.ok_or_else(|| Error::missing_field(measure))
        };
        Ok(PartSums {
            table,
            partition: partition.ok_or_else(|| Error::missing_field("partition"))?,
            rows: rows.ok_or_else(|| Error::missing_field("rows"))?,
            measures: table.measures.iter().map(sum).collect::<Result<_, _>>()?,
            mix: mix.ok_or_else(|| Error::missing_field("mix"))?,
        })
    }
}
