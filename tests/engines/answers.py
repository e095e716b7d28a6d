"""Answers of `flowlake query` held against DuckDB's over the same files: joins, sets, nulls, groups, windows, texts, times.

    answers.py PROGRAM LAKE ZONE SEED
"""

import json
import math
import random
import subprocess
import sys
from decimal import Decimal

import duckdb

program, lake, zone, seed = sys.argv[1:]
chance = random.Random(int(seed))
duck = duckdb.connect()
duck.execute(f"SET timezone = '{zone}'; SET default_null_order = 'nulls_last'; SET integer_division = true")
duck.execute(
    f"""CREATE VIEW flow_logs AS SELECT *, to_timestamp(start) AS start_time, to_timestamp("end") AS end_time
        FROM read_parquet('{lake}/flow_logs/**/*.parquet', union_by_name = true, hive_partitioning = true)"""
)


def value(it):
    """As both say it: nine digits of a float with one zero, texts of what JSON has no number for, a decimal as a float."""
    if isinstance(it, Decimal):
        it = float(it)
    if isinstance(it, float):
        if not math.isfinite(it):
            return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(it, "NaN")
        return float(f"{it:.9g}") + 0.0
    if isinstance(it, int) and not isinstance(it, bool):
        return float(f"{it:.9g}")
    if isinstance(it, list):
        return [value(one) for one in it]
    return it if it is None or isinstance(it, (bool, str)) else str(it)


def ours(sql):
    asked = [program, "query", lake, sql, "--format", "json", "--time-zone", zone]
    said = subprocess.run(asked, capture_output=True, text=True)
    assert said.returncode == 0, f"{sql}\n{said.stderr}"
    return [[value(it) for it in row.values()] for row in json.loads(said.stdout)]


def theirs(sql):
    return [[value(it) for it in row] for row in duck.execute(sql).fetchall()]


def same(sql, theirs_sql=None):
    found, right = ours(sql), theirs(theirs_sql or sql)
    order = lambda rows: rows if sql.rsplit(")", 1)[-1].upper().find("ORDER BY") >= 0 else sorted(rows, key=json.dumps)
    found, right = order(found), order(right)
    wrong = next(((a, b) for a, b in zip(found, right) if a != b), None)
    assert found == right, f"{sql}\n{len(found)} and {len(right)} rows; first that differ: {wrong}"


INTEGERS, TEXTS = ["packets", "dstport", "protocol", "bytes"], ["action", "srcaddr", "instance_id", "subnet_id"]


def integer(depth):
    kind = chance.random() if depth else 0
    if kind < 0.6:
        return chance.choice([*INTEGERS[:3], *"01235", "6", "17", "22", "NULL"])
    one, two = integer(depth - 1), integer(depth - 1)
    call = chance.choice(["coalesce({}, {})", "nullif({}, {})", "({} + {})", "({} - {})", "CASE WHEN %s THEN {} ELSE {} END" % predicate(0)])
    return call.format(one, two)


def text(depth):
    plain = chance.choice([*TEXTS, "'ACCEPT'", "'10.0.0.1'", "'web_a'", "''", "NULL"])
    return plain if chance.random() < 0.7 or not depth else f"coalesce({plain}, {text(depth - 1)})"


def listed(of):
    return ", ".join(of(0) for _ in range(chance.randint(1, 4)))


def predicate(depth):
    kind = chance.random()
    if depth and kind < 0.4:
        return f"({predicate(depth - 1)} {chance.choice(['AND', 'OR'])} {predicate(depth - 1)})"
    if depth and kind < 0.5:
        return f"(NOT {predicate(depth - 1)})"
    if depth and kind < 0.55:
        return f"({predicate(depth - 1)} IS {chance.choice(['TRUE', 'NOT TRUE', 'NOT FALSE', 'NULL'])})"
    of = chance.choice([integer, text])
    if kind < 0.7:
        sign = chance.choice(["=", "<>", "<", ">=", "IS DISTINCT FROM"])
        return f"({of(1)} {sign} {of(1)})"
    if kind < 0.9:
        column = chance.choice(INTEGERS[:2] if of is integer else TEXTS[:2])
        return f"({column} {chance.choice(['IN', 'NOT IN'])} ({listed(of)}))"
    if kind < 0.95:
        return f"({chance.choice(TEXTS)} {chance.choice(['LIKE', 'NOT LIKE', 'ILIKE'])} '{chance.choice(['%', '_%', 'w%', '%E%', 'w_b'])}')"
    return f"({chance.choice(INTEGERS + TEXTS)} IS {chance.choice(['NULL', 'NOT NULL'])})"


def predicates():
    for _ in range(12):
        counts = [f"SELECT {n} AS n, count(*) AS c, sum(log_line) AS s FROM flow_logs WHERE {predicate(3)}" for n in range(10)]
        same(" UNION ALL ".join(counts) + " ORDER BY n")


def windows():
    edges = ["UNBOUNDED PRECEDING", "9 PRECEDING", "3 PRECEDING", "1 PRECEDING", "CURRENT ROW", "1 FOLLOWING", "4 FOLLOWING", "UNBOUNDED FOLLOWING"]
    calls = ["sum(packets)", "avg(packets)", "avg(bytes)", "count(dstport)", "count(*)", "min(bytes)", "max(packets)", "sum(DISTINCT packets)",
             "count(DISTINCT dstport)", "var_pop(packets)", "stddev_samp(packets)", "first_value(packets)", "last_value(dstport)", "nth_value(packets, 2)",
             "sum(packets / 3.0)", "avg(packets / 3.0)", "count(*) FILTER (WHERE protocol = 6)", "sum(packets) FILTER (WHERE action = 'ACCEPT')"]
    for _ in range(12):
        columns = []
        for n in range(6):
            first = chance.randrange(len(edges) - 1)
            last = chance.randrange(max(first, 1), len(edges))
            by = chance.choice(["", "PARTITION BY action ", "PARTITION BY srcaddr, protocol "])
            order = "start, log_object, log_line" if chance.random() < 0.5 else "packets DESC NULLS FIRST, log_object, log_line"
            columns.append(f"{chance.choice(calls)} OVER ({by}ORDER BY {order} ROWS BETWEEN {edges[first]} AND {edges[last]}) AS c{n}")
        same(f"SELECT log_object, log_line, {', '.join(columns)} FROM flow_logs ORDER BY log_object, log_line")
    for frame in ["RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING", "RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING",
                  "GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW", "RANGE BETWEEN CURRENT ROW AND 2 FOLLOWING"]:
        same(f"SELECT log_object, log_line, sum(dstport) OVER (ORDER BY packets {frame}) AS s, count(*) OVER (ORDER BY packets DESC {frame}) AS c FROM flow_logs")


def limits():
    """LIMIT above what must see all rows, sorted as that is sorted too: the engine let the limit go on below it."""
    whole = ["sum(packets)", "count(*)", "max(log_line)", "min(bytes)", "avg(packets)"]
    rows = ["lead(log_line)", "lag(log_line, 2)", "row_number()", "ntile(3)", "cume_dist()", "last_value(log_line)", "first_value(packets)"]
    frames = ["", "ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING", "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"]
    for _ in range(20):
        by = chance.choice(["protocol", "packets", "dstport", "protocol, action", "start"])
        parts = [f"PARTITION BY {by} ", f"PARTITION BY {by} ", ""]
        calls = [f"{chance.choice(whole)} OVER ({chance.choice(parts)})",
                 f"{chance.choice(whole)} OVER ({chance.choice(parts)}ORDER BY log_object, log_line {chance.choice(frames)})",
                 f"{chance.choice(rows)} OVER ({chance.choice(parts)}ORDER BY {by}, log_object, log_line)"]
        chosen = ", ".join(f"{call} AS c{n}" for n, call in enumerate(chance.sample(calls, chance.randint(1, 3))))
        columns = chance.sample(["log_object", "log_line", "start", "protocol", "packets", "dstport", "action", "bytes"], 8)
        where = chance.choice(["", " WHERE packets > 1", " WHERE dstport > 0"])
        after = chance.choice(["", "", " QUALIFY count(*) OVER () > 20"])
        same(f"SELECT {', '.join(columns)}, {chosen} FROM flow_logs{where}{after} ORDER BY {by}, log_object, log_line LIMIT {chance.choice([1, 3, 20])}{chance.choice(['', ' OFFSET 2'])}")
    for _ in range(4):
        by = chance.choice(["protocol", "packets", "dstport"])
        rows = f"(SELECT * FROM flow_logs ORDER BY {by}, log_object, log_line LIMIT 90)"
        top = f"ORDER BY {by} LIMIT {chance.choice([1, 3])}"
        same(f"SELECT {by} FROM {rows} t WHERE log_line % 7 = 3 {top}")
        same(f"SELECT {by}, count(*) AS n FROM {rows} t GROUP BY {by} {top}")
        same(f"SELECT DISTINCT {by} FROM {rows} t WHERE {by} > 0 {top}")
        same(f"SELECT t.{by} FROM {rows} t JOIN (SELECT log_line AS m FROM flow_logs WHERE packets = 2) u ON u.m = t.log_line {top}")
        same(f"SELECT {by} FROM ({rows} UNION ALL (SELECT * FROM flow_logs WHERE packets > 2 ORDER BY {by})) t {top}")
    series = "generate_series(1, 9) AS t(x) WHERE x > 1"
    for asked in [f"x, max(x) OVER () AS m FROM {series}", f"x * 100 / sum(x) OVER () AS s FROM {series}", f"x FROM {series} QUALIFY count(*) OVER () > 3",
                  f"x, sum(x) OVER (PARTITION BY x % 3) AS s FROM {series}", f"x, lead(x, 2) OVER (ORDER BY x) AS s FROM {series}"]:
        same(f"SELECT {asked} ORDER BY x LIMIT 2")


def joins():
    """Over files, where the engine moves filters down a plan: by names, and by bounds that it finds meanwhile."""
    columns = ["srcaddr", "instance_id", "packets", "dstport", "start", "action"]
    for _ in range(12):
        one = chance.choice(columns[:4])
        kind = chance.choice(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"])
        on = chance.choice([f"a.{one} = b.{one}", "a.packets = b.dstport", f"a.{one} = b.{one} AND a.start < b.start", 'a.start = b."end"'])
        side, other = chance.sample("ab", 2)
        where = chance.choice([f"{side}.packets IS NULL", f"{side}.packets > 1", f"({side}.action IS DISTINCT FROM {other}.action)",
                               f"coalesce({side}.packets, 0) = coalesce({other}.packets, 2)", "true"])
        same(f"SELECT count(*) AS n, count(a.srcaddr) AS a, count(b.srcaddr) AS b, sum(a.log_line) AS s, sum(b.log_line) AS t FROM flow_logs a {kind} flow_logs b ON {on} WHERE {where}")
    for _ in range(6):
        left, right, third = (chance.choice(["packets", "dstport", "protocol"]) for _ in range(3))
        test = chance.choice(["EXISTS", "NOT EXISTS"])
        same(f"SELECT {left} AS k, log_object, log_line FROM flow_logs a WHERE {test} (SELECT 1 FROM flow_logs b WHERE b.{right} = a.{left} AND b.{third} <> a.protocol) ORDER BY {left}, log_object, log_line LIMIT {chance.choice([3, 20])}")
        same(f"SELECT * FROM (SELECT {left} AS x, {right} AS y FROM flow_logs UNION ALL SELECT {right} AS y, {left} AS x FROM flow_logs) ORDER BY x, y LIMIT 5")
    for kind in ("JOIN", "LEFT JOIN"):
        same(f"SELECT count(*) AS n FROM flow_logs a {kind} flow_logs b ON a.log_object = b.log_object AND a.packets IS NOT DISTINCT FROM b.packets WHERE a.protocol = 6")


def extremes():
    calls = ["min(packets)", "max(packets)", "min(instance_id)", "max(srcaddr)", "min(length(action))", 'max("end" - start)', "min(dstport)", "max(start)",
             "max(CASE WHEN action = 'REJECT' THEN packets END)", "min(packets) FILTER (WHERE action = 'REJECT')", "max(dstport + 1)", "min(date)"]
    for _ in range(10):
        chosen = chance.sample(calls, chance.randint(2, 4))
        same("SELECT " + ", ".join(f"{call} AS c{n}" for n, call in enumerate(chosen)) + chance.choice([" FROM flow_logs", " FROM flow_logs WHERE packets > 0"]))


def subqueries():
    for _ in range(8):
        outer, inner = (chance.choice(["packets", "dstport", "protocol", "srcaddr", "action"]) for _ in range(2))
        if (outer in ("srcaddr", "action")) != (inner in ("srcaddr", "action")):
            inner = outer
        value = chance.choice(["count(*)", "count(b.packets)", "max(b.packets)", "coalesce(sum(b.packets), -1) + 1", "count(*) > 3"])
        extra = chance.choice(["", " AND b.packets > 1", " AND b.action = 'REJECT'"])
        same(f"SELECT log_object, log_line, (SELECT {value} FROM flow_logs b WHERE b.{inner} = a.{outer}{extra}) AS v FROM flow_logs a")
        same(f"SELECT count(*) AS n FROM flow_logs a WHERE {chance.choice(['', 'NOT '])}EXISTS (SELECT 1 FROM flow_logs b WHERE b.{inner} = a.{outer}{extra}){chance.choice(['', ' OR packets = 2'])}")
        same(f"SELECT count(*) AS n FROM flow_logs a WHERE a.{outer} {chance.choice(['IN', 'NOT IN'])} (SELECT b.{inner} FROM flow_logs b WHERE b.packets > 1{extra})")
        same(f"SELECT count(*) AS n FROM flow_logs a WHERE a.{outer} IN (SELECT b.{inner} FROM flow_logs b WHERE b.packets > 2{extra}) OR protocol = 6")


# Conditions of one column whose lists share nothing, or that the engine makes such lists of.
LISTS = [
    "packets IN (1, 2) AND packets IN (5, 10)",
    "packets IN (1, 2, 5, 9) AND packets NOT IN (1, 2, 5, 9, 10)",
    "packets NOT IN (1, 2, 5, 9) OR packets NOT IN (3, 4, 6, 7)",
    "(packets = 1 OR packets = 2) AND (5 = packets OR packets = 10)",
    "NOT (packets = 1 OR packets = 2) OR NOT (packets = 5 OR packets = 10)",
    "(packets IN (1, 2, 5, 9) AND dstport = 22) OR NOT (packets IN (3, 4) AND packets IN (7, 8))",
    "CASE WHEN packets IN (1, 2) THEN packets IN (5, 10) END",
    "length(action) IN (1, 2) AND length(action) IN (3, 4)",
]
PAIRS = "(VALUES (1), (2), (2), (NULL), (4)) l(n)", "(VALUES (2), (2), (NULL), (3)) r(m)"
STATEMENTS = [
    "SELECT log_object, log_line, ifnull(CAST(NULL AS SMALLINT), bytes + 70000) AS a, ifnull(nullif(packets, 1), 9) AS b FROM flow_logs",
    *(f"SELECT l.n, r.m FROM {PAIRS[0]} {join} JOIN {PAIRS[1]} ON {on}"
      for join in ("INNER", "LEFT", "RIGHT", "FULL")
      for on in ("l.n = r.m", "l.n = r.m AND r.m > 2", "l.n < r.m", "l.n IS NOT DISTINCT FROM r.m")),
    f"SELECT n FROM {PAIRS[0]} WHERE n NOT IN (SELECT m FROM {PAIRS[1]} WHERE m IS NOT NULL)",
    f"SELECT n FROM {PAIRS[0]} WHERE n NOT IN (SELECT m FROM {PAIRS[1]})",
    f"SELECT n FROM {PAIRS[0]} WHERE NOT EXISTS (SELECT 1 FROM {PAIRS[1]} WHERE m = n)",
    "SELECT srcaddr, (SELECT count(*) FROM flow_logs b WHERE b.srcaddr = a.srcaddr AND packets > 4) AS c, (SELECT sum(packets) FROM flow_logs b WHERE b.srcaddr = a.srcaddr AND packets > 4) AS s FROM (SELECT DISTINCT srcaddr FROM flow_logs) a",
    f"SELECT n FROM {PAIRS[0]} UNION SELECT m FROM {PAIRS[1]}",
    f"SELECT n FROM {PAIRS[0]} UNION ALL SELECT m FROM {PAIRS[1]}",
    f"SELECT n FROM {PAIRS[0]} EXCEPT SELECT m FROM {PAIRS[1]}",
    f"SELECT n FROM {PAIRS[0]} INTERSECT SELECT m FROM {PAIRS[1]}",
    "SELECT k, x, y FROM (VALUES (1, 'a'), (2, 'b')) a(k, x) LEFT JOIN (VALUES (2, 'c'), (3, 'd')) b(k, y) USING (k)",
    "SELECT count(*) FROM flow_logs a WHERE packets = (SELECT max(packets) FROM flow_logs b WHERE b.dstport = a.dstport)",
    "SELECT action, protocol, grouping(action) g, grouping(protocol) h, count(*), sum(packets) FROM flow_logs GROUP BY CUBE (action, protocol)",
    "SELECT action, packets + 1 AS p, count(*) FROM flow_logs GROUP BY ROLLUP (action, packets + 1)",
    "SELECT action, protocol, count(*) FROM flow_logs GROUP BY GROUPING SETS ((action), (protocol), ())",
    "SELECT action, count(DISTINCT srcaddr), count(DISTINCT dstport), sum(DISTINCT packets), avg(packets), avg(bytes) FROM flow_logs GROUP BY action",
    "SELECT action, count(*) FILTER (WHERE packets > 1), sum(packets) FILTER (WHERE false), bool_and(packets > 0) FROM flow_logs GROUP BY ALL",
    "SELECT DISTINCT ON (srcaddr) srcaddr, packets, start, log_line FROM flow_logs WHERE packets IS NOT NULL ORDER BY srcaddr, packets DESC, start, log_object, log_line",
    "SELECT log_object, log_line FROM flow_logs ORDER BY start DESC NULLS FIRST, log_object, log_line LIMIT 7 OFFSET 11",
    "SELECT log_object, log_line FROM flow_logs WHERE start > 1694732400 ORDER BY bytes DESC NULLS LAST, log_object, log_line LIMIT 5",
    "SELECT count(*) FROM (SELECT * FROM flow_logs LIMIT 10 OFFSET 235)",
    "SELECT count(*) FROM (SELECT * FROM (SELECT * FROM flow_logs LIMIT 20) OFFSET 15)",
    "SELECT packets FROM (SELECT packets FROM flow_logs ORDER BY packets DESC LIMIT 50) ORDER BY packets LIMIT 3",
    "SELECT regexp_replace(instance_id, '([a-z])([a-z])', '\\2\\1', 'g'), upper(instance_id), length(instance_id), reverse(instance_id) FROM flow_logs",
    "SELECT split_part(srcaddr, '.', 2), left(instance_id, -1), right(instance_id, 2), replace(instance_id, 'b', 'xx'), strpos(instance_id, 'b') FROM flow_logs",
    "SELECT packets / 2, packets % 3, -packets / 2, packets / 2.0, round(packets / 7.0, 2), floor(-packets / 7.0) FROM flow_logs",
    "SELECT median(packets), stddev(packets), corr(packets, dstport), regr_slope(packets, dstport) FROM flow_logs",
    "SELECT percentile_cont(0.3) WITHIN GROUP (ORDER BY packets) p, percentile_cont(0.9) WITHIN GROUP (ORDER BY packets DESC) q FROM flow_logs",
    "SELECT action, string_agg(DISTINCT instance_id, ',' ORDER BY instance_id) a FROM flow_logs GROUP BY action",
    "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 10) SELECT sum(n), count(*) FROM t",
    "SELECT CAST(start_time AS DATE)::text AS d, count(*) FROM flow_logs GROUP BY 1",
    "SELECT extract(epoch FROM date_trunc('day', start_time)) AS e, count(*) FROM flow_logs GROUP BY 1",
    "SELECT extract(epoch FROM date_trunc('week', start_time)) AS e, extract(epoch FROM date_trunc('month', start_time)) AS m FROM flow_logs",
    "SELECT extract(hour FROM start_time) h, extract(dow FROM start_time) d, extract(doy FROM start_time) y, extract(week FROM start_time) w FROM flow_logs",
    "SELECT extract(epoch FROM start_time + interval '1 month') a, extract(epoch FROM start_time - interval '26 hours') b FROM flow_logs",
    "SELECT count(*) FROM flow_logs WHERE end_time - start_time > interval '30 seconds'",
    "SELECT max(end_time) - min(start_time) > interval '1 day' AS w, max(end_time) - min(start_time) < interval '100 years' AS l FROM flow_logs",
    "SELECT count(*) FROM flow_logs WHERE start_time < date '2023-10-29' + interval '1 day'",
    "SELECT count(*) FROM flow_logs WHERE date_trunc('day', start_time) = '2023-09-14'",
    "SELECT count(*) AS n FROM flow_logs WHERE TRY_CAST(bytes AS SMALLINT) <> 40",
    "SELECT count(*) AS n FROM flow_logs WHERE TRY_CAST(dstport AS SMALLINT) >= 80 OR TRY_CAST(packets AS DECIMAL(3, 2)) NOT IN (1, 2)",
    "SELECT count(*) AS n FROM (SELECT CAST(packets AS DECIMAL(10, 2)) + CAST(0.54 AS DECIMAL(10, 2)) AS d FROM flow_logs) WHERE CAST(d AS DECIMAL(10, 1)) = 1.5 OR CAST(d AS DECIMAL(3, 1)) = 2.5",
    "SELECT count(*) AS n FROM flow_logs WHERE CASE WHEN packets > 1 THEN bytes / (packets - 1) > 5 END",
    "SELECT log_object, log_line, packets = ANY ([1, NULL]) AS a, NOT (packets > ANY ([5, NULL])) AS b FROM flow_logs",
    *(f"SELECT count(*) FILTER (WHERE {test}) AS a, count(*) FILTER (WHERE NOT ({test})) AS b, count(*) FILTER (WHERE ({test}) IS NULL) AS c FROM flow_logs"
      for test in LISTS),
    *(f"SELECT count(*) AS n FROM flow_logs WHERE {no}({test})" for test in LISTS for no in ("", "NOT ")),
    *(f"SELECT log_object, log_line, {call} OVER (ORDER BY log_object, log_line ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS w FROM flow_logs ORDER BY log_object, log_line LIMIT 9"
      for call in ("lead(packets, 2)", "lag(dstport, -3)", "lag(packets, 2, -1)")),
    "SELECT array_agg(DISTINCT packets ORDER BY packets)[2] AS a, array_agg(DISTINCT packets ORDER BY packets DESC)[9] AS b, array_agg(packets ORDER BY packets)[NULL] AS c FROM flow_logs",
    "SELECT array_agg(packets ORDER BY packets)[1] AS a, array_agg(packets ORDER BY packets DESC NULLS FIRST)[1] AS b, array_agg(packets)[0] AS c, array_agg(packets)[-999] AS d, (array_agg(dstport) FILTER (WHERE dstport = 22))[1] AS e FROM flow_logs",
    "SELECT protocol, array_agg(packets ORDER BY packets)[protocol] AS a, array_agg(DISTINCT action ORDER BY action)[1] AS b FROM flow_logs GROUP BY protocol",
    "SELECT action, count(*) FILTER (WHERE (packets > 1) IS TRUE) AS a, sum(CASE WHEN (packets > 1) IS TRUE THEN 1 END) AS b, count(*) FILTER (WHERE (packets > 1) IS NOT FALSE) AS c FROM flow_logs GROUP BY action",
    "SELECT regexp_replace(srcaddr, '(10)[.]', '$1\\1$$') AS a, regexp_replace('cost', 'cost', '$1.50') AS b, regexp_replace(action, 'C', instance_id || '$0') AS c FROM flow_logs",
    "SELECT count(*) AS n FROM flow_logs WHERE NOT EXISTS (SELECT 1 FROM flow_logs WHERE (packets = 77) IS NOT FALSE)",
    "SELECT sum(CAST(packets AS DECIMAL(38, 2)) * CAST(1.5 AS DECIMAL(10, 2))) AS s, max(CAST(packets AS DECIMAL(10, 2)) - 1) AS m FROM flow_logs",
]
TEXTS_OF_PATTERNS = r"(VALUES ('a\b'), ('ab'), ('%'), ('A\B'), (''), (NULL)) t(x)"
PATTERNS = ["''", "'.*'", "'^.*$'", "'^$'", "'()'", "'a|'", r"'\\'", r"'a\\'", r"'^a\\'", r"'a\\b$'", r"'^a\\b$'", r"'^(a\\b|c)$'", r"'q|a\\b'", r"'\x5c'", "'^a'", "'%'", "'b$'"]
SHIFTS = [f"{call}({value}, {offset})" for value in ("packets", "nullif(packets, 1)") for call, offset in
          (("lead", 1), ("lead", 2), ("lead", "3, 99"), ("lead", 0), ("lead", -2), ("lag", 2), ("lag", -1), ("lag", "-2, 99"), ("lag", "0, 99"))]
ENDS = [f"{call}(nullif(packets, 1){n})" for call, n in (("first_value", ""), ("last_value", ""), ("nth_value", ", 2"))]


def columns(template, calls):
    return ", ".join(template.format(call, n) for n, call in enumerate(calls))


# -0.0, NaN and infinities. What is divided by zero in one is a power in the other, which refuses the division.
FLOATS = "(SELECT log_object, log_line, packets, packets * -1.0::double z, (packets - 1) * -0.5::double y FROM flow_logs) f"
STATEMENTS += [
    *(f"SELECT count(*), sum(log_line) FROM {FLOATS} WHERE {filter}"
      for filter in ("z IN (0, 7)", "y IN (0, -0.5)", "y NOT IN (0, 7)", "y = 0", "nullif(y, 0) IS NULL", "y IN (-0.0, 3.0)", "y BETWEEN -0.0 AND 0.0",
                     "ln(-packets - 1.0::double) < 1", "ln(y - 3) > 'inf'::double", "y IS DISTINCT FROM 0")),
    f"SELECT sum(CASE y WHEN 0 THEN 1 ELSE 0 END) FROM {FLOATS}",
    f"SELECT y, count(*), rank() OVER (ORDER BY y) FROM {FLOATS} GROUP BY y",
    f"SELECT log_object, log_line, count(*) OVER (PARTITION BY y) c, rank() OVER (ORDER BY y) r, count(*) OVER (ORDER BY y RANGE BETWEEN 0.1 PRECEDING AND 0.1 FOLLOWING) g FROM {FLOATS}",
    f"SELECT count(*) FROM {FLOATS} JOIN (VALUES (0.0::double), ('-0.0'::double), ('nan'::double)) v(y) USING (y)",
    f"SELECT count(*) FROM {FLOATS} JOIN (VALUES ('nan'::double), ('-nan'::double)) v(n) ON ln(f.y - 3) = v.n",
    f"SELECT y FROM {FLOATS} INTERSECT SELECT 0.0::double",
    f"SELECT DISTINCT y, y * -1 AS x FROM {FLOATS}",
    f"SELECT y * -1 AS x, count(*) AS c, max(y * -1) AS m FROM {FLOATS} GROUP BY ROLLUP (y * -1)",
    "SELECT min(x), max(x), sum(x), avg(x), count(DISTINCT x), median(x) FROM (VALUES ('-nan'::double), (1.0), ('nan'::double), ('-0.0'::double), (0.0)) t(x)",
    "SELECT g, min(x), max(x), count(DISTINCT x) FROM (VALUES (1, ln(-1.0)), (1, 1.0), (1, 2.0), (2, '-inf'::double), (3, 'inf'::double), (4, '-0.0'::double), (4, 0.0)) t(g, x) GROUP BY g",
    "SELECT max(x) OVER (ORDER BY n ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS m, sum(x) OVER (ORDER BY n ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS s FROM (VALUES (1, 'inf'::double), (2, '-inf'::double), (3, 1.0), (4, '-0.0'::double)) t(n, x)",
    "SELECT x FROM (VALUES (ln(-1.0)), ('inf'::double), (1.0), ('-inf'::double), (ln(-1.0))) t(x) ORDER BY x DESC",
    "SELECT greatest('nan'::double, 1.0), least('nan'::double, 1.0), 'nan'::double = '-nan'::double, 'nan'::double > 'inf'::double, 5.0::double % 0 AS r",
]
BUCKETS = "SELECT extract(epoch FROM {}) AS b, count(*) FROM flow_logs GROUP BY 1"
TRANSLATED = [
    *((BUCKETS.format(f"date_bin(interval '7 hours', start_time, {origin})"),
       BUCKETS.format("time_bucket(interval '7 hours', start_time, timestamptz '2023-01-01 00:00:00')"))
      for origin in ("'2023-01-01 00:00:00'", "timestamp '2023-01-01 00:00:00'", "date '2023-01-01'")),
    *((f"SELECT x, {columns(f'x {sign} {{0}} AS a{{1}}, ({sign_of_not} (x {sign} {{0}})) IS NULL AS b{{1}}', PATTERNS)} FROM {TEXTS_OF_PATTERNS}",
       f"SELECT x, {columns(f'{no} regexp_matches(x, {flag} || {{0}}) AS a{{1}}, x IS NULL AS b{{1}}', PATTERNS)} FROM {TEXTS_OF_PATTERNS}")
      for sign, no, flag in (("~", "", "''"), ("!~", "NOT", "''"), ("~*", "", "'(?i)'"), ("!~*", "NOT", "'(?i)'"))
      for sign_of_not in ("", "NOT")),
    *((f"SELECT regexp_like(x, {pattern}) AS a FROM {TEXTS_OF_PATTERNS}", f"SELECT regexp_matches(x, {pattern}) AS a FROM {TEXTS_OF_PATTERNS}")
      for pattern in ("'.*'", "'.' || '*'", r"'\\'", "x", "NULL")),
    ("SELECT count(*) AS n FROM flow_logs WHERE (action ~ '^(ACCEPT|A)$' AND action ~ '^(REJECT|B)$') IS NULL",
     "SELECT count(*) AS n FROM flow_logs WHERE action IS NULL"),
    (f"SELECT count(*) AS n FROM (SELECT x, '.*' AS p FROM {TEXTS_OF_PATTERNS}) WHERE (x ~ p) IS NULL", "SELECT 1 AS n"),
    *((f"SELECT log_object, log_line, {columns(f'{{0}} IGNORE NULLS OVER (ORDER BY log_object, log_line{rows}) AS w{{1}}', SHIFTS)} FROM flow_logs ORDER BY log_object, log_line{limit}",
       f"SELECT log_object, log_line, {columns('{0} OVER (ORDER BY log_object, log_line) AS w{1}', [call[:-1] + ' IGNORE NULLS)' for call in SHIFTS])} FROM flow_logs ORDER BY log_object, log_line{limit}")
      for rows, limit in (("", ""), (" ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW", " LIMIT 7"))),
    *((f"SELECT log_object, log_line, {columns(f'{{0}} IGNORE NULLS OVER (ORDER BY log_object, log_line ROWS BETWEEN {frame}) AS w{{1}}', ENDS)} FROM flow_logs",
       f"SELECT log_object, log_line, {columns(f'{{0}} OVER (ORDER BY log_object, log_line ROWS BETWEEN {frame}) AS w{{1}}', [call[:-1] + ' IGNORE NULLS)' for call in ENDS])} FROM flow_logs")
      for frame in ("2 PRECEDING AND 3 FOLLOWING", "1 FOLLOWING AND 4 FOLLOWING", "UNBOUNDED PRECEDING AND 1 PRECEDING", "CURRENT ROW AND UNBOUNDED FOLLOWING")),
    ("SELECT start_time - timestamp '2023-09-14 00:00:00' > interval '0 seconds' AS a, count(*) FROM flow_logs GROUP BY 1",
     "SELECT start_time > timestamptz '2023-09-14 00:00:00' AS a, count(*) FROM flow_logs GROUP BY 1"),
    ("SELECT timestamp '2023-09-15 00:00:00' - start_time > interval '10 hours' AS a, count(*) FROM flow_logs GROUP BY 1",
     "SELECT timestamptz '2023-09-15 00:00:00' - start_time > interval '10 hours' AS a, count(*) FROM flow_logs GROUP BY 1"),
    ("SELECT count(*) AS n FROM flow_logs WHERE bytes * 1.0 / (packets - 1) < 100",
     "SELECT count(*) AS n FROM flow_logs WHERE CASE WHEN packets = 1 THEN false ELSE bytes::double / (packets - 1) < 100 END"),
    ("SELECT packets, count(*) AS n, max(1.0 / (packets - 1)) AS m, min(0.0 / (packets - 1)) AS z FROM flow_logs GROUP BY packets",
     "SELECT packets, count(*) AS n, max(CASE WHEN packets = 1 THEN 'inf'::double ELSE 1::double / (packets - 1) END) AS m, min(CASE WHEN packets = 1 THEN 'nan'::double ELSE 0::double / (packets - 1) END) AS z FROM flow_logs GROUP BY packets"),
    *((f"SELECT action, extract(epoch FROM avg({time})) AS a FROM flow_logs GROUP BY action",
       f"SELECT action, avg({seconds}) AS a FROM flow_logs GROUP BY action")
      for time, seconds in (("start_time", "start"), ("end_time", '"end"'), ("DISTINCT start_time", "DISTINCT start"))),
    ("SELECT log_object, log_line, extract(epoch FROM avg(start_time) OVER (ORDER BY log_object, log_line ROWS BETWEEN 3 PRECEDING AND CURRENT ROW)) AS a FROM flow_logs",
     "SELECT log_object, log_line, avg(start) OVER (ORDER BY log_object, log_line ROWS BETWEEN 3 PRECEDING AND CURRENT ROW) AS a FROM flow_logs"),
    ("SELECT to_unixtime(timestamp '2023-09-15 12:00:00') AS a", "SELECT epoch(timestamptz '2023-09-15 12:00:00') AS a"),
]

for statement in STATEMENTS:
    same(statement)
for own, of_duck in TRANSLATED:
    same(own, of_duck)
predicates()
windows()
limits()
joins()
extremes()
subqueries()
print("all held")
