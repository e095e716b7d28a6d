"""What readers of Delta tables find in one, a line of JSON each: rows, bytes, rows of each date, values of a column.

    delta_read.py TABLE COLUMN

TABLE is a folder, or an s3:// URL of the server in the environment.
"""

import glob
import json
import os
import sys

TABLE, COLUMN = sys.argv[1:]
ENDPOINT = os.environ.get("AWS_ENDPOINT_URL")
ON_S3 = TABLE.startswith("s3://")
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_ENDPOINT_URL")
OPTIONS = {key: os.environ[key] for key in KEYS} | {"AWS_ALLOW_HTTP": "true"} if ON_S3 else {}
ROWS = f"SELECT date, bytes, {COLUMN} AS more FROM "


def duckdb():
    import duckdb

    packages = os.path.dirname(os.path.dirname(duckdb.__file__))
    [extension] = glob.glob(f"{packages}/duckdb_extension_delta/**/*.duckdb_extension", recursive=True)
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    connection.execute(f"LOAD '{extension}'")
    return connection.execute(ROWS + f"delta_scan('{TABLE}')").fetchall()


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
    said = str(chdb.query(ROWS + table, "JSONCompactEachRow"))
    rows = [json.loads(line) for line in said.splitlines()]
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
for reader in (delta_rs, polars, clickhouse) if ON_S3 else (duckdb, delta_rs, polars, clickhouse):
    print(json.dumps([reader.__name__, told(reader())]))
