"""Answers every report with DuckDB: ask_duckdb.py LOGS COPIES QUESTIONS OUT.

Reads the text logs of a folder as they are, each by its own header; names the files below COPIES in a variable; runs
QUESTIONS/prelude.sql and every other .sql file there; writes the rows of each as tab-separated text to OUT.
"""

import pathlib
import sys

import duckdb

TEXT = {
    "account_id", "interface_id", "srcaddr", "dstaddr", "action", "log_status", "vpc_id", "subnet_id", "instance_id",
    "type", "pkt_srcaddr", "pkt_dstaddr", "region", "az_id", "pkt_src_aws_service", "pkt_dst_aws_service",
    "flow_direction", "reject_reason", "resource_id", "instance_tag", "interface_type", "next_hop_interface_id",
    "next_hop_az_id", "resource_type", "tgw_id", "tgw_attachment_id",
}


def main(logs: str, copies: str, questions: str, out: str) -> None:
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    con.execute(f"SET VARIABLE copies = '{copies}/*/*.log'")
    parts = {"vpc": [], "tgw": []}
    for path in sorted(pathlib.Path(logs).glob("*.log")):
        names = path.open().readline().split()
        columns = []
        for index, name in enumerate(names):
            name = name.replace("-", "_")
            value = f"nullif(w[{index + 1}], '-')"
            columns.append(f'{value} AS "{name}"' if name in TEXT else f'{value}::BIGINT AS "{name}"')
        rows = f"SELECT string_split(line, ' ') AS w FROM read_csv('{path}', header = false, skip = 1, sep = '\\x01', columns = {{'line': 'VARCHAR'}})"
        table = "tgw" if "tgw-id" in names else "vpc"
        parts[table].append(f"SELECT {', '.join(columns)} FROM ({rows})")
    for table, selects in parts.items():
        con.execute(f"CREATE TABLE {table} AS {' UNION ALL BY NAME '.join(selects)}")
    folder = pathlib.Path(questions)
    con.execute((folder / "prelude.sql").read_text())
    for path in sorted(folder.glob("*.sql")):
        if path.stem == "prelude":
            continue
        try:
            rows = con.execute(path.read_text()).fetchall()
        except Exception as error:
            sys.exit(f"{path.name}: {error}")
        text = "".join("\t".join("" if value is None else str(value) for value in row) + "\n" for row in rows)
        (pathlib.Path(out) / f"{path.stem}.tsv").write_text(text)


main(*sys.argv[1:])
