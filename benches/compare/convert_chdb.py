"""ClickHouse in the process (chdb): INSERT INTO FUNCTION file … PARTITION BY event date. Arguments: SOURCE OUTPUT THREADS."""

import sys

import chdb

from records import pattern, typed

source, output, threads = sys.argv[1:]
if source == "-":
    chdb.query("SELECT 1")
    sys.exit()
kinds = typed("Nullable(String)", "Nullable(Int32)", "Nullable(Int64)")
# The partition key may not be null; the two times never are in a flow log.
kinds |= {"start": "Int64", "end": "Int64"}
structure = ", ".join(f"`{name}` {kind}" for name, kind in kinds.items())
columns = ", ".join(f"`{name}`" for name in kinds)
# ClickHouse refuses CSV separated by spaces and points to CustomSeparated; its 'Escaped' rule wants tabs.
chdb.query(f"""
    INSERT INTO FUNCTION file('{output}/date={{_partition_id}}/rows.parquet', 'Parquet', '{structure}')
    PARTITION BY toString(toDate(toDateTime(start, 'UTC')))
    SELECT {columns} FROM file('{pattern(source)}', 'CustomSeparatedWithNames', '{structure}', 'gzip')
    SETTINGS max_threads = {threads}, max_insert_threads = {threads}, max_parsing_threads = {threads},
        format_custom_field_delimiter = ' ', format_custom_escaping_rule = 'CSV', format_csv_delimiter = ' ',
        format_csv_null_representation = '-', input_format_with_names_use_header = 0,
        output_format_parquet_compression_method = 'zstd', session_timezone = 'UTC'
""")
