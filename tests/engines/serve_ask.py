"""One question to `flowlake serve`: prints the first value, or the error.

    serve_ask.py PORT USER PASSWORD SSLMODE SQL
"""

import sys

import psycopg

port, user, password, sslmode, sql = sys.argv[1:]
try:
    where = {"host": "127.0.0.1", "port": port, "dbname": "flowlake", "user": user, "sslmode": sslmode}
    if password:
        where["password"] = password
    with psycopg.connect(**where, autocommit=True) as connection:
        assert (connection.pgconn.ssl_in_use) == (sslmode == "require")
        print(connection.execute(sql).fetchone()[0])
except psycopg.Error as error:
    print("error:", str(error).replace("\n", " "))
