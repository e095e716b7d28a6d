"""More connections, longer statements and deeper ones than the server takes. It was started with two connections.

    serve_limits.py PORT
"""

import sys

import psycopg

where = f"host=127.0.0.1 port={sys.argv[1]} dbname=flowlake user=me"


def refused(connection, sql, prepare):
    try:
        connection.execute(sql, prepare=prepare)
        raise AssertionError(f"{len(sql)} bytes were taken")
    except psycopg.Error as error:
        return error


with psycopg.connect(where, autocommit=True) as one:
    # 64 MiB of SQL in one message, by both protocols; the connection goes on.
    huge = "SELECT '" + "x" * (64 << 20) + "'"
    for prepare in (None, True):
        error = refused(one, huge, prepare)
        assert error.sqlstate == "54000", error
        assert one.execute("SELECT 41 + 1").fetchone() == (42,)
    # Deeper and deeper: an answer or an error, and the server lives on.
    for levels in [200, 450, 20_000, 300_000]:
        for deep in ["(" * levels + "1" + ")" * levels, "1+" * levels + "1", "- " * levels + "1", "1=1 OR " * levels + "true"]:
            for prepare in (None, True) if levels > 450 else (None,):
                try:
                    one.execute("SELECT " + deep, prepare=prepare)
                    assert levels < 20_000, deep[:10]
                except psycopg.Error as error:
                    assert not one.closed, (levels, deep[:10], error)
                    assert levels < 20_000 or error.sqlstate in ("54001", "54000"), error
                assert one.execute("SELECT 41 + 1").fetchone() == (42,)
    with psycopg.connect(where, autocommit=True) as two:
        try:
            psycopg.connect(where)
            raise AssertionError("a third connection was taken")
        except psycopg.OperationalError as error:
            assert "too many clients" in str(error), error
        assert two.execute("SELECT 41 + 1").fetchone() == (42,)
print("all held")
