//! What records say of data files, and how many columns the files of one task may name.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::NaiveDate;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::Relative;
use super::columns::{self, TASK_COLUMNS_MAX, too_many};
use crate::schema::{Kind, Partition, Table};

/// One data file. Names are relative to the lake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    /// Its name. Of a file that lies aside it begins with the folder `_c` of its table.
    pub path: Relative,
    /// The table whose rows it has.
    pub table: Table,
    /// Folders of the partition, below the table's, such as `date=2023-09-14`. A file that lies aside has them too.
    pub partition: Relative,
    /// How many rows it has, as its footer says.
    pub rows: u64,
    /// Its length.
    pub bytes: u64,
    /// BLAKE3 of the file, in 64 hexadecimal digits.
    #[serde(deserialize_with = "hash")]
    pub hash: String,
    /// The columns that it has, with their types. Files of one table may have different ones.
    #[serde(deserialize_with = "columns::of_file")]
    pub columns: BTreeMap<String, Kind>,
    /// Least of the table's [`start`](crate::schema::Log::start) in Unix seconds; `None` if no row has one.
    pub start_min: Option<i64>,
    /// Greatest, likewise.
    pub start_max: Option<i64>,
}

/// What files have in common whose rows may go into one file: their partition, and names and types of their columns.
pub type FileSet<'a> = (&'a Relative, Vec<(&'a str, &'a str)>);

impl DataFile {
    /// The date of its rows; `None` if they have none.
    pub fn date(&self) -> Option<NaiveDate> {
        self.partition.parse::<Partition>().ok().and_then(|partition| partition.date)
    }

    /// The set to which it belongs.
    pub fn set(&self) -> FileSet<'_> {
        (&self.partition, self.columns.iter().map(|(name, kind)| (name.as_str(), kind.word())).collect())
    }
}

/// Names of files are made of it.
fn hash<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    checked_hash(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

/// A data file's hash as a record has it. The error says what it is not.
pub(super) fn checked_hash(text: String) -> Result<String, &'static str> {
    let is_hash =
        text.len() == 2 * blake3::OUT_LEN && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if is_hash { Ok(text) } else { Err("a data file's hash is no BLAKE3 in hexadecimal digits") }
}

/// Data files of a task.
pub fn of_task<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<DataFile>, D::Error> {
    deserializer.deserialize_seq(Files)
}

struct Files;

impl<'de> Visitor<'de> for Files {
    type Value = Vec<DataFile>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of data files")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<DataFile>, A::Error> {
        let (mut files, mut names) = (Vec::<DataFile>::new(), BTreeSet::new());
        while let Some(file) = seq.next_element::<DataFile>()? {
            // Files of one task mostly have the columns of the one before.
            if files.last().is_none_or(|last| last.columns != file.columns) {
                names
                    .extend(file.columns.keys().map(|name| blake3::hash(name.as_bytes())).map(|hash| *hash.as_bytes()));
            }
            if names.len() > TASK_COLUMNS_MAX {
                return Err(too_many(TASK_COLUMNS_MAX));
            }
            files.push(file);
        }
        Ok(files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::columns::SEAL_COLUMNS_MAX;
    use crate::lake::{Commit, Intent, LakeError, Seal};

    fn columns(from: usize, to: usize) -> String {
        let columns: Vec<String> = (from..to).map(|n| format!("\"c{n}\":\"text\"")).collect();
        format!("{{{}}}", columns.join(","))
    }

    fn file(columns: &str) -> String {
        format!(
            "{{\"path\":\"flow_logs/date=2023-09-14/a.parquet\",\"table\":\"flow_logs\",\"partition\":\"date=2023-09-14\",\
             \"rows\":1,\"bytes\":1,\"hash\":\"{}\",\"columns\":{columns},\"start_min\":null,\"start_max\":null}}",
            "0".repeat(64)
        )
    }

    fn commit(files: &[String]) -> Result<Commit, LakeError> {
        let head = format!(
            "{{\"format\":1,\"nonce\":\"\",\"written_by\":\"\",\"plan\":1,\"task\":0,\"writer_epoch\":3,\
             \"totals\":{{\"objects\":0,\"objects_aside\":0,\"objects_skipped\":0,\"rows\":0,\"rejects\":0,\"files\":0,\
             \"file_bytes\":0}},\"files\":[{}],\"rejects\":null}}",
            files.join(",")
        );
        Commit::parse(&zstd::encode_all(head.as_bytes(), 3).unwrap(), "a commit")
    }

    #[test]
    fn columns_are_counted_while_they_are_read() {
        let most = TASK_COLUMNS_MAX;
        let read = commit(&[file(&columns(0, most)), file(&columns(0, 7))]).unwrap();
        assert_eq!(read.head.files[0].columns.len(), most);
        for files in [vec![file(&columns(0, most + 1))], vec![file(&columns(0, most)), file(&columns(most, most + 1))]]
        {
            let error = commit(&files).unwrap_err().to_string();
            assert!(error.contains("more than 10000 columns"), "{error}");
        }
        let intent = |columns: &str| {
            let files = file(columns);
            let text = format!(
                "{{\"format\":1,\"plan\":1,\"task\":0,\"writer_epoch\":3,\"files\":[{files}],\"rejects\":null}}"
            );
            serde_json::from_str::<Intent>(&text)
        };
        assert!(intent(&columns(0, most)).is_ok() && intent(&columns(0, most + 1)).is_err());
        let seal = |columns: &str| {
            let totals = "\"objects\":0,\"objects_aside\":0,\"objects_skipped\":0,\"rows\":0,\"rejects\":0,\"files\":0,\
                          \"file_bytes\":0";
            serde_json::from_str::<Seal>(&format!("{{\"plan\":1,{totals},\"columns\":{{\"flow_logs\":{columns}}}}}"))
        };
        assert_eq!(seal(&columns(0, most + 1)).unwrap().columns[&Table::FLOW_LOGS].len(), most + 1);
        assert!(seal(&columns(0, SEAL_COLUMNS_MAX + 1)).is_err());
    }
}
