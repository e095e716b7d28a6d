"""Lists as parameters, and what a connection may keep. The lake has four records with the ports 22, 443, 53 and none.

    serve_lists.py PORT
"""

import datetime
import socket
import struct
import sys

import psycopg
from psycopg import pq

port = int(sys.argv[1])
where = f"host=127.0.0.1 port={port} dbname=flowlake user=me"
START = 1694735970


def at(second):
    return datetime.datetime.fromtimestamp(START + second, datetime.timezone.utc)


def lists(connection):
    """In every form that psycopg has: by itself, as text, as binary."""
    for filter, values, count in [
        ("dstport = ANY({})", [22, 53], 2),
        ("dstport = ANY({})", [5_000_000_000, 22], 1),
        ("dstport = ANY({})", [22, None], 1),
        ("dstport = ANY({})", [], 0),
        ("NOT (dstport = ANY({}))", [22], 2),
        ("NOT (dstport = ANY({}))", [22, None], 0),
        ("dstport <> ALL({})", [22], 2),
        ("dstport <> ALL({})", [22, None], 0),
        ("dstport <> ALL({})", [], 4),
        ("dstport > ANY({})", [53, 100], 1),
        ("dstport < ALL({})", [443, 100], 2),
        ("start = SOME({})", [START, START + 1, 7], 2),
        ("srcaddr = ANY({})", ["10.0.0.1", 'x"y,{} \\ z', "10.0.0.4"], 2),
        ("srcaddr = ANY({})", [], 0),
        ("start_time = ANY({})", [at(0), at(3), at(9)], 2),
        ('"date" = ANY({})', [datetime.date(2023, 9, 14), datetime.date(2023, 9, 15)], 4),
        ("bytes / 2.0 = ANY({})", [3.5, 4.0], 2),
        ("(start_time > {} OR dstport = 22) AND dstport = ANY({})", [at(1), [22, 53]], 2),
    ]:
        parameters = values if filter.count("{}") == 2 else [values]
        for how in ("%s", "%t", "%b"):
            if how == "%b" and any(isinstance(value, list) and not value for value in parameters):
                continue
            sql = "SELECT count(*) FROM flow_logs WHERE " + filter.replace("{}", how)
            for prepare in (False, True):
                said = connection.execute(sql, parameters, prepare=prepare).fetchone()[0]
                assert said == count, (sql, parameters, said)


def untyped(connection):
    """As drivers do that let the server say the types: asyncpg, node-postgres."""
    raw = connection.pgconn

    def ok(result):
        assert result.status in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK), result.error_message
        return result

    for column, oid, text, count in [
        ("dstport", 1007, b"{22,NULL,53}", b"2"),
        ("start", 1016, b"{1694735970, 1694735973}", b"2"),
        ("srcaddr", 1009, b'{10.0.0.1,"10.0.0.2",x}', b"2"),
        ("start_time", 1185, b'{"2023-09-14 23:59:30+00","2023-09-15 01:59:33+02"}', b"2"),
        ('"date"', 1182, b"{2023-09-14}", b"4"),
    ]:
        sql = f"SELECT count(*) FROM flow_logs WHERE {column} = ANY ($1)"
        ok(raw.prepare(b"untyped", sql.encode()))
        described = ok(raw.describe_prepared(b"untyped"))
        assert described.param_type(0) == oid, (column, described.param_type(0))
        assert ok(raw.exec_prepared(b"untyped", [text])).get_value(0, 0) == count, column
        assert ok(raw.exec_params(sql.encode(), [text])).get_value(0, 0) == count, column
    ports = struct.pack("!iiIii", 1, 0, 23, 2, 1) + struct.pack("!iiii", 4, 443, 4, 53)
    ok(raw.prepare(b"untyped", b"SELECT count(*) FROM flow_logs WHERE dstport = ANY($1)"))
    assert ok(raw.exec_prepared(b"untyped", [ports], [1])).get_value(0, 0) == b"2"
    # Cannot be planned, and is known to have no rows. Nothing tells the type of an element.
    unplanned = b"SELECT polname FROM pg_catalog.pg_policy WHERE polname = ANY ($1) AND no_such_function(polrelid) = 1"
    ok(raw.prepare(b"untyped", unplanned))
    assert ok(raw.describe_prepared(b"untyped")).param_type(0) == 1009
    assert ok(raw.exec_prepared(b"untyped", [b"{a,b}"])).ntuples == 0
    missing = raw.prepare(b"", b"SELECT 1 FROM flow_logs WHERE srcaddr = ANY ($1) AND no_such_function(bytes) = 1")
    assert missing.status == pq.ExecStatus.FATAL_ERROR and b"no_such_function" in missing.error_message
    for number in (b"1000000000000", b"65536", b"99999999999999999999999999"):
        refused = raw.prepare(b"", b"SELECT $" + number)
        assert refused.status == pq.ExecStatus.FATAL_ERROR, number
    assert raw.prepare(b"", b"SELECT $65535").status == pq.ExecStatus.COMMAND_OK


def told_by_functions(connection):
    """The types that PostgreSQL 15 gives such parameters, and what it answers."""
    raw = connection.pgconn
    int4, float8, interval = 23, 701, 1186
    rows = "FROM (VALUES (1, 'abc'), (2, 'de')) AS t(n, a) ORDER BY n LIMIT 1"
    for sql, oid, value, right in [
        (f"SELECT ntile($1) OVER (ORDER BY n) {rows}", int4, b"2", b"1"),
        (f"SELECT lead(n, $1) OVER (ORDER BY n) {rows}", int4, b"1", b"2"),
        (f"SELECT nth_value(n, $1) OVER (ORDER BY n ROWS BETWEEN 0 PRECEDING AND 9 FOLLOWING) {rows}", int4, b"2", b"2"),
        (f"SELECT left(a, $1) {rows}", int4, b"2", b"ab"),
        (f"SELECT substr(a, $1) || split_part('x-y', '-', $1) {rows}", int4, b"2", b"bcy"),
        ("SELECT count(*) FROM (SELECT unnest(generate_series(1, $1)))", int4, b"5", b"5"),
        ("SELECT percentile_cont($1) WITHIN GROUP (ORDER BY n) FROM (VALUES (1.0), (2.0)) AS t(n)", float8, b"0.5", b"1.5"),
        ("SELECT round($1)", float8, b"2.4", b"2"),
        ("SELECT date_bin($1, timestamptz '2023-09-14 05:20:00+00')", interval, b"00:15", b"2023-09-14 05:15:00+00"),
        ("SELECT timestamptz '2023-09-14 05:20:00+00' + $1", interval, b"1 day", b"2023-09-15 05:20:00+00"),
    ]:
        prepared = raw.prepare(b"function", sql.encode())
        assert prepared.status == pq.ExecStatus.COMMAND_OK, (sql, prepared.error_message)
        assert raw.describe_prepared(b"function").param_type(0) == oid, sql
        answered = raw.exec_prepared(b"function", [value])
        assert answered.status == pq.ExecStatus.TUPLES_OK, (sql, answered.error_message)
        assert answered.get_value(0, 0) == right, (sql, answered.get_value(0, 0))


def kept(connection):
    """A thousand statements of 16 MiB together."""
    raw = connection.pgconn
    connection.execute("DEALLOCATE ALL")
    for number in range(1000):
        assert raw.prepare(b"s%d" % number, b"SELECT 1").status == pq.ExecStatus.COMMAND_OK, number
    error = raw.prepare(b"one_more", b"SELECT 1")
    assert error.error_field(pq.DiagnosticField.SQLSTATE) == b"54000" and b"1000" in error.error_message
    assert raw.prepare(b"s7", b"SELECT 2").status == pq.ExecStatus.COMMAND_OK
    connection.execute("DEALLOCATE s8")
    assert raw.prepare(b"one_more", b"SELECT 1").status == pq.ExecStatus.COMMAND_OK
    connection.execute("DEALLOCATE ALL")
    long = b"SELECT '" + b"x" * 900_000 + b"'"
    statuses = [raw.prepare(b"long%d" % number, long).status for number in range(20)]
    assert statuses.count(pq.ExecStatus.COMMAND_OK) == 18, statuses
    connection.execute("DISCARD ALL")
    assert raw.prepare(b"", b"SELECT 1").status == pq.ExecStatus.COMMAND_OK
    try:
        connection.execute("VALUES (" + ", ".join(["1"] * 32_768) + ")")
        raise AssertionError("32,768 columns were described")
    except psycopg.Error as error:
        assert error.sqlstate == "54011" and "32768" in str(error), error
    assert connection.execute("SELECT 41 + 1").fetchone() == (42,)


def portals():
    """By hand: no driver leaves so many open."""

    def message(kind, body):
        return kind + struct.pack("!i", len(body) + 4) + body

    with socket.create_connection(("127.0.0.1", port)) as wire:
        wire.sendall(struct.pack("!ii", 8 + 22 + 1, 196608) + b"user\0me\0database\0flow\0" + b"\0")
        stream = wire.makefile("rb")

        def until(wanted):
            seen = []
            while True:
                kind, length = struct.unpack("!ci", stream.read(5))
                seen.append((kind, stream.read(length - 4)))
                if kind in wanted:
                    return seen

        until(b"Z")

        def asked(begin):
            wire.sendall(message(b"Q", begin + b"\0"))
            until(b"Z")
            binds = [message(b"B", b"p%d\0s\0" % number + b"\0\0\0\0\0\0") for number in range(1001)]
            wire.sendall(message(b"P", b"s\0SELECT 1\0\0\0") + b"".join(binds) + message(b"S", b""))
            return until(b"Z")

        seen = asked(b"BEGIN")
        errors = [body for kind, body in seen if kind == b"E"]
        assert sum(kind == b"2" for kind, _ in seen) == 1000 and b"C54000" in errors[0] and b"portals" in errors[0], errors
        # They end with their transaction.
        seen = asked(b"ROLLBACK")
        assert sum(kind == b"2" for kind, _ in seen) == 1000, [kind for kind, _ in seen][:5]
        wire.sendall(message(b"X", b""))


with psycopg.connect(where, autocommit=True) as connection:
    lists(connection)
    untyped(connection)
    told_by_functions(connection)
    kept(connection)
    joined = """SELECT j."end", j.total FROM (SELECT f.*, p.total FROM flow_logs f
                JOIN (SELECT srcaddr, sum(bytes) AS total FROM flow_logs GROUP BY srcaddr) p ON p.srcaddr = f.srcaddr) j
                ORDER BY j.start LIMIT 1"""
    assert connection.execute(joined).fetchall() == [(START + 30, 7)]
    both = connection.execute("SELECT f.*, f.bytes FROM flow_logs f ORDER BY start LIMIT 1")
    assert [column.name for column in both.description].count("bytes") == 2 and both.fetchone()[-1] == 7
    for sql, answer in [
        ("SELECT count(*) FROM flow_logs WHERE srcaddr IN (SELECT '10.0.0.1' LIMIT 0)", 0),
        ("SELECT count(*) FROM flow_logs WHERE srcaddr IN (SELECT '10.0.0.1' OFFSET 1)", 0),
        ("SELECT count(*) FROM flow_logs WHERE srcaddr IN (SELECT '10.0.0.1')", 1),
        ("SELECT count(*) FROM flow_logs WHERE srcaddr COLLATE \"C\" > '10.0.0.2'", 2),
        ("SELECT array_length(ARRAY(SELECT srcaddr FROM flow_logs))", 4),
        ("SELECT cardinality(ARRAY(SELECT srcaddr FROM flow_logs WHERE srcaddr = 'none'))", 0),
        ("SELECT avg(end_time - start_time) = interval '30 seconds' FROM flow_logs", True),
    ]:
        assert connection.execute(sql).fetchone()[0] == answer, (sql, connection.execute(sql).fetchone())
    for sql in [
        "SELECT '10.0.0.1'::inet",
        "SELECT srcaddr COLLATE \"de_DE\" FROM flow_logs",
        "SELECT ARRAY(SELECT srcaddr FROM flow_logs ORDER BY bytes)",
        "SELECT sum(end_time - start_time) FROM flow_logs",
        "SELECT bytes * 9000000000000000000 FROM flow_logs",
        "SELECT 9223372036854775807 + bytes FROM flow_logs",
    ]:
        try:
            said = connection.execute(sql).fetchall()
            raise AssertionError(f"{sql}: {said}")
        except psycopg.Error as error:
            assert not connection.closed and error.sqlstate[:2] in ("0A", "42", "22", "XX"), (sql, error)
portals()
print("all held")
