"""psycopg against `flowlake serve`: prepared statements, cursors, cancellation, large results, types.

    serve_drivers.py PORT
"""

import datetime
import sys
import threading
import time
from decimal import Decimal

import psycopg
from psycopg.types.numeric import Int8

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


def zones(connection):
    """Days begin in the session's zone, in prepared statements too; other sessions do not notice."""
    days = "SELECT date_trunc('day', start_time) AS day, count(*) FROM flow_logs WHERE start IS NOT NULL GROUP BY 1 ORDER BY 1"
    starts = rows(connection, "SELECT start, count(*) FROM flow_logs WHERE start IS NOT NULL GROUP BY start")

    def expected(hours):
        counts = {}
        for start, count in starts:
            day = (start + hours * 3600) // 86400
            counts[day] = counts.get(day, 0) + count
        return sorted((day * 86400 - hours * 3600, count) for day, count in counts.items())

    def said(prepare):
        return [(int(day.timestamp()), count) for day, count in rows(connection, days, prepare=prepare)]

    assert rows(connection, "SHOW timezone") == [("UTC",)]
    for zone, hours in [("UTC", 0), ("Etc/GMT-9", 9), ("5", 5), ("etc/gmt+7", -7)]:
        connection.execute(f"SET timezone TO '{zone}'")
        assert said(False) == said(True) == expected(hours), zone
    connection.execute("SET TIME ZONE 'Europe/Berlin'")
    assert connection.info.parameter_status("TimeZone") == "Europe/Berlin"
    assert rows(connection, "SELECT current_setting('timezone')") == [("Europe/Berlin",)]
    for wrong in ["SET timezone TO 'Mars'", "SET timezone TO '+02:00'", "SET datestyle TO German", "SET client_encoding TO latin1"]:
        try:
            connection.execute(wrong)
            raise AssertionError(f"taken: {wrong}")
        except psycopg.Error as error:
            assert error.sqlstate == "22023", error
    assert rows(connection, "SHOW timezone") == [("Europe/Berlin",)]
    with psycopg.connect(where, options="-c timezone=Asia/Tokyo") as other:
        assert rows(other, "SHOW timezone") == [("Asia/Tokyo",)]
    connection.execute("RESET timezone")
    assert said(True) == expected(0)


def parameters(connection):
    """Values of every common type, in text and in binary, typed by the client or by the statement."""
    total = rows(connection, "SELECT count(*) FROM flow_logs WHERE dstport IS NOT NULL")[0][0]
    for value in [Int8(5_000_000_000), 65_536.5, Decimal("65536.25"), 65_536]:
        for how in ("%s", "%b", "%t"):
            count = rows(connection, f"SELECT count(*) FROM flow_logs WHERE dstport < {how}", [value])
            assert count == [(total,)], (value, how, count)
    for how in ("%b", "%t"):
        assert len(rows(connection, f"SELECT bytes FROM flow_logs LIMIT {how}", [3])) == 3
        day = rows(connection, 'SELECT min("date") FROM flow_logs')[0][0]
        counts = [
            rows(connection, f'SELECT count(*) FROM flow_logs WHERE "date" = {how}', [day]),
            rows(connection, f"SELECT count(*) FROM flow_logs WHERE \"date\" = '{day}'"),
        ]
        assert counts[0] == counts[1] and counts[0][0][0] > 0, counts
        bound = datetime.datetime(day.year, day.month, day.day, 12, tzinfo=datetime.timezone.utc)
        times = rows(connection, f"SELECT count(*) FROM flow_logs WHERE start_time < {how}", [bound])
        plain = rows(connection, "SELECT count(*) FROM flow_logs WHERE start < %s", [int(bound.timestamp())])
        assert times == plain, (times, plain)
    assert rows(connection, "SELECT %s, %s::int + 1, %s", ["a", "41", None], prepare=True) == [("a", 42, None)]
    small = rows(connection, "SELECT %b::numeric > 0, %b::numeric = 0", [Decimal("1e-18"), Decimal("1e-18")])
    assert small == [(True, False)], small
    for sql, values, state in [
        ("SELECT count(*) FROM flow_logs WHERE dstport = %s", ["x"], "22P02"),
        ("SELECT %b", [Decimal("1e30")], "22P02"),
    ]:
        try:
            rows(connection, sql, values)
            raise AssertionError(f"taken: {sql} {values}")
        except psycopg.Error as error:
            assert error.sqlstate == state, error


def told(connection):
    """A cast says the type of a parameter that comes as text without a type, as node-postgres sends it."""
    reject = rows(connection, "SELECT count(*) FROM flow_logs WHERE action = 'REJECT'")[0][0]
    ports = rows(connection, "SELECT count(*) FROM flow_logs WHERE dstport IN (22, 443)")[0][0]
    for sql, text, right, oid in [
        ("SELECT count(*) FROM flow_logs WHERE action = ANY ($1::text[])", '{REJECT,"a b"}', str(reject), 1009),
        ("SELECT count(*) FROM flow_logs WHERE dstport = ANY ($1::int[])", "{22,443}", str(ports), 1007),
        ("SELECT count(*) FROM flow_logs WHERE dstport = ANY ($1::bigint[])", "{22,443}", str(ports), 1016),
        ("SELECT count(*) FROM flow_logs WHERE dstport = ANY ($1)", "{22,443}", str(ports), 1007),
        ("SELECT count(*) FROM flow_logs WHERE action <> ALL ($1::text[]) AND action = 'REJECT'", "{REJECT,x}", "0", 1009),
        ("SELECT cardinality($1::text[])", "{a,b,NULL}", "3", 1009),
        ("SELECT $1::text[] IS NULL", None, "t", 1009),
        ("SELECT encode($1::bytea, 'hex')", "\\xdead", "dead", 17),
        ("SELECT encode($1::bytea, 'hex')", "a\\\\", "615c", 17),
        ("SELECT $1::int + 1", "41", "42", 23),
        ("SELECT $1::date + 1", "2023-09-14", "2023-09-15", 1082),
        ("SELECT $1::timestamptz = '2023-09-14T00:00:00Z'", "2023-09-14 02:00:00+02", "t", 1184),
        ("SELECT $1::timestamp", "2023-09-14 05:00", "2023-09-14 05:00:00", 1114),
        ("SELECT $1::numeric > 1.25", "1.5", "t", 1700),
        ("SELECT $1::bool", "yes", "t", 16),
        ("SELECT $1::uuid::text", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", 2950),
        ("SELECT extract(epoch FROM $1::interval)::int", "1 day 0:00:05", "86405", 1186),
        ("SELECT count(*) > 0 FROM flow_logs WHERE end_time - start_time > $1", "-0:00:59", "t", 1186),
        ("SELECT max(CASE WHEN n IS NULL THEN $1 ELSE n END) FROM (VALUES (9), (NULL)) AS t(n)", "10", "10", 20),
        ("SELECT max(coalesce(n, $1)) FROM (VALUES (9), (NULL)) AS t(n)", "10", "10", 20),
        ("SELECT CASE n WHEN $1 THEN 'a' ELSE 'b' END FROM (VALUES (9)) AS t(n)", "09", "a", 20),
        ("SELECT max(x) FROM (SELECT 9 AS x UNION ALL SELECT $1) AS q", "10", "10", 20),
        ("SELECT max(x) FROM (SELECT $1 AS x UNION SELECT 9) AS q", "10", "10", 20),
        ("SELECT max(x) FROM (VALUES (9), ($1)) AS t(x)", "10", "10", 20),
        ("SELECT max(x) FROM (SELECT 0.5::double AS x UNION ALL SELECT $1) AS q", "1e1", "10", 701),
        ("SELECT greatest(dstport, $1) FROM flow_logs WHERE dstport = 443 LIMIT 1", "5000", "5000", 23),
        ("SELECT greatest(date '2023-09-14', $1)", "2023-09-15", "2023-09-15", 1082),
        ("SELECT coalesce(NULL, $1, 'x')", "y", "y", 25),
    ]:
        protocol = connection.pgconn
        protocol.prepare(b"", sql.encode())
        assert protocol.describe_prepared(b"").param_type(0) == oid, (sql, protocol.describe_prepared(b"").param_type(0))
        said = protocol.exec_params(sql.encode(), [text.encode() if text is not None else None])
        value = said.get_value(0, 0)
        assert value is not None and value.decode() == right, (sql, value, said.error_message)
    for how in ("%s", "%b", "%t"):
        counted = rows(connection, f"SELECT count(*) FROM flow_logs WHERE action = ANY ({how}::text[])", (["REJECT", "x"],))
        assert counted == [(reject,)], (how, counted)
        counted = rows(connection, f"SELECT count(*) FROM flow_logs WHERE dstport = ANY ({how}::int[])", ([22, 443],))
        assert counted == [(ports,)], (how, counted)
        for text in [datetime.timedelta(days=1, seconds=5), datetime.timedelta(seconds=59), datetime.timedelta(seconds=-1)]:
            said = rows(connection, f"SELECT extract(epoch FROM {how}::interval)", [text])
            assert said == [(text.total_seconds(),)], (how, text, said)
    assert rows(connection, "SELECT EXISTS (SELECT 1 FROM flow_logs WHERE action = %s)", ["REJECT"]) == [(True,)]
    assert rows(connection, "SELECT coalesce(NULL::date, %s)", ["2000-01-01"]) == [(datetime.date(2000, 1, 1),)]


def forms(connection):
    """A value is the same in text and in binary, whatever its type."""
    sql = """SELECT true, 1::smallint, -2::int, 3::bigint, 1.5::real, 1e300::double, 'NaN'::double, 12345.6789::decimal(20, 4),
        -0.05::decimal(5, 2), 'x', ''::text, date '2023-09-14', timestamp '2023-09-14 01:02:03.456789',
        to_timestamp(1694649600), interval '1 month -2 days 3.5 hours', time '04:05:06.007', ARRAY[1, NULL, 3], ARRAY['a b', NULL, ''],
        arrow_cast('abc', 'Binary'), arrow_cast(250, 'UInt8'), arrow_cast(4000000000, 'UInt32'),
        arrow_cast('18446744073709551615', 'UInt64'), arrow_cast('x', 'Dictionary(Int32, Utf8)'), NULL,
        ARRAY[ARRAY[1, 2], ARRAY[3, 4]], named_struct('a', 1, 'b', 'x')"""
    got = []
    for in_binary in (False, True):
        with connection.cursor(binary=in_binary) as cursor:
            got.append(cursor.execute(sql).fetchone())
    for at, (text, binary) in enumerate(zip(*got)):
        same = text == binary or (text != text and binary != binary) or tuple(map(str, text)) == tuple(map(str, binary))
        assert same, (at, text, binary)
    assert got[1][7] == Decimal("12345.6789") and got[1][16] == [1, None, 3] and got[1][18] == b"abc", got[1]
    assert got[1][21] == Decimal(2**64 - 1) and got[1][24] == [[1, 2], [3, 4]], got[1]
    assert got[1][14] == datetime.timedelta(days=28, hours=3, minutes=30), got[1][14]


def widened(connection):
    """Types that a column has only once all of the statement is looked at, in text, in binary, prepared and with parameters."""
    asked = [
        ("SELECT min(CASE WHEN packets = 1 THEN 1 ELSE 2.5 END), sum(CASE WHEN action = 'REJECT' THEN 0 ELSE 0.5 END) > 1 FROM flow_logs", [], (1.0, True)),
        ("SELECT max(CASE WHEN dstport = 0 THEN dstport ELSE bytes END) = max(bytes), CASE WHEN true THEN 7::int ELSE 8::bigint END FROM flow_logs", [], (True, 7)),
        ("SELECT coalesce(NULL::int, 2.5), nullif(2::int, 1::bigint), greatest(1::int, 2.5), least(2::bigint, 1::int)", [], (2.5, 2, 2.5, 1)),
        ("SELECT CASE WHEN %s = 1 THEN %s ELSE 2.5 END, coalesce(%s, 2.5), %s + 1.5", [1, 2, 3, 4], (2.0, 3.0, 5.5)),
        ("SELECT CASE 1 WHEN 1 THEN date '2023-09-14' ELSE timestamp '2023-09-14 00:00:00' END", [], (datetime.datetime(2023, 9, 14),)),
        ("SELECT x FROM (SELECT 1 AS x UNION ALL SELECT %s) t WHERE x > 1.2", [Decimal("1.5")], (1.5,)),
        ("SELECT [1, 2.5], (SELECT CASE WHEN count(*) > 0 THEN 1 ELSE 0.5 END FROM flow_logs), (SELECT max(column1) FROM (VALUES (1::int), (2::bigint)) v)", [], ([1.0, 2.5], 1.0, 2)),
        ("WITH t AS (SELECT CASE WHEN %s THEN 1 ELSE 0.5 END AS x) SELECT x, sum(x) OVER (), x / 0, -x * 0 FROM t", [True], (1.0, 1.0, float("inf"), 0.0)),
        ("SELECT date_trunc(%s, start_time) IS NULL, CASE WHEN false THEN 1 ELSE 1.5 END FROM flow_logs LIMIT 1", ["day"], (False, 1.5)),
    ]
    for sql, values, right in asked:
        for in_binary in (False, True):
            for prepare in (False, True):
                with connection.cursor(binary=in_binary) as cursor:
                    said = cursor.execute(sql, values, prepare=prepare).fetchone()
                    assert tuple(map(as_float, said)) == right, (sql, in_binary, prepare, said)


def as_float(value):
    return float(value) if isinstance(value, Decimal) else value


def transactions():
    with psycopg.connect(where) as connection:
        connection.execute("SELECT 1")
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
        connection.execute("SAVEPOINT a")
        for sql, state in [("SELECT nothing FROM flow_logs", "42703"), ("SELECT 1", "25P02")]:
            try:
                connection.execute(sql)
                raise AssertionError(f"taken: {sql}")
            except psycopg.Error as error:
                assert error.sqlstate == state, error
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.INERROR
        connection.execute("ROLLBACK TO a")
        assert rows(connection, "SELECT 41 + 1") == [(42,)]
        connection.execute("SET LOCAL timezone TO 'Asia/Tokyo'")
        assert rows(connection, "SHOW timezone") == [("Asia/Tokyo",)]
        connection.commit()
        assert rows(connection, "SHOW timezone") == [("UTC",)]
        connection.rollback()
    with psycopg.connect(where, autocommit=True) as connection:
        several = connection.execute("SELECT 1 AS a; SELECT 2 AS b, 3; SHOW search_path")
        answers = [several.fetchall()]
        while several.nextset():
            answers.append(several.fetchall())
        assert answers == [[(1,)], [(2, 3)], [("public",)]], answers
        try:
            connection.execute("SELECT 1; SELECT 2", prepare=True)
            raise AssertionError("two statements were prepared as one")
        except psycopg.Error as error:
            assert error.sqlstate == "42601", error


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
    forms(connection)
    widened(connection)
    parameters(connection)
    told(connection)
    zones(connection)
    errors(connection)
transactions()
cursors()
with psycopg.connect(where, autocommit=True) as connection:
    large(connection)
cancelled()
timed_out()
print("all held")
