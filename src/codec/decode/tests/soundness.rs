//! Objects that are not sound, too large or not ours: what is set aside, skipped, or an error.

use super::*;

fn rows(count: usize) -> String {
    format!("{}\n{}", default_header(), format!("{ROW}\n").repeat(count))
}

fn is_aside(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Aside { .. })
}

#[test]
fn members_of_gzip_are_one_text_even_where_a_line_is_cut() {
    let text = rows(3);
    let (one, two) = text.as_bytes().split_at(150);
    let body = [gzip(one), gzip(b""), gzip(two)].concat();
    let mut bench = Bench::new(None);
    let whole = bench.raw(&body);
    assert_eq!(bench.given.rows.len(), 3);
    assert_eq!(bench.streamed(&body, 5), whole);
    bench.decoder.limits.whole_bytes = 100;
    assert_eq!(bench.raw(&body), whole);
}

#[test]
fn gzip_cut_at_any_byte_is_set_aside_and_plain_text_gives_no_wrong_row() {
    let text = rows(3);
    let body = gzip(text.as_bytes());
    let mut bench = Bench::new(None);
    for end in 1..body.len() {
        assert!(is_aside(&bench.raw(&body[..end])), "{end}");
        assert!(is_aside(&bench.streamed(&body[..end], 7)), "{end}");
    }
    let whole = Bench::new(None).counts(&text);
    assert_eq!(whole.rows, 3);
    bench.text(text.as_bytes(), Way::WholePlain);
    let right = bench.given.rows[0].1.clone();
    for end in 0..text.len() {
        bench.raw(&text.as_bytes()[..end]);
        let (last, earlier) = right.split_last().unwrap();
        for (_, row) in &bench.given.rows {
            // Only the last value, which nothing follows, can be cut unseen.
            assert_eq!(&row[..13], earlier, "{end}");
            assert!(last.as_ref().unwrap().starts_with(row[13].as_deref().unwrap()));
        }
    }
}

#[test]
fn any_altered_byte_of_gzip_data_is_noticed_before_a_row_is_given() {
    let body = gzip(rows(3).as_bytes());
    let mut bench = Bench::new(None);
    for at in 10..body.len() {
        let mut altered = body.clone();
        altered[at] ^= 0x10;
        let verdict = bench.raw(&altered);
        assert!(matches!(verdict, Verdict::Aside { rows_given: false, .. }), "{at}: {verdict:?}");
        assert!(is_aside(&bench.streamed(&altered, 7)), "{at}");
    }
}

#[test]
fn bytes_after_the_last_member_set_the_object_aside() {
    let mut bench = Bench::new(None);
    for tail in [&b"garbage that is long enough to be a member"[..], b"x", &[0; 40]] {
        let body = [&gzip(rows(2).as_bytes()), tail].concat();
        assert!(is_aside(&bench.raw(&body)));
        assert!(is_aside(&bench.streamed(&body, 100)));
    }
}

#[test]
fn a_stream_that_turns_bad_says_that_rows_were_given() {
    let mut body = gzip(rows(50_000).as_bytes());
    let end = body.len();
    body[end - 6] ^= 1;
    let mut bench = Bench::new(None);
    assert!(matches!(bench.streamed(&body, 4096), Verdict::Aside { rows_given: true, .. }));
    assert!(matches!(bench.raw(&body), Verdict::Aside { rows_given: false, .. }));
}

#[test]
fn text_that_just_fills_the_room_for_it_is_read_to_its_last_line() {
    // Rooms are a power of two, or the length that the trailer tells: both ways the last line lacks its newline.
    for length in [(64 << 10) - 1, 64 << 10, (64 << 10) + 1, 200_000] {
        let lines = "-\n".repeat(length / 2 - 5);
        let text = format!("type\n{}{lines}-", "-".repeat(length - 6 - lines.len()));
        assert_eq!(text.len(), length);
        let counts = Bench::new(None).counts(&text);
        assert_eq!((counts.rows, counts.inflated_bytes), (lines.len() as u64 / 2 + 1, length as u64));
    }
}

#[test]
fn a_reader_that_fails_is_an_error_and_not_the_object_s_fault() {
    for body in [gzip(rows(9).as_bytes()), rows(9).into_bytes(), Vec::new()] {
        for end in [0, 1, 3, body.len() / 2, body.len()] {
            let bytes = &body[..end.min(body.len())];
            let outcome = Bench::new(None).body(Body::Stream(&mut Pieces { bytes, piece: 9, fails: true }));
            match outcome {
                Err(DecodeError::Read(error)) => assert_eq!(error.to_string(), "the line went dead"),
                other => panic!("{end}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_sink_that_fails_is_an_error() {
    let mut bench = Bench::new(None);
    bench.given.fail_at_chunk = Some(1);
    let outcome = bench.body(Body::Whole(rows(5000).as_bytes()));
    assert!(matches!(outcome, Err(DecodeError::Sink(error)) if error.to_string() == "the disk is full"));
    bench.given.fail_at_chunk = None;
    assert_eq!(bench.counts(&rows(2)).rows, 2, "the decoder is as good as new");
}

#[test]
fn an_object_that_inflates_to_the_limit_is_read_and_one_byte_more_is_set_aside() {
    let text = rows(40_000);
    let body = gzip(text.as_bytes());
    for whole_bytes in [1 << 10, 64 << 20] {
        let mut bench = Bench::new(None);
        bench.decoder.limits = Limits { whole_bytes, inflated_bytes: text.len() as u64, ..Limits::default() };
        assert!(matches!(bench.raw(&body), Verdict::Decoded(_)));
        assert!(matches!(bench.streamed(&body, 4096), Verdict::Decoded(_)));
        bench.decoder.limits.inflated_bytes -= 1;
        for verdict in [bench.raw(&body), bench.streamed(&body, 4096)] {
            assert!(matches!(&verdict, Verdict::Aside { reason, .. } if reason.starts_with("inflates past")));
        }
    }
}

#[test]
fn a_bomb_of_one_line_ends_at_the_limit_in_little_memory() {
    let zeros = gzip(&vec![0; 32 << 20]);
    let body = zeros.repeat(5);
    for in_flow_log_prefix in [false, true] {
        let mut bench = Bench { in_flow_log_prefix, ..Bench::new(None) };
        bench.decoder.limits.inflated_bytes = 128 << 20;
        assert!(matches!(bench.raw(&body), Verdict::Aside { rows_given: false, .. }));
        assert!(bench.decoder.block.len() < 4 << 20);
    }
}

#[test]
fn lines_longer_than_a_mebibyte_are_rejects_and_those_around_them_rows() {
    let mut bench = Bench::new(None);
    for (length, rejects) in [(LINE_BYTES_MAX, 0), (LINE_BYTES_MAX + 1, 1), (5 << 20, 1)] {
        let action = "x".repeat(length - ROW.len() + "ACCEPT".len());
        let long = ROW.replace("ACCEPT", &action);
        assert_eq!(long.len(), length);
        let before = default_header().len() + 1 + ROW.len() + 1;
        let text = format!("{}\n{ROW}\n{long}\n{ROW}\n{long}", default_header());
        for way in WAYS {
            let Verdict::Decoded(decoded) = bench.text(text.as_bytes(), way) else { panic!("{way:?}") };
            assert_eq!((decoded.counts.rows, decoded.counts.rejects), (4 - 2 * rejects, 2 * rejects), "{way:?}");
            assert_eq!(decoded.counts.inflated_bytes, text.len() as u64);
            let numbers: Vec<i64> = bench.given.rows.iter().map(|row| row.0).collect();
            assert_eq!(numbers, if rejects == 0 { vec![2, 3, 4, 5] } else { vec![2, 4] });
            for (at, reject) in bench.given.rejects.iter().enumerate() {
                assert_eq!(reject.reason, "line is longer than 1 MiB");
                assert_eq!(
                    (reject.line, reject.offset),
                    (3 + 2 * at as u64, (before + at * (length + ROW.len() + 2)) as u64)
                );
                assert_eq!(reject.text, long[..4096]);
            }
        }
    }
}

#[test]
fn objects_that_are_not_flow_logs_are_skipped_outside_their_prefix() {
    let noise = b"\x7fELF\x02\x01\x01\x00\xff\xfe\nbinary\n";
    for text in [&b"<html>\n<body>\n"[..], noise, b"{\"Records\":[]}"] {
        for way in WAYS {
            for format in [None, Some("default")] {
                let mut bench = Bench::outside(format);
                assert_eq!(bench.text(text, way), Verdict::Skipped { reason: "not a flow log".into() });
                assert!(bench.given.rejects.is_empty());
            }
            assert!(is_aside(&Bench::new(None).text(text, way)));
        }
    }
}

#[test]
fn records_in_a_wrapping_are_set_aside_with_what_it_is() {
    let firehose = r#"{"message":"2 111111111111 eni-1 - - - - - - - 1694649600 1694649660 - OK"}"#;
    let cloudwatch = r#"{"messageType":"DATA_MESSAGE","logEvents":[{"message":"2 111111111111 eni-1 - OK"}]}"#;
    let twice = gzip(format!("{}\n{ROW}\n", default_header()).as_bytes());
    let cases = [
        (firehose.as_bytes(), "JSON of Firehose"),
        (cloudwatch.as_bytes(), "JSON of a CloudWatch Logs subscription"),
        (&twice, "gzip within gzip"),
    ];
    for (text, what) in cases {
        for way in [Way::WholeGzip, Way::StreamedGzip] {
            for mut bench in
                [Bench::new(None), Bench::new(Some("default")), Bench::outside(None), Bench::outside(Some("default"))]
            {
                let verdict = bench.text(text, way);
                assert!(matches!(&verdict, Verdict::Aside { reason, .. } if reason.starts_with(what)), "{verdict:?}");
            }
        }
    }
    let others = r#"{"level":"info","message":"all is OK"}"#;
    assert!(matches!(Bench::outside(Some("default")).text(others.as_bytes(), Way::WholeGzip), Verdict::Skipped { .. }));
}

#[test]
fn a_flow_log_without_a_header_is_set_aside_wherever_it_lies() {
    for text in [ROW, "\n\n2 - eni-12 - -", "2 NODATA"] {
        let verdict = Bench::outside(None).text(text.as_bytes(), Way::WholeGzip);
        assert!(matches!(&verdict, Verdict::Aside { reason, .. } if reason.contains("--format")), "{verdict:?}");
    }
}

#[test]
fn rejects_before_the_first_row_outside_a_prefix_are_held_until_it_comes() {
    let mut bench = Bench::outside(Some("default"));
    let counts = bench.counts(&format!("bogus\nline\n{ROW}\nbogus\n"));
    assert_eq!((counts.rows, counts.rejects), (1, 3));
    assert_eq!(bench.given.rejects.iter().map(|reject| reject.line).collect::<Vec<_>>(), [1, 2, 4]);
    let bogus = "bogus\n".repeat(1025);
    assert!(matches!(bench.raw(bogus.as_bytes()), Verdict::Skipped { .. }));
    assert!(bench.given.rejects.is_empty());
    bench.in_flow_log_prefix = true;
    assert_eq!(bench.counts(&bogus).rejects, 1025);
}

#[test]
fn native_parquet_is_skipped_however_it_comes() {
    let expected = Verdict::Skipped { reason: "native Parquet object".into() };
    assert_eq!(Bench::new(None).raw(b"PAR1\x15\x04"), expected);
    assert_eq!(Bench::new(Some("default")).streamed(b"PAR1\x15\x04", 1), expected);
}

#[test]
fn nothing_is_an_object_without_lines() {
    for way in WAYS {
        for mut bench in [Bench::new(None), Bench::outside(None), Bench::outside(Some("default"))] {
            let Verdict::Decoded(decoded) = bench.text(b"", way) else { panic!("{way:?}") };
            assert_eq!(decoded.counts, Counts::default());
        }
    }
}
