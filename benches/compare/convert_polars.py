"""Polars: scan_csv to sink_parquet, partitioned by event date. Arguments: SOURCE OUTPUT THREADS."""

import os
import sys

source, output, threads = sys.argv[1:]
# Polars reads it once, when it is imported.
os.environ["POLARS_MAX_THREADS"] = threads

import polars as pl  # noqa: E402

from records import pattern, typed  # noqa: E402

types = {"text": pl.String, "int32": pl.Int32, "int64": pl.Int64}
kinds = typed("text", "int32", "int64")
# Polars takes columns by the header's names, which have hyphens.
schema = {name.replace("_", "-"): types[kind] for name, kind in kinds.items()}
assert pl.thread_pool_size() == int(threads)
if source != "-":
    rows = pl.scan_csv(pattern(source), separator=" ", schema=schema, null_values="-", quote_char=None)
    dated = rows.rename(dict(zip(schema, kinds))).with_columns(date=pl.from_epoch("start").dt.date())
    parts = pl.PartitionBy(output, key="date", include_key=False)
    dated.sink_parquet(parts, compression="zstd", mkdir=True, maintain_order=False, engine="streaming")
