//! Statements of clients, and what the engine gets to see of them.

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::*;

fn parsed(sql: &str) -> Statement {
    Parser::parse_sql(&PostgreSqlDialect {}, sql).expect("a statement").remove(0)
}

fn is_aggregate(name: &str) -> bool {
    ["count", "max", "string_agg"].contains(&name)
}

fn turned(sql: &str) -> String {
    let mut statement = parsed(sql);
    rewrite(&mut statement, &is_aggregate);
    statement.to_string().replace(UNIQUE, "#")
}

#[test]
fn statements_without_anything_of_postgres_stay_as_they_are() {
    for sql in [
        "SELECT srcaddr, count(*) AS n FROM flow_logs WHERE action IN ('ACCEPT') GROUP BY srcaddr ORDER BY n DESC LIMIT 5",
        "WITH pg_class AS (SELECT 1 AS a) SELECT a FROM pg_class",
        "SELECT a.x, b.x FROM a JOIN b ON a.id = b.id",
        "SELECT (SELECT bytes FROM flow_logs LIMIT 1) AS b",
    ] {
        assert_eq!(turned(sql), sql);
    }
}

#[test]
fn names_operators_and_types_of_postgres() {
    for (sql, wanted) in [
        ("SELECT pg_catalog.version()", "SELECT version()"),
        ("SELECT current_user, current_catalog", "SELECT current_user(), current_database()"),
        ("SELECT oid FROM pg_class", "SELECT oid FROM pg_catalog.pg_class"),
        ("SELECT oid FROM pg_nothing", "SELECT oid FROM pg_nothing"),
        (
            "SELECT 1 FROM t WHERE a OPERATOR(pg_catalog.~) '^x$' COLLATE pg_catalog.default",
            "SELECT 1 FROM t WHERE a ~ '^x$'",
        ),
        ("SELECT 'pg_class'::regclass", "SELECT oid_of_object('regclass', 'pg_class')"),
        ("SELECT c.oid::pg_catalog.regclass FROM t AS c", "SELECT name_of_object('regclass', c.oid) FROM t AS c"),
        ("SELECT 'x'::regclass::text", "SELECT name_of_object('regclass', 'x')::TEXT"),
        ("SELECT 'x'::regclass::oid", "SELECT oid_of_object('regclass', 'x')::INT UNSIGNED"),
        ("SELECT a::name, b::\"char\" FROM t", "SELECT a::TEXT, b::TEXT FROM t"),
        ("SELECT 1 WHERE a = ANY ('{r,\"l,m\",NULL}')", "SELECT 1 WHERE a = ANY(ARRAY['r', 'l,m', NULL])"),
        (
            "SELECT 1 WHERE a NOT LIKE 'pg/_' || '%' ESCAPE '/'",
            "SELECT 1 WHERE a NOT LIKE replace(replace(replace(replace('pg/_' || '%', '\\', '\\\\'), '//', '#'), '/', '\\'), '#', '/')",
        ),
        ("SELECT 1 WHERE a = ANY (SELECT b FROM t)", "SELECT 1 WHERE a IN (SELECT b FROM t)"),
        ("SELECT 1 WHERE a <> ALL (SELECT b FROM t)", "SELECT 1 WHERE a NOT IN (SELECT b FROM t)"),
        ("SELECT '{1,2}'::int[]", "SELECT ARRAY['1', '2']::INT[]"),
    ] {
        assert_eq!(turned(sql), wanted, "{sql}");
    }
}

#[test]
fn columns_of_one_name_are_told_apart() {
    assert_eq!(turned("SELECT NULL, NULL"), "SELECT NULL, NULL AS \"?column?#1\"");
    assert_eq!(turned("SELECT n.oid, n.* FROM n"), "SELECT n.oid AS \"oid#0\", n.* FROM n");
    assert_eq!(turned("SELECT 1 AS a, 2 AS a"), "SELECT 1 AS a, 2 AS \"a#1\"");
}

#[test]
fn tables_without_rows_answer_without_the_engine() {
    let default = "(SELECT d.adbin FROM pg_attrdef AS d WHERE d.adrelid = a.attrelid) AS x";
    let nothing = &format!("SELECT a.attname, {default} FROM pg_attribute AS a");
    assert_eq!(turned(nothing), "SELECT a.attname, NULL AS x FROM pg_catalog.pg_attribute AS a");
    assert_eq!(turned("SELECT EXISTS (SELECT 1 FROM pg_policy)"), "SELECT false");
    assert_eq!(turned("SELECT NOT EXISTS (SELECT 1 FROM pg_policy)"), "SELECT true");
    assert_eq!(turned("SELECT 1 WHERE a IN (SELECT polrelid FROM pg_policy)"), "SELECT 1 WHERE false");
    assert_eq!(turned("SELECT 1 WHERE a NOT IN (SELECT 'x')"), "SELECT 1 WHERE a NOT IN ('x')");
    assert_eq!(turned("SELECT ARRAY(SELECT polname FROM pg_policy)"), "SELECT ARRAY[]");
    let counted = "SELECT (SELECT count(*) FROM pg_catalog.pg_policy)";
    assert_eq!(turned(counted), counted);
    let one = turned("SELECT (SELECT nspname FROM pg_namespace AS n WHERE n.oid = c.relnamespace) FROM pg_class AS c");
    assert!(one.starts_with("SELECT (SELECT max(nspname) FROM"), "{one}");
    let gathered = turned("SELECT ARRAY(SELECT rolname FROM pg_roles ORDER BY 1)");
    assert_eq!(gathered, "SELECT (SELECT coalesce(array_agg(rolname), make_array()) FROM pg_catalog.pg_roles)");
}

#[test]
fn what_joins_a_table_without_rows_has_none() {
    for (from, is_empty) in [
        ("pg_catalog.pg_policy", true),
        ("pg_catalog.pg_class c JOIN pg_catalog.pg_policy p ON c.oid = p.polrelid", true),
        ("pg_catalog.pg_class c, pg_catalog.pg_inherits i", true),
        ("pg_catalog.pg_policy p LEFT JOIN pg_catalog.pg_class c ON true", true),
        ("(SELECT 1 FROM pg_catalog.pg_policy) x", true),
        ("pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_policy p ON true", false),
        ("pg_catalog.pg_policy p FULL JOIN pg_catalog.pg_class c ON true", false),
        ("pg_catalog.pg_class", false),
        ("pg_policy", false),
    ] {
        let statement = parsed(&format!("SELECT 1 AS a, 'b' FROM {from}"));
        let without = without_rows(&statement, &is_aggregate).map(|statement| statement.to_string());
        let wanted = "SELECT CAST(NULL AS TEXT) AS \"a\", CAST(NULL AS TEXT) AS \"?column?\" WHERE false";
        assert_eq!(without.as_deref(), is_empty.then_some(wanted), "{from}");
    }
    for kept in [
        "SELECT count(*) FROM pg_catalog.pg_policy",
        "SELECT * FROM pg_catalog.pg_policy",
        "SELECT 1 FROM pg_catalog.pg_policy UNION SELECT 2",
    ] {
        assert!(without_rows(&parsed(kept), &is_aggregate).is_none(), "{kept}");
    }
    let grouped = parsed("SELECT polname, count(*) FROM pg_catalog.pg_policy GROUP BY polname");
    assert!(without_rows(&grouped, &is_aggregate).is_some());
}

#[test]
fn columns_have_postgres_names() {
    for (expr, name) in [
        ("1.5::float4", "float4"),
        ("true", "?column?"),
        ("interval '1 day'", "interval"),
        ("date '2020-01-01'", "date"),
        ("(1)", "?column?"),
        ("case when true then 1 end", "case"),
        ("case when true then '1' else version() end", "version"),
        ("'a'::text || 'b'", "?column?"),
        ("array[1,2]", "array"),
        ("(array[1,2])[1]", "array"),
        ("(select 1 as x)", "x"),
        ("exists(select 1)", "exists"),
        ("cast(1 as bigint)", "int8"),
        ("now() at time zone 'UTC'", "timezone"),
        ("extract(day from now())", "extract"),
        ("trim('a ')", "btrim"),
        ("substring('abc' from 1 for 2)", "substring"),
        ("current_user", "current_user"),
        ("coalesce(1,2)", "coalesce"),
        ("count(*)", "count"),
        ("t.\"Mixed\"", "Mixed"),
        ("T.Plain", "plain"),
        ("a AS \"B\"", "B"),
        ("a AS B", "b"),
        ("-1", "?column?"),
        ("5 is null", "?column?"),
        ("'1'::int::text", "text"),
    ] {
        assert_eq!(column_names(&parsed(&format!("SELECT {expr} FROM t"))), [Some(name.to_owned())], "{expr}");
    }
}

#[test]
fn parameters_get_their_types() {
    let mut statement = parsed("SELECT $1, a FROM t WHERE b = $2 LIMIT $1 OFFSET $3");
    let found = rewrite(&mut statement, &is_aggregate);
    assert_eq!(found.parameters, [1, 2, 3]);
    give_types(&mut statement, &BTreeMap::from([(1, DataType::BigInt(None)), (3, DataType::Text)]));
    assert_eq!(statement.to_string(), "SELECT CAST($1 AS BIGINT), a FROM t WHERE b = $2 LIMIT $1 OFFSET $3");
}

#[test]
fn a_column_is_named_apart_from_what_a_wildcard_has() {
    for (sql, wanted) in [
        ("SELECT f.*, p.total FROM f JOIN p ON true", "SELECT f.*, p.total FROM f JOIN p ON true"),
        ("SELECT f.*, F.a FROM f", "SELECT f.*, F.a AS \"a#1\" FROM f"),
        ("SELECT *, p.total FROM f JOIN p ON true", "SELECT *, p.total AS \"total#1\" FROM f JOIN p ON true"),
        ("SELECT s.f.*, s.f.a, f.a FROM s.f", "SELECT s.f.*, s.f.a AS \"a#1\", f.a FROM s.f"),
    ] {
        assert_eq!(turned(sql), wanted, "{sql}");
    }
}

#[test]
fn what_would_change_the_answer_is_left_to_the_engine() {
    for sql in [
        "SELECT 1 WHERE a IN (SELECT 'x' LIMIT 0)",
        "SELECT 1 WHERE a IN (SELECT 'x' OFFSET 1)",
        "SELECT 1 WHERE a IN (SELECT 'x' HAVING false)",
        "SELECT a COLLATE \"de_DE\" FROM t",
        "SELECT '10.0.0.1'::INET",
        "SELECT ARRAY(SELECT a FROM t ORDER BY b)",
        "SELECT ARRAY(SELECT a FROM t GROUP BY a)",
        "SELECT ARRAY(SELECT a FROM t LIMIT 1)",
    ] {
        assert_eq!(turned(sql), sql);
    }
}

#[test]
fn lists_are_found_and_compared_by_element() {
    let statement = parsed("SELECT 1 WHERE a = ANY ($2) AND b <> ALL(($1)) AND c = ANY ($3::int[]) AND d = $4");
    assert_eq!(lists(&statement), [2, 1]);
    let single = "SELECT 1 WHERE a = $2 AND b <> ($1) AND c = ANY($3::INT[]) AND d = $4";
    assert_eq!(element_by_element(&statement).to_string(), single);
}
