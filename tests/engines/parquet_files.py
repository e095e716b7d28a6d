"""pyarrow's judgement of every data file: types, page index, statistics that are true, dictionaries.

    parquet_files.py LAKE
"""

import glob
import sys

import pyarrow.compute as pc
import pyarrow.parquet as pq

TYPES = {("INT32", "None"), ("INT64", "None"), ("BYTE_ARRAY", "String")}

files = glob.glob(f"{sys.argv[1]}/*/**/*.parquet", recursive=True)
assert len(files) > 5, files
dictionaries = 0
for name in files:
    file = pq.ParquetFile(name)
    held = file.metadata
    assert held.format_version == "2.6" or held.format_version == "1.0", held.format_version
    assert "flowlake" in held.created_by, held.created_by
    for index in range(held.num_columns):
        column = held.schema.column(index)
        assert (column.physical_type, column.logical_type.type.capitalize()) in TYPES, (name, column)
        assert column.max_repetition_level == 0
    for group in range(held.num_row_groups):
        rows = file.read_row_group(group)
        for index in range(held.num_columns):
            chunk = held.row_group(group).column(index)
            values = rows.column(index)
            assert chunk.has_column_index and chunk.has_offset_index, (name, chunk.path_in_schema)
            said = chunk.statistics
            assert said is not None and said.has_null_count and said.null_count == values.null_count, (name, chunk)
            if values.null_count < len(values):
                assert said.has_min_max, (name, chunk.path_in_schema)
                least, most = pc.min_max(values).as_py().values()
                if isinstance(least, int):
                    assert (said.min, said.max) == (least, most), (name, chunk.path_in_schema)
                else:
                    # Bounds of long texts may be cut, and must still enclose.
                    assert said.min <= least and said.max >= most, (name, chunk.path_in_schema)
            dictionaries += chunk.has_dictionary_page
assert dictionaries > len(files), dictionaries
print(f"{len(files)} files, {dictionaries} dictionaries")
