"""psycopg against `flowlake serve`: prepared statements, cursors, cancellation, large results, types.

    serve_drivers.py PORT
"""

import sys
import threading
import time

import psycopg

where = f"host=127.0.0.1 port={sys.argv[1]} dbname=flowlake user=me"


def rows(connection, sql, parameters=None, **how):
    return connection.execute(sql, parameters, **how).fetchall()


def prepared(connection):
    total = rows(connection, "SELECT count(*) FROM flow_logs")[0][0]
    ports = rows(connection, "SELECT dstport, count(*) FROM flow_logs WHERE dstport IS NOT NULL GROUP BY dstport")
    for port, count in ports[:20]:
        said = rows(connection, "SELECT count(*) FROM flow_logs WHERE dstport = %s", [port], prepare=True)
        assert said == [(count,)], (port, count, said)
    text = rows(connection, "SELECT count(*) FROM flow_logs WHERE action = %s", ["REJECT"], prepare=True)
    plain = rows(connection, "SELECT count(*) FROM flow_logs WHERE action = 'REJECT'")
    assert text == plain and 0 < plain[0][0] < total, (text, plain)


def binary(connection):
    sql = 'SELECT version, bytes, srcaddr, "date" FROM flow_logs WHERE bytes IS NOT NULL ORDER BY log_object, log_line LIMIT 50'
    with connection.cursor(binary=True) as cursor:
        in_binary = cursor.execute(sql).fetchall()
    assert in_binary == rows(connection, sql) and len(in_binary) == 50
    assert [type(value).__name__ for value in in_binary[0][:3]] == ["int", "int", "str"], in_binary[0]


def cursors():
    """Cursors of SQL are refused by name; portals, which drivers use for their fetch size, are not."""
    with psycopg.connect(where) as connection, connection.cursor("named") as cursor:
        try:
            cursor.execute("SELECT log_object, log_line FROM flow_logs")
            raise AssertionError("a cursor was declared")
        except psycopg.errors.FeatureNotSupported as error:
            assert "fetch size" in str(error), error


def large(connection):
    """Rows come while the statement still runs: the whole result would be 225 million of them."""
    sql = "SELECT a.log_line, b.log_object FROM flow_logs a, flow_logs b"
    began = time.monotonic()
    with connection.cursor() as cursor:
        for taken, row in enumerate(cursor.stream(sql), 1):
            if taken == 200_000:
                break
        cursor.close()
    assert taken == 200_000
    return time.monotonic() - began


def cancelled():
    """In the middle of a statement that gives no row for minutes; the connection goes on afterwards."""
    endless = "SELECT count(*) FROM flow_logs a, flow_logs b, flow_logs c WHERE a.bytes + b.bytes < c.packets"
    with psycopg.connect(where, autocommit=True) as connection:
        timer = threading.Timer(1.0, connection.cancel_safe)
        timer.start()
        try:
            connection.execute(endless)
            raise AssertionError("it was not cancelled")
        except psycopg.errors.QueryCanceled as error:
            assert "user request" in str(error), error
        timer.join()
        assert rows(connection, "SELECT 41 + 1") == [(42,)]


def timed_out():
    endless = "SELECT count(*) FROM flow_logs a, flow_logs b, flow_logs c WHERE a.bytes + b.bytes < c.packets"
    with psycopg.connect(where, autocommit=True) as connection:
        connection.execute("SET statement_timeout = '1s'")
        try:
            connection.execute(endless)
            raise AssertionError("it was not ended")
        except psycopg.errors.QueryCanceled as error:
            assert "statement timeout" in str(error), error
        assert rows(connection, "SELECT 41 + 1") == [(42,)]


def errors(connection):
    total = rows(connection, "SELECT count(*) FROM flow_logs")[0][0]
    by_zero = f"SELECT 1 / (count(*) - {total}) FROM flow_logs"
    for sql in ["SELECT nothing FROM flow_logs", "SELEC 1", "SELECT * FROM nowhere", by_zero]:
        try:
            rows(connection, sql)
            raise AssertionError(f"no error: {sql}")
        except psycopg.Error as error:
            assert error.sqlstate, error
    assert rows(connection, "SELECT 41 + 1") == [(42,)]


with psycopg.connect(where, autocommit=True) as connection:
    prepared(connection)
    binary(connection)
    errors(connection)
cursors()
with psycopg.connect(where, autocommit=True) as connection:
    large(connection)
cancelled()
timed_out()
print("all held")
