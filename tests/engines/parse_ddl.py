"""What sqlglot, a parser of many dialects, reads in a statement: its columns and their types.

    parse_ddl.py ENGINE FILE
"""

import re
import sys

import sqlglot
from sqlglot import exp

engine, file = sys.argv[1:]
text = open(file).read()
statements = sqlglot.parse(text, dialect="spark" if engine == "athena" else engine)
assert len(statements) == 1, statements
(statement,) = statements
assert isinstance(statement, exp.Create), repr(statement)
types = {"INT": "int", "BIGINT": "bigint", "TEXT": "text", "VARCHAR": "text", "STRING": "text", "NULLABLE(STRING)": "text"}
types |= {"INTEGER": "int", "NULLABLE(INT32)": "int", "NULLABLE(INT64)": "bigint", "NULLABLE(INT)": "int", "NULLABLE(BIGINT)": "bigint"}


def word(definition):
    kind = definition.args["kind"]
    kind = kind.sql(dialect="clickhouse" if engine == "clickhouse" else "trino").upper()
    return definition.name if definition.name == "date" else f"{definition.name}:{types.get(kind, kind)}"


if engine == "duckdb":
    print(" ".join(column.alias_or_name for column in statement.expression.expressions))
elif engine == "clickhouse":
    # The columns are in a literal, which is the table function's own language.
    structure = statement.find(exp.Literal, bfs=True) and re.search(r"'\n(.*)\n'", text, re.S).group(1)
    columns = sqlglot.parse_one(f"CREATE TABLE t ({structure}) ENGINE = Memory", dialect="clickhouse")
    print(" ".join(word(definition) for definition in columns.this.expressions))
else:
    columns = [word(definition) for definition in statement.this.expressions]
    if engine == "athena":
        columns.append(re.search(r"PARTITIONED BY \(`(\w+)` string\)", text).group(1))
    print(" ".join(columns))
