use datafusion::arrow::util::display::array_value_to_string;

use super::super::{Options, context};

/// Of 32 bits and of 64: the half second of 2023 is beyond the former.
#[tokio::test]
async fn unix_seconds_may_be_floats_of_any_width() {
    let context = context(&Options::default()).expect("a context");
    for (argument, right) in [
        ("CAST(x AS REAL)", "1970-01-01T00:00:00.500Z"),
        ("(1694649600 + x)::float", "2023-09-14T00:00:00Z"),
        ("x", "1970-01-01T00:00:00.500Z"),
        ("CAST(x AS DOUBLE) + 1694649600", "2023-09-14T00:00:00.500Z"),
    ] {
        let sql = format!("SELECT to_timestamp({argument}) FROM (VALUES (0.5)) AS t(x)");
        let batches = async { context.sql(&sql).await?.collect().await }.await;
        let found = batches.map(|batches| array_value_to_string(batches[0].column(0), 0).expect("a time"));
        assert_eq!(found.map_err(|error| error.to_string()).as_deref(), Ok(right), "{sql}");
    }
}

/// The engine counts days from 1970 where a date and a number become one type.
#[tokio::test]
async fn a_date_is_no_number_and_a_number_no_date() {
    let context = context(&Options::default()).expect("a context");
    let t = "(VALUES (DATE '2023-09-14', 168)) AS t(d, n)";
    for (expr, is_refused) in [
        ("CASE WHEN n > 1 THEN d ELSE n END", true),
        ("coalesce(d, n)", true),
        ("greatest(n, d)", true),
        ("d = n", true),
        ("d BETWEEN 1 AND 2", true),
        ("d IN (n)", true),
        ("[d, n]", true),
        ("CAST(n AS DATE)", true),
        ("TRY_CAST(d AS INT)", true),
        ("d::DOUBLE", true),
        ("d + n", false),
        ("d - 7", false),
        ("d - DATE '2023-09-01'", false),
        ("extract(epoch FROM d)", false),
        ("make_date(2023, 9, 14)", false),
        ("CAST(NULL AS DATE)", false),
        ("coalesce(d, NULL)", false),
    ] {
        let answered = async { context.sql(&format!("SELECT {expr} FROM {t}")).await?.collect().await }.await;
        assert_eq!(answered.is_err(), is_refused, "{expr}: {answered:?}");
    }
    let both = format!("SELECT d FROM {t} UNION ALL SELECT n FROM {t}");
    let answered = async { context.sql(&both).await?.collect().await }.await;
    assert!(answered.is_err_and(|error| error.to_string().contains("a number is no date")));
}

/// What PostgreSQL answers, but for the zeros that a numeric ends with.
#[tokio::test]
async fn parts_of_a_minute_have_their_fraction() {
    let context = context(&Options::default()).expect("a context");
    for (expr, right) in [
        ("extract(second FROM at)", "30.5"),
        ("date_part('seconds', at)", "30.5"),
        ("extract(millisecond FROM at)", "30500.0"),
        ("extract(microsecond FROM at)", "30500000"),
        ("extract(second FROM timestamp '2023-09-14 05:00:30.123456') = 30.123456", "true"),
        ("extract(second FROM timestamp '1969-12-31 23:59:59.25')", "59.25"),
        ("extract(second FROM CAST(at AS TIMESTAMPTZ))", "30.5"),
        ("extract(second FROM time '05:00:30.5')", "30.5"),
        ("extract(second FROM date '2023-09-14')", "0.0"),
        ("extract(second FROM interval '1 day 90.5 seconds')", "30.5"),
        ("extract(second FROM interval '-1.5 seconds')", "-1.5"),
        ("extract(millisecond FROM interval '1 minute 1.25 seconds')", "1250.0"),
        ("extract(microsecond FROM interval '59.999999 seconds')", "59999999"),
        ("extract(minute FROM interval '90 minutes')", "30"),
        ("extract(second FROM at - timestamp '2023-09-14 04:59:00')", "30.5"),
        ("extract(minute FROM at - timestamp '2023-09-14 03:58:00')", "2"),
        ("extract(day FROM at - timestamp '2023-09-12 04:00:00')", "2"),
        ("extract(epoch FROM at - timestamp '2023-09-14 04:59:00')", "90.5"),
        ("extract(epoch FROM interval '1 year')", "31557600.0"),
        ("extract(epoch FROM interval '1 year 1 month 1 day 1.5 seconds')", "34236001.5"),
        ("extract(epoch FROM interval '-1 month')", "-2592000.0"),
        ("date_part('epoch', interval '90 minutes')", "5400.0"),
        ("extract(year FROM at) = 2023", "true"),
        ("max(extract(second FROM at)) = 30.5", "true"),
    ] {
        let sql = format!("SELECT {expr} FROM (VALUES (timestamp '2023-09-14 05:00:30.5')) AS t(at)");
        let batches = async { context.sql(&sql).await?.collect().await }.await;
        let found = batches.map(|batches| array_value_to_string(batches[0].column(0), 0).expect("a value"));
        assert_eq!(found.map_err(|error| error.to_string()).as_deref(), Ok(right), "{expr}");
    }
}

async fn answer(zone: &str, expr: &str) -> Result<String, String> {
    let options = Options { time_zone: zone.parse().expect("a zone"), ..Options::default() };
    let sql = format!("SELECT CAST({expr} AS VARCHAR)");
    let context = context(&options).expect("a context");
    let batches = async { context.sql(&sql).await?.collect().await }.await;
    let batches = batches.map_err(|error| error.to_string())?;
    Ok(array_value_to_string(batches[0].column(0), 0).expect("a value"))
}

/// As a constant, and as a column.
#[tokio::test]
async fn what_a_format_has_is_kept() {
    for (zone, function, text, format, right) in [
        ("UTC", "to_timestamp", "2023-09-14-05", "%Y-%m-%d-%H", "2023-09-14T05:00:00Z"),
        ("UTC", "to_timestamp", "2023-09-14 10 PM", "%Y-%m-%d %I %p", "2023-09-14T22:00:00Z"),
        ("UTC", "to_timestamp", "2023-09-14 12 AM", "%Y-%m-%d %I %p", "2023-09-14T00:00:00Z"),
        ("UTC", "to_timestamp", "2023-09-14 05 +0200", "%Y-%m-%d %H %z", "2023-09-14T03:00:00Z"),
        ("UTC", "to_timestamp", "2023-09-14 +0200", "%Y-%m-%d %z", "2023-09-13T22:00:00Z"),
        ("UTC", "to_timestamp", "2023-09", "%Y-%m", "2023-09-01T00:00:00Z"),
        ("UTC", "to_timestamp", "2023-257 07", "%Y-%j %H", "2023-09-14T07:00:00Z"),
        ("UTC", "to_timestamp", "1694649600", "%s", "2023-09-14T00:00:00Z"),
        ("UTC", "to_timestamp", "2023-09-14 05 Europe/Berlin", "%Y-%m-%d %H %Z", "2023-09-14T03:00:00Z"),
        (
            "UTC",
            "to_timestamp",
            "14.09.2023 05:06:07.123456789",
            "%d.%m.%Y %H:%M:%S%.f",
            "2023-09-14T05:06:07.123456789Z",
        ),
        ("UTC", "to_timestamp", "2023-09-14 05", "YYYY-MM-DD HH24", "2023-09-14T05:00:00Z"),
        ("UTC", "to_timestamp", "05 Sep 2023 11:30 PM", "DD Mon YYYY HH12:MI PM", "2023-09-05T23:30:00Z"),
        ("UTC", "to_timestamp_seconds", "2023-09-14 05", "%Y-%m-%d %H", "2023-09-14T05:00:00Z"),
        ("UTC", "to_timestamp_millis", "20230914 05", "%Y%m%d %H", "2023-09-14T05:00:00Z"),
        ("UTC", "to_timestamp_micros", "20230914 05", "YYYYMMDD HH24", "2023-09-14T05:00:00Z"),
        ("UTC", "to_timestamp_nanos", "20230914 05", "YYYYMMDD HH24", "2023-09-14T05:00:00Z"),
        ("UTC", "to_unixtime", "2023-09-14 05", "%Y-%m-%d %H", "1694667600"),
        ("Europe/Berlin", "to_unixtime", "2023-09-14 05", "%Y-%m-%d %H", "1694660400"),
        // 02:30 comes twice, and is skipped: the first, and the moment of the jump.
        ("Europe/Berlin", "to_unixtime", "2023-10-29 02:30", "%Y-%m-%d %H:%M", "1698539400"),
        ("Europe/Berlin", "to_unixtime", "2023-03-26 02:30", "%Y-%m-%d %H:%M", "1679792400"),
        ("Europe/Berlin", "to_timestamp", "2023-10-29 02:30", "%Y-%m-%d %H:%M", "2023-10-29T02:30:00+02:00"),
        ("Europe/London", "to_date", "2021-07-04T00:30:00+01:00", "%+", "2021-07-04"),
        ("Europe/London", "to_date", "2023-09", "YYYY-MM", "2023-09-01"),
        ("Europe/London", "to_date", "9999-12-31", "%Y-%m-%d", "9999-12-31"),
    ] {
        let constant = format!("{function}('{text}', '{format}')");
        assert_eq!(answer(zone, &constant).await.as_deref(), Ok(right), "{constant}");
        let column =
            format!("(SELECT max({function}(x, '%Q', f)) FROM (VALUES ('{text}', '{format}'), (NULL, '')) AS t(x, f))");
        assert_eq!(answer(zone, &column).await.as_deref(), Ok(right), "{column}");
    }
    for (zone, expr, right) in [
        (
            "Europe/London",
            "(SELECT max(to_timestamp_seconds(x)) FROM (VALUES ('2021-07-04 05:00')) AS t(x))",
            "2021-07-04T05:00:00+01:00",
        ),
        ("UTC", "to_timestamp('x', CAST(NULL AS VARCHAR)) IS NULL", "true"),
        ("Europe/Berlin", "to_unixtime(date '2023-09-15')", "1694728800"),
        ("Europe/Berlin", "to_unixtime('2023-10-29T02:30:00')", "1698539400"),
        ("Europe/Berlin", "to_unixtime(timestamp '2023-09-15 00:00:00')", "1694728800"),
        ("Europe/Berlin", "to_unixtime(1694728800)", "1694728800"),
    ] {
        assert_eq!(answer(zone, expr).await.as_deref(), Ok(right), "{expr}");
    }
}

#[tokio::test]
async fn what_a_format_does_not_say_is_an_error() {
    for (expr, says) in [
        ("to_timestamp('05', '%H')", "no date with a year"),
        ("to_timestamp('2023-09-14 05', '%Y-%m-%d')", "trailing input"),
        ("to_timestamp('2023-09-14 PM', '%Y-%m-%d %p')", "no date with a year"),
        ("to_timestamp('2023', '%Q')", "a sign that is unknown"),
        ("to_timestamp('2023 Sept', 'YYYY Month')", "\"Month\" in the format \"YYYY Month\" of to_timestamp"),
        ("to_date('2023-13-14', 'YYYY-MM-DD')", "out of range"),
        ("to_timestamp('2023-09-14 05:00:00.0000000001', '%Y-%m-%d %H:%M:%S%.f')", "finer than a nanosecond"),
        ("to_timestamp('9999-12-31', '%Y-%m-%d')", "out of range"),
    ] {
        let said = answer("UTC", expr).await.expect_err(expr);
        assert!(said.contains(says), "{expr}: {said}");
    }
}

/// The day of an instant is that of the session's clocks, however it is asked for.
#[tokio::test]
async fn a_text_with_an_offset_is_a_day_on_the_clocks() {
    let text = "2021-07-04T00:30:00+01:00";
    for (zone, day) in [("Europe/London", "2021-07-04"), ("UTC", "2021-07-03"), ("Asia/Tokyo", "2021-07-04")] {
        for expr in [
            format!("CAST('{text}' AS DATE)"),
            format!("'{text}'::date"),
            format!("date '{text}'"),
            format!("TRY_CAST('{text}' AS DATE)"),
            format!("to_date('{text}')"),
            format!("(SELECT max(x::date) FROM (VALUES ('{text}')) AS t(x))"),
            format!(
                "(SELECT max(d) FROM (VALUES (date '2021-07-03'), (date '2021-07-04')) AS t(d) WHERE d = '{text}')"
            ),
        ] {
            assert_eq!(answer(zone, &expr).await.as_deref(), Ok(day), "{expr}");
        }
    }
    for (expr, right) in [
        ("CAST('2021-07-04' AS DATE)", "2021-07-04"),
        ("date '9999-12-31'", "9999-12-31"),
        ("CAST('2021-07-04 23:30' AS DATE)", "2021-07-04"),
        ("TRY_CAST('yesterday' AS DATE) IS NULL", "true"),
    ] {
        assert_eq!(answer("America/New_York", expr).await.as_deref(), Ok(right), "{expr}");
    }
    let said = answer("UTC", "CAST('yesterday' AS DATE)").await.expect_err("no date");
    assert!(said.contains("\"yesterday\" is no time: it is no date"), "{said}");
}
