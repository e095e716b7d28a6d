"""Ten reports of one engine, a line of JSON each, in words of SQL that all of them know.

    reports.py postgres PORT | duckdb LAKE | spark LAKE
"""

import json
import subprocess
import sys

REPORTS = [
    "SELECT action, count(*), sum(bytes), sum(packets) FROM flow_logs GROUP BY action ORDER BY 1 NULLS LAST",
    "SELECT dstport, protocol, count(*), count(DISTINCT srcaddr), sum(bytes) FROM flow_logs WHERE action = 'REJECT' "
    "GROUP BY dstport, protocol ORDER BY 3 DESC, 1, 2 LIMIT 20",
    "SELECT srcaddr, sum(bytes) FROM flow_logs WHERE srcaddr IS NOT NULL GROUP BY srcaddr "
    "ORDER BY 2 DESC NULLS LAST, 1 LIMIT 20",
    "SELECT date, count(*), sum(bytes), min(start), max(start) FROM flow_logs GROUP BY date ORDER BY 1 NULLS LAST",
    "SELECT log_account, log_region, count(*) FROM flow_logs GROUP BY log_account, log_region "
    "ORDER BY 1 NULLS LAST, 2 NULLS LAST",
    "SELECT version, count(*), count(vpc_id), count(tcp_flags), count(brand_new) FROM flow_logs GROUP BY version ORDER BY 1",
    "SELECT protocol, count(*), avg(bytes) > 0, max(packets) FROM flow_logs WHERE protocol IS NOT NULL GROUP BY protocol "
    "ORDER BY 2 DESC, 1",
    "SELECT srcaddr, dstaddr, count(*) AS flows FROM flow_logs GROUP BY srcaddr, dstaddr HAVING count(*) > 3 "
    "ORDER BY 3 DESC, 1 NULLS LAST, 2 NULLS LAST LIMIT 20",
    "SELECT a.dstaddr, count(*) FROM flow_logs a JOIN (SELECT dstaddr FROM flow_logs WHERE action = 'REJECT' "
    "GROUP BY dstaddr) b ON a.dstaddr = b.dstaddr WHERE a.action = 'ACCEPT' GROUP BY a.dstaddr ORDER BY 2 DESC, 1 LIMIT 20",
    "SELECT log_object, log_line, rank FROM (SELECT log_object, log_line, row_number() OVER (PARTITION BY date "
    "ORDER BY bytes DESC NULLS LAST, log_object, log_line) AS rank FROM flow_logs) AS ranked WHERE rank <= 3 "
    "ORDER BY 1, 2",
]


def ddl(engine, lake):
    return subprocess.check_output(["flowlake", "ddl", lake, "--engine", engine, "--hive"], text=True)


def postgres(port):
    import psycopg

    connection = psycopg.connect(f"host=127.0.0.1 port={port} dbname=flowlake user=me", autocommit=True)
    return lambda sql: connection.execute(sql).fetchall()


def duckdb(lake):
    import duckdb

    duckdb.sql(ddl("duckdb", lake))
    return lambda sql: duckdb.sql(sql).fetchall()


def spark(lake):
    from pyspark.sql import SparkSession

    session = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    session.sql(ddl("spark", lake))
    session.sql("MSCK REPAIR TABLE flow_logs")
    return lambda sql: [tuple(row) for row in session.sql(sql).collect()]


ask = globals()[sys.argv[1]](sys.argv[2])
for sql in REPORTS:
    print(json.dumps([[None if value is None else str(value).lower() for value in row] for row in ask(sql)]))
