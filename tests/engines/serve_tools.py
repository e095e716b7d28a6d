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
    assert [name for name, _ in types] == ["bytes", "date", "protocol"], types
assert not wrong, "\n".join(wrong)
print("all held")
