//! Lines, headers and values: what each becomes.

use super::*;

fn one_reject(format: &str, line: &str) -> Reject {
    let mut bench = Bench::new(Some(format));
    assert_eq!(bench.counts(line).rejects, 1, "{line}");
    bench.given.rejects.remove(0)
}

#[test]
fn a_row_is_its_values_and_a_dash_is_null() {
    let mut bench = Bench::new(None);
    let nodata = "2 123456789010 eni-1235b8ca123456789 - - - - - - - 1694649600 1694649660 - NODATA";
    let counts = bench.counts(&format!("{}\n{ROW}\n{nodata}\n", default_header()));
    assert_eq!(
        counts,
        Counts { lines: 3, headers: 1, rows: 2, inflated_bytes: counts.inflated_bytes, ..Counts::default() }
    );
    let text = |row: &Row| row.1.iter().map(|value| value.as_deref().unwrap_or("-")).collect::<Vec<_>>().join(" ");
    assert_eq!(text(&bench.given.rows[0]), ROW);
    assert_eq!(text(&bench.given.rows[1]), nodata);
    assert_eq!(bench.given.rows.iter().map(|row| row.0).collect::<Vec<_>>(), [2, 3]);
}

#[test]
fn columns_follow_the_header_whatever_its_order() {
    let mut bench = Bench::new(Some("default"));
    bench.counts("start dstport account-id brand-new\n1694649600 443 000123 a=b\n");
    assert_eq!(bench.given.rows[0].1, ["1694649600", "443", "000123", "a=b"].map(|text| Some(text.to_owned())));
}

#[test]
fn a_header_in_the_middle_is_counted_and_another_one_switches_the_columns() {
    let mut bench = Bench::new(None);
    let other = "srcaddr dstaddr dstport start end";
    let text = format!(
        "{0}\n{ROW}\n{0}\n{ROW}\n{other}\n10.0.0.1 10.0.0.2 22 1694649600 1694649660\n{0}\n{ROW}\n",
        default_header()
    );
    let Verdict::Decoded(decoded) = bench.text(text.as_bytes(), Way::WholeGzip) else { panic!() };
    assert_eq!((decoded.counts.headers, decoded.counts.rows), (4, 4));
    assert_eq!(decoded.layouts.iter().map(|layout| layout.columns.len()).collect::<Vec<_>>(), [14, 5]);
    assert_eq!(bench.given.rows.iter().map(|row| row.1.len()).collect::<Vec<_>>(), [14, 14, 5, 14]);
    assert_eq!(bench.given.chunks, 3, "a repeated header does not end a chunk");
}

#[test]
fn values_that_look_like_names_are_values() {
    let rows = "i-0abc region type\ni-0abc start end\n- srcaddr -\nregion type srcaddr\n";
    let repeated = "instance-id instance-tag interface-tag\n";
    for (format, first) in [(None, repeated), (Some("${instance-id} ${instance-tag} ${interface-tag}"), "")] {
        let mut bench = Bench::new(format);
        for way in WAYS {
            let text = format!("{first}{}{rows}{repeated}{rows}", rows.repeat(20));
            let Verdict::Decoded(decoded) = bench.text(text.as_bytes(), way) else { panic!("{way:?}") };
            let headers = 1 + u64::from(!first.is_empty());
            assert_eq!(
                (decoded.counts.headers, decoded.counts.rows, decoded.layouts.len()),
                (headers, 88, 1),
                "{way:?}"
            );
            assert_eq!(bench.column(1)[..4], [Some("region"), Some("start"), Some("srcaddr"), Some("type")]);
        }
    }
}

#[test]
fn a_header_is_proven_by_the_member_that_it_begins() {
    let (one, two) = ("region az-id\na b\n", "az-id region\nc d\n");
    let joined = [gzip(one.as_bytes()), gzip(b""), gzip(two.as_bytes()), gzip(two.as_bytes())].concat();
    // A line in the middle of a member does not begin one.
    let inside = [gzip(one.as_bytes()), gzip(format!("e f\n{two}").as_bytes())].concat();
    // What may be a row has only documented names.
    let row = [gzip(one.as_bytes()), gzip(b"i-0abc region\nc d\n")].concat();
    // A header ends the line of a member that lacks its last newline, and nothing else does.
    let unended = [gzip(b"region az-id\na b"), gzip(two.as_bytes())].concat();
    let cut = [gzip(b"region az-id\na b\nx"), gzip(b"az-id z\nc d\n")].concat();
    for (body, expected) in [(joined, (3, 3)), (inside, (1, 4)), (row, (1, 3)), (unended, (2, 2)), (cut, (1, 3))] {
        let mut bench = Bench::new(None);
        for piece in [0, 1, 7, 4096] {
            let verdict = if piece == 0 { bench.raw(&body) } else { bench.streamed(&body, piece) };
            let Verdict::Decoded(decoded) = verdict else { panic!("{piece}") };
            assert_eq!((decoded.counts.headers, decoded.counts.rows), expected, "{piece}");
        }
    }
}

/// Who compresses joined logs in blocks cuts them anywhere: the text is the same, and so are the rows.
#[test]
fn a_header_that_members_cut_in_two_is_one() {
    let custom = "version srcaddr dstaddr region start end new-field";
    for (header, row) in [(default_header(), ROW), (custom, "2 10.0.0.1 10.0.0.2 x 1694649600 1694649660 y")] {
        let text = format!("{header}\n{row}\n{row}\n{header}\n{row}\n");
        let again = text.rfind(header).unwrap();
        // A first header with a name that nobody documents may be two, where its end is a header by itself.
        let first = if header == custom { again..again } else { 1..header.len() };
        for cut in first.chain(again + 1..again + header.len() + 1) {
            let (one, two) = text.as_bytes().split_at(cut);
            let middle = two.len().min(3);
            let body = [gzip(one), gzip(&two[..middle]), gzip(&two[middle..])].concat();
            let mut bench = Bench::new(None);
            for piece in [0, 7] {
                let verdict = if piece == 0 { bench.raw(&body) } else { bench.streamed(&body, piece) };
                let Verdict::Decoded(decoded) = verdict else { panic!("{cut}: {verdict:?}") };
                let counts = decoded.counts;
                assert_eq!((counts.headers, counts.rows, counts.rejects), (2, 3, 0), "cut at {cut} in {piece}");
            }
        }
    }
}

#[test]
fn what_may_be_a_header_ends_the_layout_until_one_is_proven() {
    let moved = "version account-id interface-id dstaddr srcaddr dstport srcport protocol packets bytes start end action \
                 log-status";
    for (unproven, members) in [
        (moved.to_uppercase(), true),
        (moved.replace(' ', "\t"), true),
        (moved.replace("start end", "region az-id"), false),
        (moved.replace("start end", "region, az-id"), false),
    ] {
        let one = format!("{}\n{ROW}\n", default_header());
        let two = format!("{unproven}\n{ROW}\n\n{ROW}\n{}\n{ROW}\n", default_header());
        let body =
            if members { [gzip(one.as_bytes()), gzip(two.as_bytes())].concat() } else { gzip((one + &two).as_bytes()) };
        let mut bench = Bench::new(None);
        let Verdict::Decoded(decoded) = bench.raw(&body) else { panic!("{unproven}") };
        let counts = decoded.counts;
        assert_eq!((counts.headers, counts.rows, counts.rejects, counts.blanks), (2, 2, 3, 1), "{unproven}");
        let reasons: Vec<&str> = bench.given.rejects.iter().map(|reject| reject.reason.as_str()).collect();
        assert!(reasons[0].contains("may be a header") && reasons[2].contains("line 3 may be a header"), "{reasons:?}");
    }
    // A line of another width is a reject as any other: it says nothing of the lines after it.
    let mut bench = Bench::new(None);
    let counts = bench.counts(&format!("{}\n{ROW}\nregion type az-id\n{ROW}\n", default_header()));
    assert_eq!((counts.rows, counts.rejects), (2, 1));
}

/// Many members in one line, or one for each blank line, cost no more than their bytes: this test would take hours.
#[test]
fn a_line_of_very_many_members_is_read_in_no_time() {
    let one = format!("{}\n{ROW}", default_header());
    let rest = format!("\n{ROW}\n");
    let of = |text: &str, times: usize| gzip(text.as_bytes()).repeat(times);
    for (many, is_read) in [("start end", false), ("x", true), ("\n", true)] {
        let blanks_first = [of("\n", 60_000), of(&format!("{one}{rest}"), 1)].concat();
        let body = if many == "\n" { blanks_first } else { [of(&one, 1), of(many, 60_000), of(&rest, 1)].concat() };
        let mut bench = Bench::new(None);
        let whole = bench.raw(&body);
        let streamed = bench.streamed(&body, 4096);
        match (whole, streamed) {
            (Verdict::Decoded(whole), Verdict::Decoded(streamed)) => {
                assert!(is_read && whole.counts == streamed.counts && whole.counts.rows >= 1, "{many}");
            }
            // What is left of the line is a header of 60,000 names.
            (Verdict::Aside { .. }, Verdict::Aside { .. }) => assert!(!is_read, "{many}"),
            other => panic!("{many}: {other:?}"),
        }
    }
}

/// The end of a line that is too long may be a header, which nobody reads.
#[test]
fn a_member_within_a_line_that_is_too_long_ends_the_layout() {
    let long = "x".repeat(LINE_BYTES_MAX + 7);
    let moved = "version dstaddr srcaddr start end\n2 10.0.0.1 10.0.0.2 1694649600 1694649660\n";
    let again = "version srcaddr dstaddr start end\n2 10.0.0.3 10.0.0.4 1694649600 1694649660\n";
    let one = format!("version srcaddr dstaddr start end\n2 10.0.0.1 10.0.0.2 1694649600 1694649660\n{long}");
    let body = [gzip(one.as_bytes()), gzip(moved.as_bytes()), gzip(again.as_bytes())].concat();
    for piece in [0, 4096] {
        let mut bench = Bench::new(None);
        let verdict = if piece == 0 { bench.raw(&body) } else { bench.streamed(&body, piece) };
        let Verdict::Decoded(decoded) = verdict else { panic!("{piece}") };
        let counts = decoded.counts;
        assert_eq!((counts.headers, counts.rows, counts.rejects), (2, 2, 2), "{piece}");
        assert_eq!(bench.column(1), [Some("10.0.0.1"), Some("10.0.0.3")], "{piece}");
    }
}

#[test]
fn a_byte_order_mark_belongs_to_no_name() {
    let mark = "\u{feff}";
    let moved = "region az-id start end\nx y 1694649600 1694649660\n";
    let mut bench = Bench::new(None);
    let body =
        [gzip(format!("{mark}{}\n{ROW}", default_header()).as_bytes()), gzip(format!("{mark}{moved}").as_bytes())];
    let Verdict::Decoded(decoded) = bench.raw(&body.concat()) else { panic!() };
    assert_eq!((decoded.counts.headers, decoded.counts.rows, decoded.counts.rejects), (2, 2, 0));
    assert_eq!(bench.given.rows[1].1[0].as_deref(), Some("x"));
}

#[test]
fn a_header_of_as_many_columns_is_seen_among_regular_rows() {
    let mut bench = Bench::new(None);
    let rows = "a b c d e\n".repeat(50);
    let (one, two) = ("region az-id instance-tag type action", "az-id region start end action");
    let times = "x y 1694649600 1694649660 z\n".repeat(50);
    bench.counts(&format!("{one}\n{rows}{one}\n{rows}{two}\n{times}{two}\n{times}"));
    assert_eq!(bench.given.rows.len(), 200);
    assert_eq!(bench.given.chunks, 2);
    assert_eq!(bench.given.rows[100].1[2].as_deref(), Some("1694649600"));
}

#[test]
fn a_header_that_repeats_a_field_or_has_too_many_sets_the_object_aside() {
    let mut bench = Bench::new(None);
    let long = format!("{} {}", default_header(), (0..600).map(|n| format!("srcaddr{n} ")).collect::<String>());
    assert!(!matches!(bench.raw(long.as_bytes()), Verdict::Decoded(_)));
    for header in [format!("{} start", default_header()), "vpc-id start end srcaddr dstaddr vpc_id".to_owned()] {
        let text = format!("{}\n{ROW}\n{header}\n", default_header());
        let verdict = bench.text(text.as_bytes(), Way::WholeGzip);
        assert!(
            matches!(&verdict, Verdict::Aside { reason, .. } if reason.contains("line 3") && reason.contains("twice"))
        );
    }
}

#[test]
fn blank_lines_and_carriage_returns_and_a_missing_last_newline_are_no_matter() {
    let mut bench = Bench::new(None);
    let counts = bench.counts(&format!("\n\r\n  \r\n{}\r\n{ROW}\r\n\r\n {ROW}  \r\n{ROW}", default_header()));
    assert_eq!((counts.lines, counts.blanks, counts.rows), (8, 4, 3));
    assert!(bench.column(13).iter().all(|status| *status == Some("OK")));
    assert_eq!(bench.given.rows.iter().map(|row| row.0).collect::<Vec<_>>(), [5, 7, 8]);
}

#[test]
fn several_spaces_are_one() {
    let mut bench = Bench::new(None);
    bench.counts(&format!("{}\n  {}  \n", default_header(), ROW.replace(' ', "   ")));
    assert_eq!(bench.column(3), [Some("172.31.16.139")]);
}

#[test]
fn a_time_stamp_before_a_line_is_left_out() {
    let stamped = format!("2025-02-25T12:25:04.000Z {ROW}\n2025-02-25T12:25:04Z {ROW}\n{ROW}\n");
    for (format, header) in
        [(None, format!("2025-02-25T12:25:04.000Z {}\n", default_header())), (Some("default"), String::new())]
    {
        let mut bench = Bench::new(format);
        assert_eq!(bench.counts(&format!("{header}{stamped}")).rows, 3);
        assert_eq!(bench.column(0), [Some("2"); 3]);
    }
    let reject = one_reject("${instance-tag}", "2025-02-25T12:25:04.000Z\n");
    assert_eq!(reject.reason, "line has 0 fields instead of 1");
}

#[test]
fn integers_are_digits_within_their_column() {
    let good = ["0", "007", "65535"];
    let bad = ["65536", "-1", "+1", "1.0", "0x10", "", "9999999999999999999999", "６"];
    let mut bench = Bench::new(Some("${dstport} ${action}"));
    for port in good {
        assert_eq!(bench.counts(&format!("{port} x\n")).rows, 1);
        assert_eq!(bench.column(0), [Some(port.trim_start_matches('0')).filter(|text| !text.is_empty()).or(Some("0"))]);
    }
    for port in bad {
        assert_eq!(bench.counts(&format!("{port} x\n")).rejects, 1, "{port}");
    }
    let mut bench = Bench::new(Some("${bytes}"));
    let largest = "000000000009223372036854775807";
    assert_eq!(bench.counts(&format!("{largest}\n9223372036854775808\n")).rejects, 1);
    assert_eq!(bench.column(0), [Some("9223372036854775807")]);
    let mut bench = Bench::new(Some("${protocol}"));
    assert_eq!(bench.counts("2147483647\n2147483648\n").rejects, 1);
}

#[test]
fn times_that_only_milliseconds_can_be_are_divided_whatever_stands_before_them() {
    let mut bench = Bench::new(Some("${start} ${end}"));
    let text = "1512564058000 1512564059999\n1512564058 1512564059\n0001512564058 0001512564059\n\
                00000001512564058999 0000000000000001512564059\n";
    for text in [text.to_owned(), text.repeat(9)] {
        assert_eq!(bench.counts(&text).rejects, 0);
        assert!(bench.column(0).iter().all(|start| *start == Some("1512564058")), "{:?}", bench.column(0));
        assert!(bench.column(1).iter().all(|end| *end == Some("1512564059")), "{:?}", bench.column(1));
    }
}

#[test]
fn a_time_before_2009_or_two_days_after_delivery_is_a_reject() {
    let (first, last) = (1_230_768_000, DELIVERED + 2 * 86_400);
    for field in ["start", "end"] {
        let mut bench = Bench::new(Some(&format!("${{{field}}}")));
        assert_eq!(bench.counts(&format!("{first}\n{last}\n-\n{first}000\n{last}999\n")).rows, 5);
        assert_eq!(bench.column(0)[2], None);
        // Seconds, then microseconds, nanoseconds, and the largest number of all.
        let bad = [first - 1, last + 1, 0, 1_694_649_600_000_000, 1_694_649_600_000_000_000, i64::MAX, 99_999_999_999];
        let text: String = bad.iter().map(|time| format!("{time}\n")).collect();
        assert_eq!(bench.counts(&text).rejects, bad.len() as u64);
        let early = format!("field `{field}` is before 2009, when there were no VPCs: \"1230767999\"");
        assert_eq!(bench.given.rejects[0].reason, early);
        let late = format!("field `{field}` is more than 2 days after the object's delivery: \"{}\"", last + 1);
        assert_eq!(bench.given.rejects[1].reason, late);
    }
}

#[test]
fn fields_without_a_column_of_their_own_are_one_json_object() {
    let unknown = Unknown { new_per_task: 1, ..Unknown::default() };
    let mut bench = Bench::new(None);
    bench.decoder = Decoder::new(Settings { unknown, ..Settings::default() });
    let header = "start a b srcaddr c dstaddr\n";
    let rows = "1694649600 x y 10.0.0.1 \"z\\ -\n1694649600 - - - - -\n";
    let counts = bench.counts(&format!("{header}{rows}{header}1694649600 x - - é -\n"));
    assert_eq!((counts.rows, counts.headers), (3, 2));
    assert_eq!(bench.column(1), [Some("x"), None, Some("x")]);
    assert_eq!(bench.column(2), [Some("10.0.0.1"), None, None]);
    assert_eq!(bench.column(4), [Some(r#"{"b":"y","c":"\"z\\"}"#), None, Some(r#"{"c":"é"}"#)]);
    assert_eq!(bench.counts("start b a end\n1694649600 y x\n1694649600 y x -\n0 y x -\n").rejects, 2);
    assert_eq!(bench.column(1), [Some("x")], "`a` keeps its column in the next object");
    assert_eq!(bench.column(3), [Some(r#"{"b":"y"}"#)]);
}

#[test]
fn a_reject_says_where_and_why() {
    let mut bench = Bench::new(None);
    let bad = ROW.replace(" 22 ", " 70000 ");
    bench.counts(&format!("{}\n{ROW}\n{bad}\r\n{ROW} more\n", default_header()));
    let offset = (default_header().len() + ROW.len() + 2) as u64;
    let expected = Reject {
        line: 3,
        offset,
        field: Some("dstport".into()),
        value: Some("70000".into()),
        reason: "field `dstport` is not a port: \"70000\"".into(),
        text: bad,
    };
    assert_eq!(bench.given.rejects[0], expected);
    assert_eq!(bench.given.rejects[1].reason, "line has 15 fields instead of 14");
    assert_eq!((bench.given.rejects[1].field.as_ref(), bench.given.rejects[1].line), (None, 4));
}

#[test]
fn a_reject_keeps_a_bounded_part_of_its_value_and_line() {
    let value = "é".repeat(4000);
    let reject = one_reject("${action} ${dstport}", &format!("{value} {value}\n"));
    assert_eq!(reject.value.unwrap().len(), 256);
    assert_eq!(reject.text, "é".repeat(2048));
}

#[test]
fn a_line_that_is_not_utf8_is_a_reject_and_other_languages_are_text() {
    let mut bench = Bench::new(Some("${instance-tag} ${dstport}"));
    let verdict = bench.text("größe 1\n\u{ff}\u{ff} 2\n".as_bytes(), Way::WholeGzip);
    assert!(matches!(verdict, Verdict::Decoded(_)));
    assert_eq!(bench.column(0), [Some("größe"), Some("ÿÿ")]);
    bench.text(b"gr\xf6\xdfe 1\n", Way::WholeGzip);
    assert_eq!(bench.given.rejects[0].reason, "line is not UTF-8");
    assert_eq!(bench.given.rejects[0].text, "gr\u{fffd}\u{fffd}e 1");
}

#[test]
fn chunks_are_bounded_and_in_the_order_of_lines() {
    let mut bench = Bench::new(None);
    let odd = ROW.replace(' ', "  ");
    let bad = ROW.replace(" 22 ", " x ");
    let text = format!("{}\n", default_header()) + &format!("{ROW}\n{odd}\n{bad}\n{ROW}\n\n").repeat(3000);
    let counts = bench.counts(&text);
    assert_eq!((counts.rows, counts.rejects, counts.blanks), (9000, 3000, 3000));
    assert_eq!(bench.given.chunks, 3);
    assert!(bench.given.rows.is_sorted_by_key(|row| row.0));
    assert_eq!(bench.given.rejects[2999].line, 1 + 5 * 2999 + 3);
}

#[test]
fn full_dictionaries_are_cleared_after_the_sink_was_told() {
    let mut bench = Bench::new(Some("${instance-tag}"));
    let text: String = (0..300_000).map(|number| format!("{number:x}\n")).collect();
    bench.counts(&text);
    assert_eq!((bench.given.cleared, bench.given.rows.len()), (1, 300_000));
    assert!(bench.given.rows.iter().enumerate().all(|(at, row)| row.1[0] == Some(format!("{at:x}"))));
    let long: String = (0..40).map(|number| format!("{number}{}\n", "x".repeat(1 << 20))).collect();
    assert_eq!(bench.counts(&long).rejects, 40);
    let long: String = (0..40).map(|number| format!("{number}{}\n", "x".repeat(1_000_000))).collect();
    assert_eq!(bench.counts(&long).rows, 40);
    assert!(bench.given.cleared >= 1);
}

#[test]
fn ids_are_kept_from_object_to_object() {
    let mut bench = Bench::new(Some("${instance-tag}"));
    bench.counts("a\nb\n");
    bench.counts("b\nc\n");
    assert_eq!(bench.column(0), [Some("b"), Some("c")]);
    assert_eq!(bench.decoder.dictionaries().get(0).id_end(), 4);
}
