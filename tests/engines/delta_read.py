"""What readers of Delta tables find in one, a line of JSON each: rows, bytes, rows of each date, values of a column.
DuckDB and ClickHouse are asked by their functions, and by the statement that `flowlake ddl` prints for them.

    delta_read.py TABLE COLUMN

TABLE is a folder, or an s3:// URL of the server in the environment.
"""

import glob
import json
import os
import subprocess
import sys

TABLE, COLUMN = sys.argv[1:]
ENDPOINT = os.environ.get("AWS_ENDPOINT_URL")
ON_S3 = TABLE.startswith("s3://")
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_ENDPOINT_URL")
OPTIONS = {key: os.environ[key] for key in KEYS} | {"AWS_ALLOW_HTTP": "true"} if ON_S3 else {}
ROWS = f"SELECT date, bytes, {COLUMN} AS more FROM "


def ddl(engine, *more):
    lake = os.path.dirname(TABLE) + "/"
    command = ["flowlake", "ddl", lake, "--engine", engine, "--table", "t", *more]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def with_duckdb():
    import duckdb

    packages = os.path.dirname(os.path.dirname(duckdb.__file__))
    [extension] = glob.glob(f"{packages}/duckdb_extension_delta/**/*.duckdb_extension", recursive=True)
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    connection.execute(f"LOAD '{extension}'")
    return connection


def duckdb():
    return with_duckdb().execute(ROWS + f"delta_scan('{TABLE}')").fetchall()


def duckdb_ddl():
    connection = with_duckdb()
    connection.execute(ddl("duckdb"))
    return connection.execute(ROWS + "t").fetchall()


def delta_rs():
    from deltalake import DeltaTable, QueryBuilder

    table = DeltaTable(TABLE, storage_options=OPTIONS)
    found = QueryBuilder().register("t", table).execute(ROWS + "t").read_all()
    columns = [found.column(name).to_pylist() for name in ("date", "bytes", "more")]
    return list(zip(*columns))


def polars():
    import polars

    found = polars.scan_delta(TABLE, storage_options=OPTIONS).select("date", "bytes", COLUMN)
    return found.collect().rows()


def clickhouse():
    import chdb

    if ON_S3:
        place = TABLE.replace("s3://", ENDPOINT + "/")
        table = f"deltaLake('{place}', '{OPTIONS['AWS_ACCESS_KEY_ID']}', '{OPTIONS['AWS_SECRET_ACCESS_KEY']}')"
    else:
        table = f"deltaLakeLocal('{TABLE}')"
    return rows_of(chdb.query(ROWS + table, "JSONCompactEachRow"))


def clickhouse_ddl():
    from chdb import session

    place = ["--location", os.path.dirname(TABLE).replace("s3://", ENDPOINT + "/")] if ON_S3 else []
    tables = session.Session()
    tables.query(ddl("clickhouse", *place))
    return rows_of(tables.query(ROWS + "t", "JSONCompactEachRow"))


def rows_of(said):
    rows = [json.loads(line) for line in str(said).splitlines()]
    return [(date, None if number is None else int(number), more) for date, number, more in rows]


def told(rows):
    dates = {}
    for date, _, _ in rows:
        dates[str(date)] = dates.get(str(date), 0) + 1
    return {
        "rows": len(rows),
        "bytes": sum(number or 0 for _, number, _ in rows),
        "dates": dates,
        "more": sum(more is not None for _, _, more in rows),
    }


# DuckDB asks S3 with another extension, which is not on PyPI for this version.
ANYWHERE = [delta_rs, polars, clickhouse, clickhouse_ddl]
READERS = ANYWHERE if ON_S3 else [duckdb, duckdb_ddl, *ANYWHERE]
if __name__ == "__main__":
    for reader in READERS:
        print(json.dumps([reader.__name__, told(reader())]))
