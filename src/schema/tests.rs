use super::*;

fn layout(header: &str) -> Result<Layout, LayoutError> {
    Layout::from_names(header.split_whitespace(), &Types::default())
}

#[test]
fn the_table_holds_every_documented_version() {
    let up_to = |version: u8| FIELDS.iter().filter(|f| !f.marks_tgw && f.version <= version).count();
    let counts: Vec<usize> = [2, 3, 4, 5, 7, 8, 9, 10, 11].into_iter().map(up_to).collect();
    assert_eq!(counts, [14, 21, 25, 29, 39, 40, 41, 42, 54]);
    assert_eq!(TGW_DEFAULT_FORMAT.split_whitespace().count(), 36);
    assert!(TGW_DEFAULT_FORMAT.split_whitespace().all(|name| FIELDS.iter().any(|field| field.log == name)));
}

#[test]
fn a_tgw_field_moves_the_record_to_its_table_and_types() {
    let tgw = layout(TGW_DEFAULT_FORMAT).unwrap();
    assert_eq!(tgw.table, Table::TgwFlowLogs);
    let protocol = tgw.columns.iter().find(|column| column.name == "protocol").unwrap();
    assert_eq!(protocol.kind, Kind::Int64);
    let vpc = layout("srcaddr protocol").unwrap();
    assert_eq!((vpc.table, vpc.columns[1].kind), (Table::FlowLogs, Kind::Int32));
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
}

#[test]
fn a_type_the_lake_fixed_earlier_wins() {
    let mut types = Types::default();
    types.0.entry(Table::FlowLogs).or_default().insert("encryption_status".into(), Kind::Text);
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
    let tokens = |line: &'static str| line.split_whitespace().collect::<Vec<_>>();
    assert!(is_header(&tokens(VPC_DEFAULT_FORMAT), None));
    assert!(is_header(&tokens("region"), None));
    assert!(!is_header(&tokens("bogus line"), None));
    assert!(!is_header(&tokens("2 123456789010 eni-1 - - -"), None));
    let current = layout("region instance-tag").unwrap();
    assert!(!is_header(&tokens("us-east-1 region"), Some(&current)), "one documented word may be a value");
    assert!(is_header(&tokens("region instance-tag"), Some(&current)));
    assert!(is_header(&tokens("start end brand-new"), Some(&current)));
}
