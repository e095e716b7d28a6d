//! A decoder as one would write it in ten minutes, and generated objects on which the real one must agree with it.

use proptest::prelude::*;

use super::*;
use crate::schema::{Kind, Table, VPC_DEFAULT_FORMAT};

/// What the naive decoder makes of a text, or the reason why it does not.
#[derive(Debug, Default, PartialEq)]
struct Expected {
    rows: Vec<Row>,
    /// Line, offset, field.
    rejects: Vec<(u64, u64, Option<String>)>,
    headers: u64,
    blanks: u64,
}

fn tokens(line: &str) -> Vec<String> {
    let mut tokens: Vec<String> = line
        .strip_suffix('\r')
        .unwrap_or(line)
        .split(' ')
        .filter(|token| !token.is_empty())
        .map(str::to_owned)
        .collect();
    if tokens.first().is_some_and(|token| {
        let form: String = token.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
        form == "9999-99-99T99:99:99Z" || form == "9999-99-99T99:99:99.999Z"
    }) {
        tokens.remove(0);
    }
    tokens
}

fn value(token: &str, column: &crate::schema::Column) -> Option<Option<String>> {
    if token == "-" {
        return Some(None);
    }
    if column.kind == Kind::Text {
        return Some(Some(token.to_owned()));
    }
    if token.starts_with('+') {
        return None;
    }
    let mut number: i64 = token.parse().ok().filter(|&number| number >= 0 && !token.starts_with('-'))?;
    match column.kind {
        Kind::Port => u16::try_from(number).map(drop).ok()?,
        Kind::Int32 => i32::try_from(number).map(drop).ok()?,
        Kind::Seconds if number > 99_999_999_999 => number /= 1000,
        _ => {}
    }
    if ["start", "end"].contains(&column.name.as_str()) && !(1_230_768_000..=DELIVERED + 172_800).contains(&number) {
        return None;
    }
    Some(Some(number.to_string()))
}

/// Whether a line is a header, by the rule as `schema/header.rs` tells it. `columns` are those in force, `format` is
/// what would be in force without a header.
fn is_header(names: &[&str], columns: Option<&Layout>, format: Option<&Layout>, begins_member: bool) -> bool {
    let is_name = |name: &&str| {
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.len() <= 128
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_')
    };
    if names.is_empty() || !names.iter().all(is_name) {
        return false;
    }
    let mut documented: Vec<String> = names.iter().map(|name| name.replace('_', "-")).collect();
    documented.retain(|name| Table::TGW_FLOW_LOGS.all_fields().any(|field| field.log == name));
    documented.sort();
    documented.dedup();
    let count = documented.len();
    let has = |name: &str| documented.iter().any(|field| field == name);
    let proven = has("start") && has("end") && count >= 5;
    let is_again = |layout: &Layout| {
        layout.columns.iter().map(|column| column.name.clone()).eq(names.iter().map(|name| name.replace('-', "_")))
    };
    match (columns, format) {
        (Some(columns), _) if is_again(columns) || proven => true,
        (Some(columns), _)
            if columns.columns.len() == names.len() && columns.columns.iter().all(|c| c.kind == Kind::Text) =>
        {
            begins_member && count == names.len() && count >= 2
        }
        (Some(_), _) => begins_member && (has("start") || has("end") || count >= 2),
        (None, Some(format))
            if format.columns.len() == names.len() && format.columns.iter().all(|c| c.kind == Kind::Text) =>
        {
            is_again(format) || proven || count == names.len() && count >= 3
        }
        (None, _) => {
            let is_again = proven || format.is_some_and(is_again);
            is_again || count == names.len() || count * 2 >= names.len() && (has("start") || has("end") || count >= 5)
        }
    }
}

/// Whether a header in which members begin is one line: the names in force, or documented ones, each once.
fn is_one(names: &[&str], in_force: Option<&Layout>) -> bool {
    let mut documented: Vec<String> = names.iter().map(|name| name.replace('_', "-")).collect();
    documented.retain(|name| Table::TGW_FLOW_LOGS.all_fields().any(|field| field.log == name));
    documented.sort();
    documented.dedup();
    let in_force = in_force.is_some_and(|layout| {
        layout.columns.iter().map(|column| column.name.clone()).eq(names.iter().map(|name| name.replace('-', "_")))
    });
    documented.len() == names.len() || in_force
}

/// Whether a rejected line would be a header, were it written with single spaces and in lower case.
fn resembles_header(line: &str, layout: &Layout) -> bool {
    let spaced = line.to_ascii_lowercase().replace([',', ';', '"', '#', '\u{feff}'], " ");
    let names: Vec<String> = spaced.split_whitespace().map(|name| name.replace('_', "-")).collect();
    let documented: std::collections::BTreeSet<&String> =
        names.iter().filter(|name| Table::TGW_FLOW_LOGS.all_fields().any(|field| field.log == **name)).collect();
    names.len() == layout.columns.len() && documented.len() >= 2 && documented.len() * 2 >= names.len()
}

/// `members` are the places at which gzip members begin.
fn naive(text: &[u8], format: Option<&str>, members: &[u64]) -> Option<Expected> {
    let types = Types::default();
    let format = format.map(|format| Layout::from_format(format, &types).unwrap());
    let mut layout: Option<Layout> = None;
    let mut has_ended = false;
    let mut expected = Expected::default();
    let (mut number, mut offset) = (0, 0);
    while offset < text.len() {
        let rest = &text[offset..];
        let mut length = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
        let whole = std::str::from_utf8(&rest[..length]).ok().map(tokens).unwrap_or_default();
        let whole: Vec<&str> = whole.iter().map(String::as_str).collect();
        let begins_member = members.contains(&(offset as u64));
        let is_cut = is_header(&whole, layout.as_ref(), format.as_ref(), begins_member)
            && is_one(&whole, layout.as_ref().or(format.as_ref()));
        let joint = (1..length).filter(|_| !is_cut).find(|&joint| {
            let names = std::str::from_utf8(&rest[joint..length]).ok().map(tokens).unwrap_or_default();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            members.contains(&((offset + joint) as u64)) && is_header(&names, layout.as_ref(), format.as_ref(), true)
        });
        length = joint.unwrap_or(length);
        let (line, at) = (&rest[..length], offset as u64);
        number += 1;
        offset += length + usize::from(joint.is_none());
        if line.strip_suffix(b"\r").unwrap_or(line).iter().all(|&byte| byte == b' ') {
            expected.blanks += 1;
            continue;
        }
        let decoded = std::str::from_utf8(line).ok().map(tokens);
        let names: Vec<&str> = decoded.iter().flatten().map(String::as_str).collect();
        if is_header(&names, layout.as_ref(), format.as_ref(), members.contains(&at)) {
            layout = Some(Layout::from_names(names.into_iter(), &types).ok()?);
            expected.headers += 1;
            has_ended = false;
            continue;
        }
        if layout.is_none() {
            layout = Some(format.clone()?);
        }
        let columns = &layout.as_ref().unwrap().columns;
        if has_ended || decoded.is_none() {
            expected.rejects.push((number, at, None));
            continue;
        }
        let may_be_header = resembles_header(std::str::from_utf8(line).unwrap(), layout.as_ref().unwrap());
        if names.len() != columns.len() {
            expected.rejects.push((number, at, None));
            has_ended = may_be_header;
            continue;
        }
        let values: Vec<_> = names.iter().zip(columns).map(|(token, column)| value(token, column)).collect();
        match values.iter().position(Option::is_none) {
            Some(_) if may_be_header => {
                expected.rejects.push((number, at, None));
                has_ended = true;
            }
            Some(bad) => expected.rejects.push((number, at, Some(columns[bad].name.clone()))),
            None => expected.rows.push((number as i64, values.into_iter().flatten().collect())),
        }
    }
    Some(expected)
}

/// The real decoder's answer in the naive one's terms.
fn real(bench: &mut Bench, members: &[&[u8]], way: Way) -> Option<Expected> {
    let text = members.concat();
    let zipped: Vec<u8> = members.iter().flat_map(|member| gzip(member)).collect();
    let verdict = match way {
        Way::WholeGzip => bench.raw(&zipped),
        Way::StreamedGzip => bench.streamed(&zipped, 777),
        Way::WholePlain | Way::StreamedPlain => bench.text(&text, way),
    };
    match verdict {
        Verdict::Decoded(decoded) => {
            let Counts { lines, headers, blanks, rows, rejects, inflated_bytes } = decoded.counts;
            assert_eq!(lines, headers + blanks + rows + rejects);
            assert_eq!(inflated_bytes, text.len() as u64);
            assert_eq!((rows, rejects), (bench.given.rows.len() as u64, bench.given.rejects.len() as u64));
            let given = std::mem::take(&mut bench.given);
            let rejects = given.rejects.into_iter().map(|reject| (reject.line, reject.offset, reject.field)).collect();
            Some(Expected { rows: given.rows, rejects, headers, blanks })
        }
        Verdict::Aside { .. } => None,
        other => panic!("not decoded: {other:?}"),
    }
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        20 => "[0-9]{1,5}",
        5 => "[0-9]{6,20}",
        3 => Just("-".to_owned()),
        1 => "[+-][0-9]{1,4}",
        1 => "[0-9]{0,4}[a-z/:.][0-9]{0,12}",
        1 => prop::sample::select(vec!["65535", "65536", "2147483647", "2147483648", "9223372036854775807",
            "9223372036854775808", "0000000000000000000000007", "\r"]).prop_map(str::to_owned),
    ]
}

fn time() -> impl Strategy<Value = String> {
    prop_oneof![
        12 => (1_694_600_000i64..1_694_650_000).prop_map(|time| time.to_string()),
        2 => (1_694_600_000_000i64..1_694_650_000_000).prop_map(|time| time.to_string()),
        1 => prop::sample::select(vec![1_230_767_999, 1_230_768_000, DELIVERED + 172_800, DELIVERED + 172_801])
            .prop_map(|time| time.to_string()),
        1 => prop::sample::select(vec!["0001694736000", "00000001694600000", "0001694600000000", "0000000001694600000000",
            "99999999999", "100000000000", "1694600000000000", "9223372036854775807"]).prop_map(str::to_owned),
        1 => number(),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        10 => "10\\.0\\.[0-9]{1,3}\\.[0-9]{1,3}",
        4 => "eni-[0-9a-f]{17}",
        2 => "[a-z-]{1,40}",
        2 => Just("-".to_owned()),
        1 => "[é\\-a\r\t]{1,9}",
        1 => prop::sample::select(vec!["srcaddr", "start", "type", "region", "i-0abc", "2025-02-25T12:25:04.000Z", "2025-02-25T12:25:04Z",
            "--", "0"]).prop_map(str::to_owned),
    ]
}

/// A line of the default format, of a format of texts alone, or of neither.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let default = (
        number(),
        [text(), text(), text(), text()],
        [number(), number(), number(), number(), number()],
        [time(), time()],
        [text(), text()],
    )
        .prop_map(|(version, a, n, t, b)| {
            let mut tokens = vec![version];
            tokens.extend(a);
            tokens.extend(n);
            tokens.extend(t);
            tokens.extend(b);
            tokens
        });
    let texts = prop::collection::vec(text(), 2);
    let header = prop::sample::select(vec![
        VPC_DEFAULT_FORMAT,
        "region instance-tag",
        "srcaddr action start",
        "account-id version interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status",
        "region srcaddr region",
        "start end srcaddr dstaddr brand-new instance-tag",
        "tgw-id start end srcaddr dstaddr",
        "start end srcaddr brand-new",
        "instance-id instance-tag interface-tag",
        "instance-tag interface-tag",
        "VERSION account-id interface-id dstaddr srcaddr dstport srcport protocol packets bytes start end action log-status",
        "version\taccount-id\tinterface-id\tdstaddr\tsrcaddr\tdstport\tsrcport\tprotocol\tpackets\tbytes\tstart\tend\taction\tx",
        "vpc-id account-id interface-id dstaddr srcaddr dstport srcport protocol packets bytes az-id region action log-status",
    ])
    .prop_map(|header| header.split(' ').map(str::to_owned).collect());
    let tokens = prop_oneof![
        60 => default,
        20 => texts,
        4 => header,
        2 => prop::collection::vec(text(), 0..4),
    ];
    let gaps = prop_oneof![20 => Just((0, 1, 0)), 1 => (0..3usize, 1..3usize, 0..3usize)];
    let ends = prop_oneof![10 => Just("\n"), 2 => Just("\r\n"), 1 => Just("\n\n")];
    let stamp =
        prop_oneof![12 => Just(""), 1 => Just("2025-02-25T12:25:04.000Z "), 1 => Just("2025-02-25T12:25:04.000Z\r ")];
    let rubbish = prop_oneof![60 => Just(None), 1 => (0..60usize, prop::sample::select(vec![0xffu8, 0xc3, 0, b'\n'])).prop_map(Some)];
    (tokens, gaps, ends, stamp, rubbish).prop_map(|(tokens, (before, between, after), end, stamp, rubbish)| {
        let gap = |count| " ".repeat(count);
        let line = [&gap(before), stamp, &tokens.join(&gap(between)), &gap(after), end].concat();
        let mut line = line.into_bytes();
        if let Some((at, byte)) = rubbish
            && let Some(place) = line.get_mut(at)
        {
            *place = byte;
        }
        line
    })
}

/// Regular rows, of which a few are doubtful: what the fast path is for.
fn regular() -> impl Strategy<Value = Vec<u8>> {
    let row = (0..40u8, 0..300u32, prop_oneof![30 => Just(443u32), 1 => Just(99_999)], 0..99_999_999_999i64).prop_map(
        |(host, outside, port, bytes)| {
            let action = if host % 2 == 0 { "ACCEPT" } else { "REJECT" };
            format!("2 123456789010 eni-12345678901234{host:03} 10.0.0.{host} 52.0.{outside}.1 {port} 5 6 7 {bytes} 1694649600 1694649600000 {action} OK\n")
                .into_bytes()
        },
    );
    prop::collection::vec(row, 0..80).prop_map(|rows| rows.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn every_line_is_what_a_naive_decoder_makes_of_it(
        lines in prop::collection::vec(prop_oneof![6 => line(), 1 => regular()], 0..60),
        first in prop::sample::select(vec!["", "\n", "region instance-tag\n", VPC_DEFAULT_FORMAT]),
        format in prop::sample::select(vec![None, Some("default"), Some("${instance-tag} ${interface-tag}")]),
        is_ended in any::<bool>(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), prop::bool::weighted(0.8)), 0..4),
        block_bytes in 1..3000usize,
    ) {
        let mut text = first.as_bytes().to_vec();
        if first == VPC_DEFAULT_FORMAT {
            text.push(b'\n');
        }
        text.extend(lines.concat());
        if !is_ended && text.ends_with(b"\n") {
            text.pop();
        }
        // Most members begin with a line.
        let line_before = |at: usize| text[..at].iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
        let at = |(cut, at_line): &(prop::sample::Index, bool)| {
            let at = cut.index(text.len() + 1);
            if *at_line { line_before(at) } else { at }
        };
        let mut cuts: Vec<usize> = cuts.iter().map(at).chain([0, text.len()]).collect();
        cuts.sort_unstable();
        let members: Vec<&[u8]> = cuts.windows(2).map(|cut| &text[cut[0]..cut[1]]).collect();
        let begins: Vec<u64> = cuts.iter().map(|&cut| cut as u64).collect();
        for way in WAYS {
            let is_gzip = matches!(way, Way::WholeGzip | Way::StreamedGzip);
            let expected = naive(&text, format, if is_gzip { &begins } else { &[] });
            let mut bench = Bench::new(format);
            bench.decoder.limits.block_bytes = block_bytes;
            prop_assert_eq!(&real(&mut bench, &members, way), &expected, "{:?}", way);
        }
    }
}
