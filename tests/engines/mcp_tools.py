"""The official client of the Model Context Protocol against `flowlake mcp`, held against a plain reading of the logs.

    mcp_tools.py LOGS LAKE
"""

import asyncio
import collections
import gzip
import json
import pathlib
import subprocess
import sys
import time

from mcp import ClientSession, MCPError, StdioServerParameters, stdio_client

logs, lake = sys.argv[1:3]
TOOLS = ["status", "list_tables", "describe_table", "list_reports", "run_report", "query"]
ENDLESS = "SELECT count(*) FROM flow_logs a, flow_logs b, flow_logs c WHERE a.bytes + b.bytes < c.packets"


def records():
    """Every record of the logs, as the names of its header give it."""
    for path in sorted(pathlib.Path(logs).rglob("*.gz")):
        names, *lines = gzip.decompress(path.read_bytes()).decode().splitlines()
        for line in lines:
            yield dict(zip(names.split(" "), line.split(" ")))


def files():
    return {path: path.stat().st_mtime_ns for path in pathlib.Path(lake).rglob("*") if path.is_file()}


async def given(session, tool, **arguments):
    """What a tool answers, which its text says too."""
    result = await session.call_tool(tool, arguments)
    assert not result.is_error, (tool, arguments, result.content)
    assert json.loads(result.content[0].text) == result.structured_content
    return result.structured_content


async def wrong(session, tool, **arguments):
    """The error of a tool. The session goes on."""
    result = await session.call_tool(tool, arguments)
    assert result.is_error, (tool, arguments, result.structured_content)
    return result.content[0].text


async def rows(session, sql, **more):
    return (await given(session, "query", sql=sql, **more))["rows"]


async def tools(session):
    listed = (await session.list_tools()).tools
    assert [tool.name for tool in listed] == TOOLS
    for tool in listed:
        assert tool.annotations.read_only_hint and not tool.annotations.destructive_hint, tool
        assert tool.description and tool.input_schema["type"] == "object" and tool.output_schema
    try:
        await session.call_tool("drop_table", {})
        raise AssertionError("there is no such tool")
    except MCPError as error:
        assert "there are status, list_tables" in str(error), error


async def answers(session):
    read = list(records())
    starts = [int(record["start"]) for record in read]
    days = {time.strftime("%Y-%m-%d", time.gmtime(start)) for start in starts}
    shown = [time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(start)) for start in (min(starts), max(starts))]

    status = await given(session, "status")
    (table,) = status["tables"]
    assert (table["table"], table["rows"], table["days"]) == ("flow_logs", len(read), len(days)), table
    assert [table["first_record"], table["newest_record"]] == shown, (table, shown)
    assert status["runs"]["finished"] >= 1 and status["runs"]["open"] == 0, status
    assert status["set_aside"] == {"lines": 1, "objects": 0}, status
    assert status["tables_without_rows"] == ["tgw_flow_logs"]

    tables = {table["name"]: table for table in (await given(session, "list_tables"))["tables"]}
    assert list(tables) == ["flow_logs", "lake.files", "lake.objects", "lake.rejects", "lake.runs"]
    assert tables["flow_logs"]["rows"] == len(read) and tables["flow_logs"]["newest_record"] == shown[1]
    described = await given(session, "describe_table", table="flow_logs")
    columns = {column["name"]: column for column in described["columns"]}
    assert len(columns) == tables["flow_logs"]["columns"] == described["columns_in_all"] and not described["truncated"]
    assert {name.replace("-", "_") for name in read[0]} <= set(columns)
    assert columns["bytes"]["type"] == "Int64" and columns["action"]["meaning"] == "`ACCEPT` or `REJECT`"
    assert all(column["meaning"] for column in columns.values()), columns

    actions = collections.Counter(record["action"] for record in read if record["action"] != "-")
    sql = "SELECT action, count(*) FROM flow_logs WHERE action IS NOT NULL GROUP BY action ORDER BY action;"
    assert await rows(session, sql) == [list(pair) for pair in sorted(actions.items())]
    total = sum(int(record["bytes"]) for record in read if record["bytes"] != "-")
    assert await rows(session, "SELECT sum(bytes) FROM flow_logs") == [[total]]

    reports = {report["name"]: report for report in (await given(session, "list_reports"))["reports"]}
    assert len(reports) == 39 and reports["rejected-by-port"]["parameters"][0]["name"] == "top"
    assert reports["tgw-drops"]["cannot_run"] == "no tgw_flow_logs in this lake"
    refused = (await given(session, "list_reports", theme="refused"))["reports"]
    assert 0 < len(refused) < 39 and {report["theme"] for report in refused} == {"refused"}
    day = max(days)
    ports = collections.Counter(
        (int(record["dstport"]), int(record["protocol"]))
        for record, start in zip(read, starts)
        if record["action"] == "REJECT" and time.strftime("%Y-%m-%d", time.gmtime(start)) == day
    )
    report = await given(session, "run_report", name="rejected-by-port", since=day, until=day, parameters={"top": 3})
    names = [column["name"] for column in report["columns"]]
    found = [dict(zip(names, row)) for row in report["rows"]]
    assert day in report["title"] and len(found) == 3, report
    assert [row["flows"] for row in found] == [count for _, count in ports.most_common(3)], (found, ports)
    assert all(ports[row["dstport"], row["protocol"]] == row["flows"] for row in found), found


async def exact(session):
    sql = """SELECT 9223372036854775807, -9007199254740991, CAST('12345678901234567890.12' AS DECIMAL(30, 2)),
             CAST('0.1' AS DOUBLE) + 0.2, NULL, 1 AS n, [9007199254740993, 1] AS list"""
    expected = ["9223372036854775807", -9007199254740991, "12345678901234567890.12", 0.1 + 0.2, None, 1]
    assert await rows(session, sql) == [[*expected, ["9007199254740993", 1]]]


async def limits(session):
    cut = await given(session, "query", sql="SELECT log_line FROM flow_logs")
    assert (cut["truncated"], cut["rows_shown"], len(cut["rows"])) == (True, 200, 200) and "max_rows" in cut["note"]
    cut = await given(session, "query", sql="SELECT log_line FROM flow_logs", max_rows=3)
    assert (cut["truncated"], len(cut["rows"])) == (True, 3)
    more = await given(session, "query", sql="SELECT log_line FROM flow_logs", max_rows=100_000)
    assert len(more["rows"]) == 200
    whole = await given(session, "query", sql="SELECT log_line FROM flow_logs LIMIT 200")
    assert (whole["truncated"], len(whole["rows"])) == (False, 200) and "note" not in whole
    wide = await given(session, "query", sql="SELECT repeat('x', 100000) FROM flow_logs")
    assert (wide["truncated"], wide["rows_shown"]) == (True, 2) and "size" in wide["note"]
    huge = await given(session, "query", sql="SELECT repeat('x', 1000000)")
    assert (huge["truncated"], huge["rows"]) == (True, [])
    assert "1048576 are the most" in await wrong(session, "query", sql=f"SELECT '{'x' * 1048576}'")
    report = await given(session, "run_report", name="rejected-by-source", max_rows=2)
    assert (report["truncated"], len(report["rows"])) == (True, 2)


async def errors(session):
    line = subprocess.run(["flowlake", "query", lake, "SELECT dstprt FROM flow_logs"], capture_output=True, text=True)
    said = await wrong(session, "query", sql="SELECT dstprt FROM flow_logs")
    assert f"error: {said}\n" == line.stderr and "did you mean `dstport`?" in said, (said, line.stderr)
    line = subprocess.run(["flowlake", "report", lake, "rejected-by-prot"], capture_output=True, text=True)
    said = await wrong(session, "run_report", name="rejected-by-prot")
    assert f"error: {said}\n" == line.stderr, (said, line.stderr)
    for tool, arguments, says in [
        ("query", {"sql": " ;"}, "there is no statement"),
        ("query", {}, "missing field `sql`"),
        ("query", {"sql": "SELECT 1", "max_rows": 0}, "nonzero"),
        ("query", {"sql": "SELECT 1", "limit": 1}, "unknown field `limit`"),
        ("query", {"sql": "SELECT 1; SELECT 2"}, "more than one statement"),
        ("describe_table", {"table": "flow_log"}, "there is no table `flow_log`"),
        ("list_reports", {"theme": "nothing"}, "none of refused"),
        ("run_report", {"name": "rejected-by-port", "since": "yesterday"}, "since: \"yesterday\" is no time"),
        ("run_report", {"name": "rejected-by-port", "parameters": {"top": "x"}}, "is no whole number"),
        ("run_report", {"name": "rejected-by-port", "since": "2099-01-01"}, "no record of this lake starts"),
        ("run_report", {"name": "tgw-drops"}, "cannot run on this lake"),
    ]:
        said = await wrong(session, tool, **arguments)
        assert says in said, (tool, arguments, said)


async def nothing_is_written(session):
    before = files()
    secret = pathlib.Path("secret.csv")
    secret.write_text("word\nmellon\n")
    away = pathlib.Path("away.csv").absolute()
    for sql in [
        f"COPY flow_logs TO '{away}'",
        f"COPY (SELECT 1) TO '{away}' STORED AS CSV",
        "CREATE TABLE mine AS SELECT 1",
        "CREATE VIEW mine AS SELECT 1",
        f"CREATE EXTERNAL TABLE mine STORED AS CSV LOCATION '{secret.absolute()}'",
        "INSERT INTO flow_logs VALUES (1)",
        "DELETE FROM flow_logs",
        "UPDATE flow_logs SET bytes = 0",
        "DROP TABLE flow_logs",
        "SET datafusion.execution.target_partitions = 1",
        f"SELECT * FROM '{secret.absolute()}'",
        f"SELECT * FROM read_csv('{secret.absolute()}')",
        f"EXPLAIN ANALYZE COPY flow_logs TO '{away}'",
    ]:
        said = await wrong(session, "query", sql=sql)
        assert "mellon" not in said, (sql, said)
    assert files() == before and not away.exists()
    assert len(await rows(session, "SELECT 1 FROM flow_logs LIMIT 1")) == 1


async def cancelled(session):
    """As many endless calls as run at a time, and more: if one went on, there were no turn for the last one."""
    for _ in range(2):
        calls = [asyncio.create_task(session.call_tool("query", {"sql": ENDLESS})) for _ in range(4)]
        await asyncio.sleep(1)
        for call in calls:
            assert not call.done(), call.result()
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
    assert await asyncio.wait_for(rows(session, "SELECT 41 + 1"), 30) == [[42]]


async def side_by_side(session):
    """Reports narrow the tables while they are planned; nobody else sees that."""
    (total,) = (await rows(session, "SELECT count(*) FROM flow_logs"))[0]
    day = (await given(session, "status"))["tables"][0]["newest_record"][:10]
    calls = [rows(session, "SELECT count(*) FROM flow_logs") for _ in range(12)]
    calls += [given(session, "run_report", name="totals", since=day) for _ in range(12)]
    done = await asyncio.gather(*calls)
    assert done[:12] == [[[total]]] * 12 and all(one == done[12] for one in done[12:])
    calls = [session.call_tool("query", {"sql": "SELECT count(*) FROM flow_logs"}) for _ in range(80)]
    done = await asyncio.gather(*calls)
    busy = [result for result in done if result.is_error]
    assert all("calls wait already" in result.content[0].text for result in busy) and len(busy) < 80


async def grows(session):
    (before,) = (await rows(session, "SELECT count(*) FROM flow_logs"))[0]
    line = "srcaddr dstport start az-id\n10.0.0.2 443 1694735971 use1-az1\n"
    (pathlib.Path(logs) / "later.log.gz").write_bytes(gzip.compress(line.encode()))
    subprocess.run(["flowlake", "convert", logs, lake, "--progress", "never"], check=True, capture_output=True)
    await asyncio.sleep(1.1)
    assert await rows(session, "SELECT count(*), max(az_id) FROM flow_logs") == [[before + 1, "use1-az1"]]
    assert (await given(session, "status"))["tables"][0]["rows"] == before + 1


async def timed_out():
    server = StdioServerParameters(command="flowlake", args=["mcp", lake, "--timeout", "1s", "--max-rows", "1"])
    async with stdio_client(server) as streams, ClientSession(*streams) as session:
        await session.initialize()
        assert "it took longer than 1s" in await wrong(session, "query", sql=ENDLESS)
        answer = await given(session, "query", sql="SELECT 1 UNION ALL SELECT 2")
        assert (len(answer["rows"]), answer["truncated"]) == (1, True)


async def main():
    server = StdioServerParameters(command="flowlake", args=["mcp", lake])
    async with stdio_client(server) as streams, ClientSession(*streams) as session:
        hello = await session.initialize()
        assert hello.server_info.name == "flowlake" and "never instructions" in hello.instructions, hello
        for check in [tools, answers, exact, limits, errors, nothing_is_written, side_by_side, cancelled, grows]:
            await asyncio.wait_for(check(session), 120)
    await timed_out()
    print("all held")


asyncio.run(main())
