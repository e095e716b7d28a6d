"""Asks, waits for a line on standard input, and asks the same prepared statement again.

    serve_grows.py PORT
"""

import sys

import psycopg

with psycopg.connect(f"host=127.0.0.1 port={sys.argv[1]} dbname=flowlake user=me", autocommit=True) as connection:

    def count():
        sql = "SELECT count(*) FROM flow_logs WHERE bytes IS NULL OR bytes > %s"
        return connection.execute(sql, [0], prepare=True).fetchone()[0]

    print(f"{count()} row, prepared", flush=True)
    sys.stdin.readline()
    print(f"{count()} rows, prepared", flush=True)
    # A column that came with the new commit.
    print(connection.execute("SELECT max(az_id) FROM flow_logs").fetchone()[0])
