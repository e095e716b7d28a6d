"""DuckDB: read_csv to COPY … PARTITION_BY event date. Arguments: SOURCE OUTPUT THREADS."""

import sys

import duckdb

from records import pattern, typed

source, output, threads = sys.argv[1:]
connection = duckdb.connect(config={"threads": int(threads), "preserve_insertion_order": False})
if source != "-":
    connection.execute(f"""
        COPY (
            SELECT *, epoch_ms("start" * 1000)::DATE AS date
            FROM read_csv('{pattern(source)}', delim = ' ', header = true, nullstr = '-', quote = '', escape = '',
                          compression = 'gzip', auto_detect = false,
                          columns = {typed("VARCHAR", "INTEGER", "BIGINT")})
        ) TO '{output}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (date))
    """)
