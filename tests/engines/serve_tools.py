"""What Grafana, DBeaver, Metabase and psql ask Postgres for when they connect and when one opens their table lists.

    serve_tools.py PORT
"""

import sys

import psycopg

where = f"host=127.0.0.1 port={sys.argv[1]} dbname=flowlake user=me"

# Statement, and whether rows must come.
ASKED = [
    # Drivers and DBeaver, on connecting.
    ("SELECT version()", True),
    ("SET extra_float_digits = 3", False),
    ("SET application_name = 'DBeaver 25 - Main'", False),
    ("SHOW search_path", True),
    ("SHOW TRANSACTION ISOLATION LEVEL", True),
    ("SELECT current_schema(), session_user", True),
    ("SELECT current_database()", True),
    ("SELECT db.oid, db.* FROM pg_catalog.pg_database db WHERE db.datname = current_database()", True),
    ("SELECT * FROM pg_catalog.pg_settings WHERE name = 'standard_conforming_strings'", False),
    ("SELECT n.oid, n.*, d.description FROM pg_catalog.pg_namespace n LEFT OUTER JOIN pg_catalog.pg_description d "
     "ON d.objoid = n.oid AND d.objsubid = 0 AND d.classoid = 'pg_namespace'::regclass ORDER BY nspname", True),
    ("SELECT c.oid, c.*, d.description FROM pg_catalog.pg_class c LEFT OUTER JOIN pg_catalog.pg_description d "
     "ON d.objoid = c.oid AND d.objsubid = 0 WHERE c.relkind NOT IN ('i', 'I', 'c')", True),
    ("SELECT a.attname, a.atttypid, a.attnum, t.typname FROM pg_catalog.pg_attribute a "
     "INNER JOIN pg_catalog.pg_class c ON a.attrelid = c.oid LEFT OUTER JOIN pg_catalog.pg_type t ON t.oid = a.atttypid "
     "WHERE c.relname = 'flow_logs' AND NOT a.attisdropped AND a.attnum > 0 ORDER BY a.attnum", True),
    ("SELECT t.oid, t.typname, t.typtype FROM pg_catalog.pg_type t WHERE t.typname = 'int8'", True),
    # Grafana: version, tables, columns, a time series.
    ("SELECT current_setting('server_version_num')::int / 100 AS version", True),
    ("SELECT quote_ident(table_name) AS \"table\" FROM information_schema.tables "
     "WHERE quote_ident(table_schema) NOT IN ('information_schema', 'pg_catalog') ORDER BY 1", True),
    ("SELECT quote_ident(column_name) AS \"column\", data_type AS \"type\" FROM information_schema.columns "
     "WHERE quote_ident(table_name) = 'flow_logs'", True),
    ("SELECT to_timestamp(floor(start / 300) * 300) AS \"time\", sum(bytes) AS bytes FROM flow_logs "
     "WHERE start BETWEEN 0 AND 4102444800 GROUP BY 1 ORDER BY 1", True),
    # Metabase: schemas, tables, samples.
    ("SELECT schema_name FROM information_schema.schemata", True),
    ("SELECT table_schema, table_name, table_type FROM information_schema.tables WHERE table_schema = 'public'", True),
    ("SELECT \"public\".\"flow_logs\".\"srcaddr\" AS \"srcaddr\" FROM \"public\".\"flow_logs\" LIMIT 10", True),
    ("SELECT nspname AS \"TABLE_SCHEM\", current_database() AS \"TABLE_CATALOG\" FROM pg_catalog.pg_namespace "
     "WHERE nspname <> 'pg_toast' AND (nspname !~ '^pg_temp_' OR nspname = (pg_catalog.current_schemas(true))[1]) "
     "ORDER BY \"TABLE_SCHEM\"", True),
    ("SELECT n.nspname AS schema, c.relname AS name, stat.n_live_tup AS estimate FROM pg_catalog.pg_class c "
     "JOIN pg_catalog.pg_namespace n ON c.relnamespace = n.oid LEFT JOIN pg_catalog.pg_description d "
     "ON c.oid = d.objoid AND d.objsubid = '0' AND d.classoid = 'pg_class'::regclass LEFT JOIN pg_stat_user_tables stat "
     "ON n.nspname = stat.schemaname AND c.relname = stat.relname WHERE n.nspname !~ '^pg_' AND "
     "c.relkind IN ('r', 'p', 'v', 'f', 'm') AND n.nspname IN ('public')", True),
    ("WITH p AS (SELECT NULL AS role, t.schemaname AS schema, t.objectname AS table, pg_catalog.has_any_column_privilege("
     "current_user, '\"' || replace(t.schemaname, '\"', '\"\"') || '\".\"' || t.objectname || '\"', 'update') AS update FROM ("
     "SELECT schemaname, tablename AS objectname FROM pg_catalog.pg_tables UNION SELECT schemaname, viewname FROM "
     "pg_catalog.pg_views UNION SELECT schemaname, matviewname FROM pg_catalog.pg_matviews) t WHERE t.schemaname !~ '^pg_' "
     "AND pg_catalog.has_schema_privilege(current_user, t.schemaname, 'usage')) SELECT p.* FROM p", True),
    ("SHOW timezone", True),
    ("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ UNCOMMITTED", False),
    # DBeaver: types, indexes, keys, sizes.
    ("SELECT t.oid, t.*, c.relkind, format_type(nullif(t.typbasetype, 0), t.typtypmod) AS base_type_name, d.description "
     "FROM pg_catalog.pg_type t LEFT OUTER JOIN pg_catalog.pg_type et ON et.oid = t.typelem LEFT OUTER JOIN "
     "pg_catalog.pg_class c ON c.oid = t.typrelid LEFT OUTER JOIN pg_catalog.pg_description d ON t.oid = d.objoid "
     "WHERE t.typname IS NOT NULL AND (c.relkind IS NULL OR c.relkind = 'c')", True),
    ("SELECT i.*, i.indkey AS keys, c.relname, tc.relname AS tabrelname, pg_catalog.pg_get_expr(i.indpred, i.indrelid) AS e "
     "FROM pg_catalog.pg_index i INNER JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid INNER JOIN pg_catalog.pg_class tc "
     "ON tc.oid = i.indrelid WHERE i.indrelid = 1 ORDER BY tabrelname, c.relname", False),
    ("SELECT c.oid, c.*, t.relname AS tabrelname, CASE WHEN c.contype = 'c' THEN \"substring\"(pg_get_constraintdef(c.oid), 7) "
     "ELSE NULL END AS consrc_copy FROM pg_catalog.pg_constraint c INNER JOIN pg_catalog.pg_class t ON t.oid = c.conrelid "
     "WHERE c.conrelid = 1 ORDER BY c.oid", False),
    ("SELECT string_agg(word, ',') FROM pg_catalog.pg_get_keywords() WHERE word <> ALL ('{a,abs,absolute,select}')", True),
    # JDBC: whether a type is an array, keys of a table, tables by name.
    ("SELECT typinput = 'pg_catalog.array_in'::regproc AS is_array, typtype, typname, pg_type.oid FROM pg_catalog.pg_type "
     "WHERE pg_type.oid = 1009", True),
    ("SELECT n.nspname = ANY (current_schemas(true)), n.nspname, t.typname FROM pg_catalog.pg_type t "
     "JOIN pg_catalog.pg_namespace n ON t.typnamespace = n.oid WHERE t.oid = 1034", True),
    ("SELECT result.TABLE_NAME, result.COLUMN_NAME, result.KEY_SEQ FROM (SELECT ct.relname AS TABLE_NAME, a.attname AS "
     "COLUMN_NAME, (information_schema._pg_expandarray(i.indkey)).n AS KEY_SEQ, a.attnum AS A FROM pg_catalog.pg_class ct JOIN "
     "pg_catalog.pg_attribute a ON (ct.oid = a.attrelid) JOIN pg_catalog.pg_index i ON (a.attrelid = i.indrelid)) result "
     "ORDER BY result.table_name", False),
    ("SELECT c.relname FROM pg_catalog.pg_class c WHERE c.oid = 'flow_logs'::regclass AND c.oid::regclass::text = 'flow_logs'",
     True),
    # SQLAlchemy: schemas, and the options of tables.
    ("SELECT pg_catalog.pg_namespace.nspname FROM pg_catalog.pg_namespace WHERE (pg_catalog.pg_namespace.nspname NOT LIKE "
     "'pg/_'::VARCHAR || '%' ESCAPE '/') ORDER BY pg_catalog.pg_namespace.nspname", True),
    ("SELECT pg_catalog.pg_class.relname, pg_catalog.pg_class.reloptions, CASE WHEN (pg_catalog.pg_am.amname IS NOT NULL AND "
     "pg_catalog.pg_am.amname != current_setting('default_table_access_method')) THEN pg_catalog.pg_am.amname ELSE NULL END AS "
     "access_method_name, inherits.parent_table_names FROM pg_catalog.pg_class LEFT OUTER JOIN pg_catalog.pg_am ON "
     "pg_catalog.pg_class.relam = pg_catalog.pg_am.oid LEFT OUTER JOIN (SELECT pg_catalog.pg_inherits.inhrelid AS inhrelid, "
     "array_agg(pg_catalog.pg_class.relname ORDER BY pg_catalog.pg_inherits.inhseqno) AS parent_table_names FROM "
     "pg_catalog.pg_inherits JOIN pg_catalog.pg_class ON pg_catalog.pg_inherits.inhparent = pg_catalog.pg_class.oid GROUP BY "
     "pg_catalog.pg_inherits.inhrelid) AS inherits ON pg_catalog.pg_class.oid = inherits.inhrelid WHERE "
     "pg_catalog.pg_class.relkind = ANY (ARRAY['r', 'p']) AND pg_catalog.pg_table_is_visible(pg_catalog.pg_class.oid)", True),
    # Grafana: which tables are on the search path.
    ("SELECT CASE WHEN quote_ident(table_schema) IN (SELECT CASE WHEN trim(s[i]) = '\"$user\"' THEN user ELSE trim(s[i]) END "
     "FROM generate_series(array_lower(string_to_array(current_setting('search_path'),','),1), "
     "array_upper(string_to_array(current_setting('search_path'),','),1)) AS i, "
     "string_to_array(current_setting('search_path'),',') s) THEN quote_ident(table_name) ELSE quote_ident(table_schema) "
     "|| '.' || quote_ident(table_name) END AS \"table\" FROM information_schema.tables WHERE "
     "quote_ident(table_schema) NOT IN ('information_schema', 'pg_catalog')", True),
    # asyncpg and pgbouncer, between two users of a connection.
    ("SELECT pg_advisory_unlock_all()", True),
    ("CLOSE ALL", False),
    ("UNLISTEN *", False),
    ("RESET ALL", False),
    ("DEALLOCATE ALL", False),
    ("DISCARD ALL", False),
    # Around statements.
    ("BEGIN", False),
    ("SELECT 1", True),
    ("COMMIT", False),
    ("SHOW server_version", True),
]

with psycopg.connect(where, autocommit=True) as connection:
    wrong = []
    for sql, must_have_rows in ASKED:
        for prepare in (False, True):
            try:
                cursor = connection.execute(sql, prepare=prepare)
                rows = cursor.fetchall() if cursor.description else []
                if must_have_rows and not rows:
                    wrong.append(f"no row (prepare={prepare}): {sql}")
            except psycopg.Error as error:
                wrong.append(f"{error} (prepare={prepare}): {sql}")
    tables = connection.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1")
    assert tables.fetchall() == [("flow_logs",), ("tgw_flow_logs",)]
    types = connection.execute(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'flow_logs' "
        "AND column_name IN ('protocol', 'bytes', 'date') ORDER BY 1"
    ).fetchall()
    assert types == [("bytes", "bigint"), ("date", "date"), ("protocol", "integer")], types
    version = connection.execute("SELECT version()").fetchone()[0]
    assert version.startswith("PostgreSQL 16.6 "), version
    named = connection.execute("SELECT 1, count(*), max(bytes) + 1, NULL, NULL, bytes::text FROM flow_logs GROUP BY bytes")
    assert [column.name for column in named.description] == ["?column?", "count", "?column?", "?column?", "?column?", "bytes"]
    twice = connection.execute("SELECT n.oid, n.*, n.oid FROM pg_namespace n ORDER BY nspname")
    assert [column.name for column in twice.description] == ["oid", "oid", "nspname", "nspowner", "nspacl", "oid"]
assert not wrong, "\n".join(wrong)
print("all held")
