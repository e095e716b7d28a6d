use clap::CommandFactory;

use super::*;

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn days_are_dates_times_and_ages() {
    let day = NaiveDate::from_ymd_opt(2023, 9, 14).unwrap();
    assert_eq!(day_of("2023-09-14"), Ok(day));
    assert_eq!(day_of("2023-09-14T23:30:00-02:00"), Ok(day.succ_opt().unwrap()));
    let today = chrono::Utc::now().date_naive();
    let week_ago = day_of("7d").unwrap();
    assert!((6..=8).contains(&(today - week_ago).num_days()));
    assert!(day_of("yesterday").unwrap_err().contains("is no time"));
}

#[test]
fn lookback_rounds_up_to_days_and_sizes_have_units() {
    assert_eq!(values::days("36h"), Ok(2));
    assert_eq!(values::size("256MiB"), Ok(256 << 20));
    assert!(values::size("12 parsecs").is_err());
    assert!(values::size("10").unwrap_err().contains("too small"));
}

#[test]
fn every_flag_has_help() {
    for command in Cli::command().get_subcommands() {
        for argument in command.get_arguments().filter(|argument| argument.get_id() != "help") {
            assert!(argument.get_help().is_some(), "{} {} has no help", command.get_name(), argument.get_id());
        }
    }
}

/// `file:///data` was the folder `file:` of the working directory, and a bucket a folder of its name.
#[test]
fn a_place_on_this_machine_is_a_path_or_its_url() {
    let dir = |text: &str| match Cli::try_parse_from(["flowlake", "sample", text]) {
        Ok(Cli { command: Command::Sample(sample), .. }) => Ok(sample.dir),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.to_string()),
    };
    assert_eq!(dir("file:///data/logs"), Ok("/data/logs".into()));
    assert_eq!(dir("data/file:/x"), Ok("data/file:/x".into()));
    for (command, more) in [
        ("sample", &[][..]),
        ("demo", &[]),
        ("man", &[]),
        ("convert", &["a", "b", "--scratch"]),
        ("verify", &["a", "--scratch"]),
        ("query", &["a", "--output"]),
        ("query", &["a", "--spill"]),
        ("query", &["a", "--file"]),
        ("report", &["a", "b", "--dir"]),
        ("dashboard", &["a", "--output"]),
    ] {
        let line = [&["flowlake", command], more].concat();
        for other in ["s3://bucket/x", "file://host/x", "https://a/b"] {
            let error = Cli::try_parse_from(line.iter().chain(&[other])).unwrap_err().to_string();
            assert!(error.contains("give a path of this machine"), "{line:?} {other}: {error}");
        }
        assert!(Cli::try_parse_from(line.iter().chain(&["file:///x"])).is_ok(), "{line:?}");
    }
    let table = |file: &str| Cli::try_parse_from(["flowlake", "query", "a", "--table", &format!("mine={file}")]);
    assert!(table("file:///x.csv").is_ok() && table("s3://bucket/x.csv").is_err());
}
