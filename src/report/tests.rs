use std::collections::BTreeSet;
use std::ffi::OsString;

use super::*;
use crate::schema::Table;

#[test]
fn every_embedded_report_is_sound() {
    let pack = Pack::embedded();
    assert_eq!(pack.reports()[0].name, REJECTED_BY_PORT);
    let stem = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().path().file_stem().unwrap().to_owned();
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/sql")).unwrap().map(stem).collect();
    let names: BTreeSet<OsString> = pack.reports().iter().map(|report| report.name.clone().into()).collect();
    assert_eq!(names, files, "every file of sql/ is embedded");
    let places: Vec<(u32, &str)> =
        pack.reports().iter().map(|report| (report.order.unwrap_or(u32::MAX), report.name.as_str())).collect();
    assert!(places.is_sorted(), "{places:?}");
    for report in pack.reports() {
        assert_ne!(report.theme, Theme::Own, "{}", report.name);
        for parameter in &report.parameters {
            let place = format!("${}", parameter.name);
            assert!(report.sql.contains(&place), "{}: {place} is not used", report.name);
            if let Some(default) = &parameter.default {
                parameter.value(default).unwrap();
            }
        }
        assert_eq!(report.against.is_some(), report.sql.contains("flow_logs_before"), "{}", report.name);
        let known = |field: &String| Table::all().any(|table| table.field(field).is_some());
        assert!(report.fields.iter().chain(&report.optional).all(known), "{}", report.name);
    }
}

#[test]
fn a_header_says_what_it_lacks() {
    let parse = |text: &str| Report::parse("own", text);
    assert!(parse("SELECT 1 ORDER BY 1").unwrap_err().contains("-- title"));
    let head = "-- title: T\n-- meaning: M\n-- fields: srcaddr\n";
    assert!(parse(&format!("{head}SELECT 1")).unwrap_err().contains("ORDER BY"));
    let wrong = parse(&format!("{head}-- param: top number 1: x\nSELECT 1 ORDER BY 1"));
    assert!(wrong.unwrap_err().contains("integer"));
    let wrong = parse(&format!("{head}-- theme: weather\nSELECT 1 ORDER BY 1"));
    assert!(wrong.unwrap_err().contains("refused, suspicious"));
    let wrong = parse(&format!("{head}-- order: first\nSELECT 1 ORDER BY 1"));
    assert!(wrong.unwrap_err().contains("whole number"));
    let report = parse(&format!("{head}-- param: who address required: a: b\nSELECT 1 ORDER BY 1;")).unwrap();
    assert_eq!((report.parameters[0].name.as_str(), &report.parameters[0].default), ("who", &None));
    assert_eq!(report.lacks(None), ["srcaddr"]);
    assert_eq!(report.lacks(Some(&["srcaddr".to_owned()])), Vec::<&str>::new());
}

#[test]
fn values_are_checked_before_they_are_bound() {
    let parameter = |text: &str| Parameter::parse(text).unwrap();
    assert!(parameter("n integer 1: x").value("-1").is_err());
    assert!(parameter("n integer 1: x").value("1; DROP TABLE flow_logs").is_err());
    assert!(parameter("a address required: x").value("10.0.0").is_err());
    let v6 = parameter("a address required: x").value("2001:DB8:0:0::1").unwrap();
    assert_eq!(v6.to_string(), "2001:db8::1");
    assert_eq!(parameter("t text '': x").default.as_deref(), Some(""));
}

#[test]
fn conditions_are_read_or_refused() {
    for good in ["rows > 0", "rows>0", "flows >= 1000", "action = 'REJECT'", "percent != 0.5", "rows <> 1", "rows == 1"]
    {
        assert!(good.parse::<Condition>().is_ok(), "{good}");
    }
    for bad in ["", "rows", "> 0", "rows >", "rows ! 0", "a b > 1", "rows ~ 1"] {
        assert!(bad.parse::<Condition>().is_err(), "{bad}");
    }
}
