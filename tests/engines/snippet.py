"""Runs one snippet and prints, as JSON, what its `answer` and its `flow_logs` hold.

    snippet.py FILE NAME   (the snippet's code comes from FILE)

The summary of `flow_logs` is the same for every engine: the type, the count of values and, for integers, the sum of each
column. Each engine computes it in its own way; nothing is shared but the shape of the result.
"""

import json
import sys


def duckdb(flow_logs, answer):
    columns = dict(zip(flow_logs.columns, map(str, flow_logs.types)))
    types = {"VARCHAR": "text", "INTEGER": "int32", "BIGINT": "int64", "DATE": "date"}
    columns = {name: types.get(kind, kind) for name, kind in columns.items()}
    terms = summary_terms(columns, '"')
    values = flow_logs.aggregate(", ".join(terms)).fetchall()[0]
    return columns, values, answer.fetchall()


def clickhouse(flow_logs, answer):
    def rows(sql):
        return [json.loads(line) for line in str(flow_logs.query(sql, "JSONCompactEachRow")).splitlines()]

    types = {"Nullable(String)": "text", "Nullable(Int32)": "int32", "Nullable(Int64)": "int64", "Nullable(Date)": "date"}
    columns = {row[0]: types.get(row[1], row[1]) for row in rows("DESCRIBE flow_logs")}
    values = rows("SELECT " + ", ".join(summary_terms(columns, "`")) + " FROM flow_logs")[0]
    answer = [json.loads(line) for line in str(answer).splitlines()]
    return columns, [as_int(value) for value in values], [[row[0], as_int(row[1]), as_int(row[2])] for row in answer]


def polars(flow_logs, answer):
    import polars as pl

    types = {pl.String: "text", pl.Int32: "int32", pl.Int64: "int64", pl.Date: "date"}
    columns = {name: types.get(kind, str(kind)) for name, kind in flow_logs.collect_schema().items()}
    terms = [pl.len().alias("rows")]
    for name, kind in columns.items():
        terms.append(pl.col(name).count().alias(f"count of {name}"))
        if kind.startswith("int"):
            terms.append(pl.col(name).cast(pl.Int64).sum().alias(f"sum of {name}"))
    return columns, flow_logs.select(terms).collect().row(0), answer.rows()


def pyarrow(flow_logs, answer):
    types = {"string": "text", "int32": "int32", "int64": "int64", "date32[day]": "date"}
    columns = {field.name: types.get(str(field.type), str(field.type)) for field in flow_logs.schema}
    return columns, arrow_values(flow_logs.to_table(), columns), [tuple(row.values()) for row in answer.to_pylist()]


def pandas(flow_logs, answer):
    import pandas as pd

    types = {"string": "text", "int32": "int32", "int64": "int64", "date32[day]": "date"}
    columns = {name: types.get(str(kind.pyarrow_dtype), str(kind)) for name, kind in flow_logs.dtypes.items()}
    values = [len(flow_logs)]
    for name, kind in columns.items():
        values.append(int(flow_logs[name].count()))
        if kind.startswith("int"):
            values.append(int(flow_logs[name].sum()))
    rows = [[None if pd.isna(date) else date, int(size), int(sum)] for date, size, sum in answer.itertuples(index=False)]
    return columns, values, rows


def spark(flow_logs, answer):
    types = {"string": "text", "int": "int32", "bigint": "int64", "date": "date"}
    columns = {name: types.get(kind, kind) for name, kind in flow_logs.dtypes}
    values = flow_logs.selectExpr(*summary_terms(columns, "`")).collect()[0]
    return columns, values, [tuple(row) for row in answer.collect()]


def psycopg(flow_logs, answer):
    dates = answer.fetchall()
    types = {25: "text", 1043: "text", 23: "int32", 20: "int64", 1082: "date"}
    held = flow_logs.execute("SELECT * FROM flow_logs LIMIT 0").description
    computed = {"start_time", "end_time"}
    columns = {column.name: types.get(column.type_code) for column in held if column.name not in computed}
    values = flow_logs.execute("SELECT " + ", ".join(summary_terms(columns, '"')) + " FROM flow_logs").fetchone()
    return columns, values, dates


def summary_terms(columns, mark):
    terms = ["count(*)"]
    for name, kind in columns.items():
        terms.append(f"count({mark}{name}{mark})")
        if kind.startswith("int"):
            terms.append(f"sum({mark}{name}{mark})")
    return terms


def arrow_values(table, columns):
    import pyarrow.compute as pc

    values = [len(table)]
    for name, kind in columns.items():
        values.append(pc.count(table[name]).as_py())
        if kind.startswith("int"):
            values.append(pc.sum(table[name]).as_py())
    return values


def as_int(value):
    return None if value is None else int(value)


def main():
    file, name = sys.argv[1:]
    scope = {}
    exec(compile(open(file).read(), file, "exec"), scope)
    columns, values, answer = globals()[name](scope["flow_logs"], scope["answer"])
    values = iter([as_int(value) for value in values])
    said = {"rows": next(values), "columns": {}}
    for column, kind in columns.items():
        held = {"type": kind, "count": next(values)}
        if kind.startswith("int"):
            held["sum"] = next(values) or 0
        said["columns"][column] = held
    said["dates"] = {str(date): [as_int(rows), as_int(bytes) or 0] for date, rows, bytes in answer}
    print(json.dumps(said, sort_keys=True))


main()
