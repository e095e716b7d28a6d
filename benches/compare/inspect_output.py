"""Rows and sums of a tool's output, read by DuckDB, as JSON. Arguments: OUTPUT, and `facts` to count distinct values."""

import json
import sys
from pathlib import Path

import duckdb

output, *rest = sys.argv[1:]
# Only what lies in a partition's folder: a lake keeps its ledger beside them.
files = sorted(str(path) for path in Path(output).rglob("*.parquet") if "/date=" in str(path))
rows = f"read_parquet({files}, hive_partitioning = true, union_by_name = true)"


def query(columns: str) -> dict:
    result = duckdb.sql(f"SELECT {columns} FROM {rows}")
    (only,) = result.fetchall()
    return dict(zip(result.columns, map(int, only), strict=True))


found = query('count(*) AS "rows", sum(packets) AS packets, sum(bytes) AS bytes, count(DISTINCT date) AS dates')
# Each row must lie under the date of its own `start`.
found["misplaced"] = query('count_if(epoch_ms("start" * 1000)::DATE <> date::DATE) AS n')["n"]
if rest == ["facts"]:
    for name, pair in {"addresses": ("srcaddr", "dstaddr"), "ports": ("srcport", "dstport")}.items():
        both = " UNION ".join(f"SELECT {column} AS value FROM {rows}" for column in pair)
        ((found[name],),) = duckdb.sql(f"SELECT count(value) FROM ({both})").fetchall()
    found |= query("count(DISTINCT interface_id) AS interfaces")
print(json.dumps(found))
