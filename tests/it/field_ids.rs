//! The ids that columns have in data files, as DuckDB and pyarrow find them: each column of a table has one, the same in
//! all files, and so has what is within a column.

use std::collections::{BTreeMap, BTreeSet};

use crate::engines::{mixed_lake, python, script};
use crate::kinds;
use crate::lab::Lab;

/// By table: the id of each path.
type Ids = BTreeMap<String, BTreeMap<String, i64>>;

fn ids(lab: &Lab) -> Ids {
    let said = script(lab, python(), "field_ids.py", &[lab.path("lake").to_str().expect("a plain path")]);
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// The id of a column in the list of those that never change, by the names of tables, `*` for all.
fn listed(table: &str, name: &str) -> Option<i64> {
    let list = include_str!("../../src/codec/schema/tests/ids.txt");
    let fits = |of: &str, called: &str| [table, "*"].contains(&of) && called == name;
    list.lines().find_map(|line| match line.split(' ').collect::<Vec<_>>()[..] {
        [of, id, called] if fits(of, called) => Some(id.parse().expect("a number")),
        _ => None,
    })
}

fn names(of: &BTreeMap<String, i64>) -> BTreeSet<&str> {
    of.keys().map(String::as_str).collect()
}

#[test]
fn every_column_of_a_lake_has_an_id_of_its_own() {
    let lab = Lab::on_disk();
    mixed_lake(&lab);
    // More unknown names than a task gives columns to, and one that is a partition key's.
    let known = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end";
    let row = "2 111122223333 eni-1 10.0.0.1 10.0.0.2 1 2 6 1 100 1694735970 1694735971";
    let many: String = (0..60).map(|n| format!(" unknown-{n}")).collect();
    lab.put_gz("logs/many.log.gz", &format!("{known} date{many}\n{row}{}\n", " x".repeat(61)));
    lab.convert(&["--full-scan"], 0);
    let found = ids(&lab);
    assert_eq!(found.keys().collect::<Vec<_>>(), ["flow_logs", "tgw_flow_logs"]);
    let (mut of_list, mut others) = (BTreeSet::new(), BTreeSet::new());
    for (table, ids) in &found {
        for (name, id) in ids {
            match listed(table, name) {
                Some(listed) => {
                    assert_eq!(*id, listed, "{name}");
                    of_list.insert(name.as_str());
                }
                None => {
                    assert!((1 << 20..i64::from(i32::MAX) - 200).contains(id), "{name}: {id}");
                    others.insert(name.as_str());
                }
            }
        }
    }
    // All documented fields of both tables but none of the partition, and what each row has besides.
    assert!(of_list.len() > 70 && !of_list.contains("date"), "{of_list:?}");
    assert!(["brand_new", "other_fields", "log_line"].iter().all(|name| found["flow_logs"].contains_key(*name)));
    // As many unknown fields as a task gives columns to, one of which is in the list.
    assert_eq!(others.len(), 31, "{others:?}");
    assert!(found["flow_logs"].contains_key("field_date"));
}

#[test]
fn lists_and_structs_and_what_is_within_them_have_ids() {
    let lab = Lab::on_disk();
    kinds::put(&lab, "a26");
    kinds::json::put(&lab, "a26");
    let said = kinds::visits(&lab, &["convert", "{}logs/", "{}lake/"]);
    assert_eq!(said.code, 3, "{}", said.stderr);
    let found = ids(&lab);
    let own = "log_account log_region log_id log_object log_line other_fields";
    let visits = "time site client status sent_bytes seconds is_cached drift request accepts accepts.element browser \
                  browser.name browser.version";
    let deeds = "time event_name client status sent_bytes seconds is_done request tags tags.element who who.type \
                 who.session who.session.mfa who.session.since who.groups who.groups.element";
    for (table, columns) in [("visits", visits), ("deeds", deeds)] {
        let wanted: BTreeSet<&str> = own.split(' ').chain(columns.split_whitespace()).collect();
        assert_eq!(names(&found[table]), wanted, "{table}");
    }
    assert_eq!(found.len(), 2);
    for (table, name) in [("visits", "accepts.element"), ("visits", "browser.name"), ("deeds", "who.session.mfa")] {
        assert_eq!(Some(found[table][name]), listed(table, name), "{name}");
    }
    let of = |table: &str, name: &str| found[table][name];
    assert_eq!([of("visits", "time"), of("visits", "browser"), of("visits", "log_line")], [11, 21, 7]);
    assert_eq!([of("deeds", "event_name"), of("deeds", "who"), of("deeds", "other_fields")], [12, 20, 8]);
}
