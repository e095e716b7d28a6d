//! Names of objects and their ids, both ways: `'flow_logs'::regclass` and `c.oid::regclass`.

use super::relations::RELATIONS;
use super::types::{self, TYPES, procedure_oid};
use super::{Described, INFORMATION_SCHEMA, PG_CATALOG, PUBLIC, ROLE};
use crate::serve::settings::Settings;

/// Schemas and their ids.
pub(super) const SCHEMAS: [(&str, u32); 3] =
    [("pg_catalog", PG_CATALOG), ("public", PUBLIC), ("information_schema", INFORMATION_SCHEMA)];

/// The name of a procedure, or its id as a text.
pub(in crate::serve) fn procedure_name(oid: i64) -> String {
    if oid == 0 {
        return "-".to_owned();
    }
    let mut names = TYPES.iter().flat_map(|kind| kind.procedures());
    names.find(|name| i64::from(procedure_oid(name)) == oid).map_or_else(|| oid.to_string(), |name| (*name).to_owned())
}

/// The name of a type in SQL, or its id as a text.
pub(in crate::serve) fn type_name(oid: i64) -> String {
    let name = u32::try_from(oid).ok().and_then(|oid| types::sql_name(oid, None));
    name.unwrap_or_else(|| if oid == 0 { "-".to_owned() } else { oid.to_string() })
}

/// The id of an object of a kind, such as `regclass`; a number is one already.
pub(super) fn oid_of(kind: &str, name: &str, tables: &[Described], settings: &Settings) -> Option<u32> {
    let name = name.trim();
    if let Ok(oid) = name.parse() {
        return Some(oid);
    }
    let (schema, name) = parts(name)?;
    let schema = schema.as_deref();
    match kind {
        "regclass" => {
            let own = tables.iter().find(|table| table.name == name && schema.is_none_or(|schema| schema == "public"));
            let catalogs = || {
                RELATIONS
                    .iter()
                    .find(|relation| relation.name == name && relation.schema == schema.unwrap_or("pg_catalog"))
            };
            own.map(|table| table.oid).or_else(|| catalogs().map(|relation| relation.oid))
        }
        "regtype" => {
            let is_named =
                |kind: &&types::PgType| kind.name == name || types::sql_name(kind.oid, None).as_ref() == Some(&name);
            TYPES.iter().find(is_named).map(|kind| kind.oid)
        }
        "regnamespace" => SCHEMAS.into_iter().find(|(schema, _)| *schema == name).map(|(_, oid)| oid),
        "regrole" => (name == settings.user()).then_some(ROLE),
        "regproc" | "regprocedure" => Some(procedure_oid(name.split('(').next().unwrap_or(&name))),
        _ => None,
    }
}

/// The name of an object by its id; ids that nothing has are given as they are.
pub(super) fn name_of(kind: &str, oid: i64, tables: &[Described], settings: &Settings) -> String {
    let found = u32::try_from(oid).ok().and_then(|oid| match kind {
        "regclass" => {
            let own = tables.iter().find(|table| table.oid == oid).map(|table| quoted(&table.name));
            let catalogs = RELATIONS.iter().find(|relation| relation.oid == oid);
            own.or_else(|| {
                catalogs.map(|relation| match relation.schema {
                    "pg_catalog" => relation.name.to_owned(),
                    schema => format!("{schema}.{}", relation.name),
                })
            })
        }
        "regtype" => types::sql_name(oid, None),
        "regnamespace" => SCHEMAS.iter().find(|(_, known)| *known == oid).map(|(name, _)| (*name).to_owned()),
        "regrole" => (oid == ROLE).then(|| quoted(&settings.user())),
        "regproc" | "regprocedure" => Some(procedure_name(oid.into())),
        _ => None,
    });
    found.unwrap_or_else(|| if oid == 0 { "-".to_owned() } else { oid.to_string() })
}

/// A name as SQL has it: in double quotes where it must be.
pub(super) fn quoted(name: &str) -> String {
    use datafusion::sql::sqlparser::keywords::{
        ALL_KEYWORDS, ALL_KEYWORDS_INDEX, Keyword, RESERVED_FOR_COLUMN_ALIAS, RESERVED_FOR_IDENTIFIER,
    };
    const ALSO_RESERVED: [Keyword; 8] = [
        Keyword::ALL,
        Keyword::AND,
        Keyword::CASE,
        Keyword::CAST,
        Keyword::DEFAULT,
        Keyword::OR,
        Keyword::TABLE,
        Keyword::USER,
    ];
    let is_plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let keyword = ALL_KEYWORDS.binary_search(&name.to_ascii_uppercase().as_str()).map(|at| ALL_KEYWORDS_INDEX[at]);
    let is_reserved = keyword.is_ok_and(|keyword| {
        [RESERVED_FOR_COLUMN_ALIAS, RESERVED_FOR_IDENTIFIER, &ALSO_RESERVED].iter().any(|list| list.contains(&keyword))
    });
    if is_plain && !is_reserved { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// Schema and name of `public.flow_logs`, with or without quotes. Without them case does not matter.
pub(super) fn parts(name: &str) -> Option<(Option<String>, String)> {
    let mut parts = split(name)?;
    let last = parts.pop()?;
    Some((parts.pop(), last))
}

/// The identifiers of a name such as `a."B".c`.
pub(super) fn split(name: &str) -> Option<Vec<String>> {
    let mut parts = vec![String::new()];
    let mut characters = name.trim().chars().peekable();
    let mut in_quotes = false;
    while let Some(c) = characters.next() {
        let part = parts.last_mut().expect("there is one");
        match c {
            '"' if in_quotes && characters.peek() == Some(&'"') => part.extend(characters.next()),
            '"' => in_quotes = !in_quotes,
            '.' if !in_quotes => parts.push(String::new()),
            c if in_quotes => part.push(c),
            c => part.extend(c.to_lowercase()),
        }
    }
    (!in_quotes && parts.iter().all(|part| !part.is_empty())).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ids_and_ids_are_names() {
        let settings = Settings::default();
        for (kind, name, oid) in [
            ("regclass", "pg_class", 1259),
            ("regclass", "pg_catalog.pg_namespace", 2615),
            ("regclass", "42", 42),
            ("regtype", "integer", 23),
            ("regtype", "int8", 20),
            ("regtype", "text[]", 1009),
            ("regnamespace", "public", PUBLIC),
        ] {
            assert_eq!(oid_of(kind, name, &[], &settings), Some(oid), "{kind} {name}");
        }
        assert_eq!(oid_of("regclass", "nowhere", &[], &settings), None);
        assert_eq!(name_of("regclass", 1259, &[], &settings), "pg_class");
        assert_eq!(name_of("regtype", 1009, &[], &settings), "text[]");
        assert_eq!(name_of("regclass", 0, &[], &settings), "-");
        assert_eq!(procedure_name(procedure_oid("array_in").into()), "array_in");
    }

    #[test]
    fn names_are_quoted_where_sql_wants_it() {
        for (name, wanted) in [
            ("flow_logs", "flow_logs"),
            ("end", "\"end\""),
            ("A", "\"A\""),
            ("a b", "\"a b\""),
            ("q\"q", "\"q\"\"q\""),
            ("date", "date"),
            ("select", "\"select\""),
        ] {
            assert_eq!(quoted(name), wanted);
        }
        assert_eq!(split("Public.\"Flow.Logs\""), Some(vec!["public".to_owned(), "Flow.Logs".to_owned()]));
        assert_eq!(split("\"a"), None);
    }
}
