"""The field ids of all columns of a lake, as DuckDB and pyarrow find them in its data files.

    field_ids.py LAKE

Prints each table with the paths of its columns, and of what is within them, and their ids.
"""

import glob
import json
import sys

import duckdb
import pyarrow.parquet as pq

ASK = "SELECT name, num_children, repetition_type, converted_type, field_id FROM parquet_schema(?)"


def within(rows, path):
    """The elements below one, which stand behind it: (path, id)."""
    name, children, repetition, converted, field_id = next(rows)
    # The group between a list and its elements is no column of anybody.
    is_between = repetition == "REPEATED" and bool(children)
    path = path if is_between else f"{path}.{name}" if path else name
    assert not (is_between and field_id is not None), (path, field_id)
    found = [] if is_between else [(path, field_id)]
    for _ in range(children or 0):
        found += within(rows, path)
    return found


def of_file(name):
    rows = iter(duckdb.execute(ASK, [name]).fetchall())
    _, children, *_ = next(rows)
    found = [element for _ in range(children) for element in within(rows, "")]
    assert next(rows, None) is None, name
    for path, field_id in found:
        assert field_id is not None, f"{name}: {path} has no id"
    assert len({path for path, _ in found}) == len(found), (name, found)
    assert len({field_id for _, field_id in found}) == len(found), (name, found)
    arrow = pq.ParquetFile(name).schema_arrow
    of_arrow = {field.name: int(field.metadata[b"PARQUET:field_id"]) for field in arrow}
    assert of_arrow == {path: field_id for path, field_id in found if "." not in path}, (name, of_arrow)
    return dict(found)


tables = {}
for name in sorted(glob.glob(f"{sys.argv[1]}/*/date=*/**/*.parquet", recursive=True)):
    table = tables.setdefault(name.removeprefix(sys.argv[1]).strip("/").split("/")[0], {})
    for path, field_id in of_file(name).items():
        assert table.setdefault(path, field_id) == field_id, f"{name}: {path} has another id than before"
for table, ids in tables.items():
    assert len(set(ids.values())) == len(ids), table
print(json.dumps(tables))
