"""Times every report against the same question in DuckDB, on the same Parquet files: reports.py FLOWLAKE LAKE.

Isolates answering: both read the files of one lake on local disk, warm, with the same number of threads. The questions
for DuckDB are those of tests/golden/duckdb, written from the meaning of each report. Both have the same memory. flowlake is a new process for each
report and finds its files in the ledger; DuckDB is one process that is started already and lists the folder.

Make a lake with `flowlake sample BUCKET --records 50000000 --mix all` and `flowlake convert BUCKET LAKE`.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import duckdb

ROOT = Path(__file__).parent.parent.parent
SOURCE = "10.0.2.20"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("flowlake", type=Path)
    parser.add_argument("lake", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--memory", default="2GiB", help="of each; beyond it both spill")
    parser.add_argument("--only", nargs="*", help="reports; all by default")
    options = parser.parse_args()
    # What the ledger answers is in no data file.
    of_records = [path for path in (ROOT / "sql").glob("*.sql") if "-- table: lake\n" not in path.read_text()]
    names = options.only or sorted(path.stem for path in of_records)
    con = duckdb.connect()
    con.execute(f"SET threads = {options.threads}")
    con.execute(f"SET memory_limit = '{options.memory}'")
    con.execute("SET TimeZone = 'UTC'")
    for view, table in [("vpc", "flow_logs"), ("tgw", "tgw_flow_logs")]:
        files = f"{options.lake}/{table}/date=*/*.parquet"
        con.execute(f"CREATE VIEW {view} AS SELECT * FROM read_parquet('{files}', union_by_name = true)")
    con.execute((ROOT / "tests/golden/duckdb/prelude.sql").read_text())
    address = con.execute("SELECT srcaddr FROM vpc GROUP BY 1 ORDER BY sum(bytes) DESC LIMIT 1").fetchone()[0]
    print(f"| report | flowlake s | DuckDB {duckdb.__version__} s | × | rows |\n|---|--:|--:|--:|--:|")
    sums = [0.0, 0.0]
    for name in names:
        question = (ROOT / f"tests/golden/duckdb/{name}.sql").read_text()
        question = question.replace(SOURCE, address).replace("10.0.1.10", address)
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(options.rounds):
            began = time.perf_counter()
            rows = ask(options, name, address)
            times[0].append(time.perf_counter() - began)
            began = time.perf_counter()
            theirs = len(con.execute(question).fetchall())
            times[1].append(time.perf_counter() - began)
        ours, other = median(times[0]), median(times[1])
        sums[0] += ours
        sums[1] += other
        count = str(rows) if rows == theirs else f"{rows} and {theirs}"
        print(f"| {name} | {ours:.2f} | {other:.2f} | {other / ours:.2f} | {count} |", flush=True)
    print(f"| **sum** | {sums[0]:.2f} | {sums[1]:.2f} | {sums[1] / sums[0]:.2f} | |")


def ask(options: argparse.Namespace, name: str, address: str) -> int:
    command = [options.flowlake, "report", options.lake, name, "--format", "tsv", "--threads", str(options.threads)]
    command += ["--memory", options.memory]
    for report, parameter in [
        ("top-tcp-of-source", "source"),
        ("traffic-from-source", "source"),
        ("traffic-to-destination", "destination"),
    ]:
        if name == report:
            command += ["--param", f"{parameter}={address}"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{name}: {done.stderr}")
    return len(done.stdout.splitlines()) - 1


main()
