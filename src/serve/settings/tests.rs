use super::*;

fn refused(name: &str, value: &str) -> Option<&'static str> {
    judged(name, value).err().map(|refusal| refusal.code)
}

#[test]
fn settings_that_change_answers_are_honoured_or_refused() {
    for (given, kept) in [
        ("UTC", "UTC"),
        ("utc", "UTC"),
        ("europe/berlin", "Europe/Berlin"),
        ("AMERICA/NEW_YORK", "America/New_York"),
        ("etc/gmt+7", "Etc/GMT+7"),
        ("gmt", "GMT"),
        ("GMT-02:00", "Etc/GMT-2"),
        ("GMT+3", "Etc/GMT+3"),
        ("UTC-05:30", "+05:30"),
        ("2", "Etc/GMT-2"),
        ("0", "UTC"),
        ("-3.5", "-03:30"),
    ] {
        assert_eq!(judged("TimeZone", given).as_deref(), Ok(kept), "{given}");
    }
    for wrong in ["Mars/Olympus", "", "99", "Europe/Berlin; DROP", "+02:00", "02:00", "NaN", "GMT--2"] {
        assert_eq!(refused("timezone", wrong), Some("22023"), "{wrong}");
    }
    assert_eq!(judged("datestyle", "iso, ymd").as_deref(), Ok("ISO, MDY"));
    assert_eq!(refused("DateStyle", "German"), Some("22023"));
    assert_eq!(refused("IntervalStyle", "iso_8601"), Some("22023"));
    assert_eq!(refused("client_encoding", "LATIN1"), Some("22023"));
    assert_eq!(judged("client_encoding", "'utf-8'").as_deref(), Ok("UTF8"));
    assert_eq!(refused("standard_conforming_strings", "off"), Some("22023"));
    assert_eq!(judged("app.tenant", "7").as_deref(), Ok("7"));
}

#[test]
fn a_timeout_has_postgres_units() {
    for (text, millis) in [("0", 0), ("1500", 1500), ("1500ms", 1500), ("2 s", 2000), ("1.5s", 1500), ("2min", 120_000)]
    {
        assert_eq!(duration(text), Some(Duration::from_millis(millis)), "{text}");
    }
    for wrong in ["", "-1", "1 week", "s", "1e30"] {
        assert_eq!(duration(wrong), None, "{wrong}");
    }
}

#[test]
fn a_transaction_gives_back_what_it_set() {
    let settings = Settings::default();
    settings.begin_transaction();
    settings.set("TimeZone", "Europe/Berlin", Scope::Session).expect("a zone");
    settings.set("application_name", "a", Scope::Transaction).expect("a name");
    assert_eq!(settings.get("application_name").as_deref(), Some("a"));
    settings.end_transaction(false);
    assert_eq!(settings.get("application_name").as_deref(), Some(""));
    assert_eq!(settings.time_zone().name(), "Europe/Berlin");
    settings.begin_transaction();
    settings.set("TimeZone", "UTC", Scope::Session).expect("a zone");
    settings.end_transaction(true);
    assert_eq!(settings.get("timezone").as_deref(), Some("Europe/Berlin"));
    settings.reset("timezone");
    assert_eq!(settings.get("timezone").as_deref(), Some("UTC"));
    assert!(settings.set("server_version", "9", Scope::Session).is_err());
}

#[test]
fn what_a_client_asks_for_when_it_comes_is_its_default() {
    let settings = Settings::default();
    let parameters =
        [("user", "ana"), ("options", r"-c statement_timeout=5s --application-name=a\ b"), ("TimeZone", "Asia/Tokyo")];
    let parameters = parameters.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    settings.begin(&parameters).expect("all are known");
    settings.set("TimeZone", "UTC", Scope::Session).expect("a zone");
    settings.reset_all();
    assert_eq!(settings.user(), "ana");
    assert_eq!(settings.time_zone().name(), "Asia/Tokyo");
    assert_eq!(settings.get("application_name").as_deref(), Some("a b"));
    assert_eq!(settings.statement_timeout(), Some(Duration::from_secs(5)));
    let wrong = [("options".to_owned(), "-z".to_owned())].into_iter().collect();
    assert_eq!(settings.begin(&wrong).map_err(|refusal| refusal.code), Err("22023"));
}
