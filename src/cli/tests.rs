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
