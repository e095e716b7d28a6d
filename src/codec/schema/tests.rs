mod ids;

use super::*;

fn layout(header: &str) -> Result<Layout, LayoutError> {
    Layout::from_names(header.split_whitespace(), &Types::default())
}

#[test]
fn the_table_holds_every_documented_version() {
    let up_to = |version: u8| Table::FLOW_LOGS.all_fields().filter(|field| field.version <= version).count();
    let counts: Vec<usize> = [2, 3, 4, 5, 7, 8, 9, 10, 11].into_iter().map(up_to).collect();
    assert_eq!(counts, [14, 21, 25, 29, 39, 40, 41, 42, 54]);
    assert_eq!(TGW_DEFAULT_FORMAT.split_whitespace().count(), 36);
    assert!(TGW_DEFAULT_FORMAT.split_whitespace().all(|name| Table::TGW_FLOW_LOGS.field(name).is_some()));
}

#[test]
fn a_tgw_field_moves_the_record_to_its_table_and_types() {
    let tgw = layout(TGW_DEFAULT_FORMAT).unwrap();
    assert_eq!(tgw.table, Table::TGW_FLOW_LOGS);
    let protocol = tgw.columns.iter().find(|column| column.name == "protocol").unwrap();
    assert_eq!(protocol.kind, Kind::Int64);
    let vpc = layout("srcaddr protocol").unwrap();
    assert_eq!((vpc.table, vpc.columns[1].kind), (Table::FLOW_LOGS, Kind::Int32));
}

#[test]
fn unknown_fields_are_text_and_own_names_are_prefixed() {
    let names: Vec<(String, Kind)> =
        layout("version brand-new date log-line").unwrap().columns.into_iter().map(|c| (c.name, c.kind)).collect();
    let expected = [
        ("version", Kind::Int32),
        ("brand_new", Kind::Text),
        ("field_date", Kind::Text),
        ("field_log_line", Kind::Text),
    ];
    assert_eq!(names, expected.map(|(name, kind)| (name.to_owned(), kind)));
}

#[test]
fn a_field_named_twice_is_refused_however_it_is_spelled() {
    assert_eq!(layout("vpc-id start vpc-id"), Err(LayoutError::Twice("vpc-id".into())));
    assert_eq!(layout("vpc-id vpc_id"), Err(LayoutError::Twice("vpc_id".into())));
    assert_eq!(layout("date field-date").unwrap().columns.len(), 2);
}

#[test]
fn a_reserved_name_is_no_field_s_and_no_two_fields_share_a_column() {
    for own in PROVENANCE.iter().map(|own| own.column).chain(PARTITION_KEYS) {
        assert!(RESERVED.contains(&own), "{own}");
    }
    assert!(RESERVED.contains(&OTHER_FIELDS));
    let mut columns = std::collections::BTreeMap::new();
    for name in RESERVED.iter().copied().chain(["vpc_id", "brand_new", "field_new", "field_"]) {
        for prefixes in 0..4 {
            let field = format!("{}{name}", PREFIX.repeat(prefixes));
            let column = layout(&format!("version {field}")).unwrap().columns[1].name.clone();
            let hyphens = layout(&format!("version {}", field.replace('_', "-"))).unwrap().columns[1].name.clone();
            assert_eq!(column, hyphens);
            assert!(!RESERVED.contains(&column.as_str()), "{field} is {column}");
            if let Some(other) = columns.insert(column.clone(), field.clone()) {
                panic!("{other} and {field} are both {column}");
            }
        }
    }
}

#[test]
fn columns_for_unknown_fields_are_given_in_order_until_there_are_none() {
    let known = std::collections::BTreeMap::from([(Table::FLOW_LOGS, ["old".to_owned()].into())]);
    let format = layout("asked version").unwrap();
    let mut admitted = Layout::admitted(&Unknown { known, new_per_task: 2 }, Some(&format));
    let mut read = |header: &str| {
        let layout = Layout::from_header(header.split(' '), &Types::default(), &mut admitted).unwrap();
        assert_eq!(layout.names().collect::<Vec<_>>().join(" "), header);
        let columns: Vec<String> = layout.columns.iter().map(|column| column.name.clone()).collect();
        (columns.join(" "), layout.others.iter().map(|other| other.at).collect::<Vec<_>>(), layout.fields())
    };
    assert_eq!(read("a start old b c asked"), ("a start old b asked other_fields".into(), vec![4], 6));
    assert_eq!(read("c b a version d"), ("b a version other_fields".into(), vec![0, 4], 5));
    assert_eq!(read("tgw_id a"), ("tgw_id other_fields".into(), vec![1], 2), "the other table's names are its own");
    assert_eq!(read("start end"), ("start end".into(), vec![], 2));
    assert_eq!(
        Layout::from_header("x x".split(' '), &Types::default(), &mut admitted),
        Err(LayoutError::Twice("x".into()))
    );
}

#[test]
fn a_type_the_lake_fixed_earlier_wins() {
    let mut types = Types::default();
    types.0.entry(Table::FLOW_LOGS).or_default().insert("encryption_status".into(), Kind::Text);
    let layout = Layout::from_names(["encryption-status", "version"].into_iter(), &types).unwrap();
    assert_eq!((layout.columns[0].kind, layout.columns[1].kind), (Kind::Text, Kind::Int32));
}

#[test]
fn formats_are_placeholders_or_the_defaults() {
    let types = Types::default();
    assert_eq!(Layout::from_format("default", &types).unwrap().columns.len(), 14);
    assert_eq!(Layout::from_format("tgw-default", &types).unwrap().columns.len(), 36);
    assert_eq!(Layout::from_format("${version} ${vpc-id}", &types).unwrap().columns[1].name, "vpc_id");
    assert_eq!(Layout::from_format("version", &types), Err(LayoutError::NotAPlaceholder("version".into())));
    assert_eq!(Layout::from_format("  ", &types), Err(LayoutError::Empty));
    assert_eq!(Layout::from_format("${A b}", &types), Err(LayoutError::NotAPlaceholder("${A".into())));
}

#[test]
fn headers_are_told_from_records_and_from_rubbish() {
    let first = |line: &str| is_header(&line.split(' ').collect::<Vec<_>>(), Place::First(None));
    for header in [VPC_DEFAULT_FORMAT, TGW_DEFAULT_FORMAT, "region", "start brand-new", "vpc_id az-id", "end region x"]
    {
        assert!(first(header), "{header}");
    }
    assert!(first("version srcaddr dstaddr bytes packets new-1 new-2 new-3 new-4 new-5"));
    let rubbish =
        ["bogus line", "2 123456789010 eni-1 - - -", "i-0abc region type", "start a b", "Date start", "region Type"];
    for row in rubbish {
        assert!(!first(row), "{row}");
    }
}

/// Formats as people make them, and lines that such flow logs have where no header is.
#[test]
fn formats_of_the_field_are_headers_and_their_lines_are_not() {
    let first = |line: &str| is_header(&line.split_whitespace().collect::<Vec<_>>(), Place::First(None));
    let names = |is_one: fn(&&crate::schema::Field) -> bool| {
        Table::TGW_FLOW_LOGS.all_fields().filter(is_one).map(|field| field.log).collect::<Vec<_>>().join(" ")
    };
    let mut headers: Vec<String> = [
        // Three fields, one of which is `start` or none; reordered.
        "srcaddr dstaddr action",
        "start srcaddr dstport",
        "dstport start",
        "end start bytes",
        "log-status action end start bytes packets protocol dstport srcport dstaddr srcaddr interface-id account-id version",
        // Of NAT gateways, as on AWS's pages.
        "instance-id interface-id srcaddr dstaddr pkt-srcaddr pkt-dstaddr",
        // What the console's \"select all\" gives is in the order of the alphabet.
        "account-id action az-id bytes dstaddr dstport end flow-direction instance-id interface-id log-status packets",
        "version vpc-id subnet-id instance-id interface-id account-id type srcaddr dstaddr srcport dstport pkt-srcaddr \
         pkt-dstaddr protocol bytes packets start end action tcp-flags log-status",
        // With names of a version to come.
        "version srcaddr dstaddr start end new-field",
        "start srcaddr new-1 new-2",
        "srcaddr dstaddr srcport dstport protocol new-1 new-2 new-3 new-4 new-5",
        "instance-tag instance-tag-2 asg-tag",
        // As AWS's own Parquet and Athena name them.
        "account_id pkt_srcaddr flow_direction",
    ]
    .map(str::to_owned)
    .to_vec();
    headers.extend((2..=11).map(|version| {
        Table::TGW_FLOW_LOGS
            .all_fields()
            .filter(|field| field.version <= version)
            .map(|field| field.log)
            .collect::<Vec<_>>()
            .join(" ")
    }));
    headers.push(names(|field| field.log.starts_with("ecs-")));
    headers.push(names(|field| Table::FLOW_LOGS.field(field.log).is_none()));
    headers.push(names(|_| true));
    headers.extend(Table::TGW_FLOW_LOGS.all_fields().map(|field| field.log.to_owned()));
    for header in headers {
        assert!(first(&header), "{header}");
        let backwards: Vec<&str> = header.split_whitespace().rev().collect();
        assert!(first(&backwards.join(" ")), "{header}, backwards");
    }
    for row in [
        "2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK",
        "2 123456789010 eni-1235b8ca123456789 - - - - - - - 1431280876 1431280934 - NODATA",
        "10.0.0.1 10.0.0.2 ACCEPT",
        "2001:db8::1 2001:db8::2 REJECT",
        "i-0123 eni-0123 vpc-0123 subnet-0123",
        "ingress us-east-1 use1-az1",
        "- - -",
        "-",
        "IPv4 ACCEPT OK",
        "OK",
        "ingress",
        "web%2Dserver bytes start",
        "payments region eni-0123 vpc-0123",
        "1694735970",
        "arn:aws:ecs:us-east-1:123456789012:cluster/web web i-0123",
        "6 TransitGateway 123456789012 tgw-0123 tgw-attach-0123",
    ] {
        assert!(!first(row), "{row}");
    }
}

#[test]
fn a_first_line_that_may_be_a_row_of_the_format_has_to_prove_more() {
    let texts = layout("instance-id instance-tag interface-tag").unwrap();
    let first = |line: &str| is_header(&line.split(' ').collect::<Vec<_>>(), Place::First(Some(&texts)));
    for header in [
        "instance-id instance-tag interface-tag",
        "interface-id instance-id region",
        "region type",
        "start i-0abc",
        VPC_DEFAULT_FORMAT,
    ] {
        assert!(first(header), "{header}");
    }
    for row in ["i-0abc region type", "i-0abc start end", "start i-0abc end", "a b c", "region region type"] {
        assert!(!first(row), "{row}");
    }
    let unknown = layout("foo bar").unwrap();
    assert!(is_header(&["foo", "bar"], Place::First(Some(&unknown))));
    assert!(!is_header(&["region", "type"], Place::First(Some(&unknown))));
}

#[test]
fn a_second_header_is_proven() {
    let texts = layout("instance-id instance-tag date").unwrap();
    let tokens = |line: &'static str| line.split(' ').collect::<Vec<_>>();
    let (begin, middle) = (
        |line| is_header(&tokens(line), Place::Member(&texts)),
        |line| is_header(&tokens(line), Place::Middle(&texts)),
    );
    for again in ["instance-id instance-tag date", "instance_id instance-tag date"] {
        assert!(middle(again) && begin(again), "{again}");
    }
    for appended in [VPC_DEFAULT_FORMAT, TGW_DEFAULT_FORMAT, "start end srcaddr dstaddr bytes a b c d e f g h"] {
        assert!(middle(appended) && begin(appended), "{appended}");
    }
    for member in ["start", "brand-new end", "region type", "start end srcaddr dstaddr", "region a b c d type"] {
        assert!(!middle(member) && begin(member), "{member}");
    }
    for row in ["i-0abc region", "instance-tag", "a b c", "region region", "start end srcaddr dstaddr i-0ABC", "-"] {
        assert!(!middle(row), "{row}");
    }
    assert!(!begin("i-0abc region x") && !begin("start Type"));
}

#[test]
fn a_kind_is_the_text_that_spells_it() {
    let texts = [
        "text",
        "port",
        "signed",
        "double",
        "boolean",
        "timestamp",
        "list<text>",
        "struct<a:int32,b:list<struct<c:text>>>",
    ];
    for text in texts {
        let kind: Kind = text.parse().unwrap();
        assert_eq!(kind.to_string(), text);
        assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{text}\""));
        let stored = Kind::of_stored(&kind.data_type()).unwrap();
        assert!(stored.same_storage(kind), "{text} comes back as {stored}");
    }
    let deep = format!("{}text{}", "list<".repeat(40), ">".repeat(40));
    for text in [
        "",
        "Text",
        "int8",
        "list<>",
        "list<text",
        "struct<>",
        "struct<a>",
        "struct<a:text,>",
        "struct<a b:text>",
        &deep,
    ] {
        assert!(text.parse::<Kind>().is_err(), "{text}");
    }
}

#[test]
fn every_kind_is_sound() {
    for table in Table::all() {
        assert_eq!(table.check(), Ok(()), "{}", table.name());
    }
    let of = |change: &dyn Fn(&mut Log)| {
        let mut log = *Table::FLOW_LOGS;
        change(&mut log);
        log.check()
    };
    assert!(of(&|log| log.start = "srcaddr").is_err());
    assert!(of(&|log| log.measures = &["packets", "srcport"]).is_err());
    const START: Field = field(11, "start", Kind::Seconds, 1, "");
    const ONE: &[&[Field]] = &[&[START]];
    const TWICE: &[&[Field]] = &[&[START, START]];
    const UNSPELLED: &[&[Field]] = &[&[START, field(12, "list", Kind::Nested(Nested::of("list<what>")), 1, "")]];
    const TWICE_AN_ID: &[&[Field]] = &[&[START, field(11, "end", Kind::Seconds, 1, "")]];
    const OWN_ID: &[&[Field]] = &[&[START, field(7, "end", Kind::Seconds, 1, "")]];
    let none: &[&[Field]] = &[];
    for fields in [TWICE, UNSPELLED, TWICE_AN_ID, OWN_ID, none] {
        assert!(of(&|log| (log.fields, log.measures) = (fields, &[])).is_err(), "{fields:?}");
    }
    const BOTH: &[&[Field]] = &[&[START, field(BY_NAME, "end", Kind::Seconds, 1, "")]];
    for fields in [ONE, BOTH] {
        assert_eq!(of(&|log| (log.fields, log.measures) = (fields, &[])), Ok(()));
    }
}
