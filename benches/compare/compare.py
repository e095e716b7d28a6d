"""Runs flowlake and other converters on the same objects, in turn, and prints one table of medians.

This process imports none of the tools: Linux counts a parent's resident memory as its child's until the child runs its
own program, so a large parent would hide a child's peak.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent

# What is measured, in the order of the table: title, script, package.
TOOLS = {
    "flowlake": ("flowlake", None, None),
    "polars": ("Polars `scan_csv` → `sink_parquet(PartitionBy)`", "convert_polars.py", "polars"),
    "duckdb": ("DuckDB `read_csv` → `COPY … PARTITION_BY`", "convert_duckdb.py", "duckdb"),
    "chdb": ("ClickHouse (`chdb`) `INSERT INTO FUNCTION file … PARTITION BY`", "convert_chdb.py", "chdb"),
    "inflate": ("inflating alone (libdeflate)", "inflate.py", "deflate"),
}


def main() -> None:
    options = arguments()
    flowlake = Path(options.flowlake)
    source = options.data or sample(flowlake, options.scratch, options.records)
    sizes = [path.stat().st_size for path in source.glob("AWSLogs/**/*.log.gz")]
    if not sizes:
        sys.exit(f"error: no objects under {source}/AWSLogs")
    warm(source)
    output = options.scratch / "output"
    runs: dict[str, list[dict]] = {tool: [] for tool in options.only}
    totals: dict[str, dict] = {}
    for number in range(options.rounds):
        # Each round begins with another tool, so that none always runs after the same one.
        first = number % len(options.only)
        for tool in options.only[first:] + options.only[:first]:
            run = measure(tool, command(tool, flowlake, source, output, options.threads), output)
            if tool != "inflate" and tool not in totals:
                totals[tool] = inspect(output)
            runs[tool].append(run)
            say(f"round {number + 1} {tool}: {run['cpu']:.2f} s CPU, {run['wall']:.2f} s wall, {run['peak']:.0f} MiB")
    check(totals, None if options.data else options.records)
    startups = {tool: startup(tool, output, options.threads) for tool in options.only if tool != "flowlake"}
    facts = describe(output, source, flowlake, options) if totals else {}
    shutil.rmtree(output, ignore_errors=True)
    print_report(options, runs, startups, facts, sizes)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run.sh", description=__doc__.splitlines()[0])
    parser.add_argument("records", type=int, nargs="?", default=10_000_000, help="records to make [10000000]")
    parser.add_argument("--rounds", type=int, default=3, help="rounds; each runs every tool once [3]")
    parser.add_argument("--threads", type=int, default=2, help="threads of each tool [2]")
    parser.add_argument("--only", default=",".join(TOOLS), help=f"tools, separated by commas [{','.join(TOOLS)}]")
    parser.add_argument("--data", type=Path, help="objects to convert instead of a sample, in the default format")
    parser.add_argument("--scratch", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--flowlake", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.only = options.only.split(",")
    if unknown := set(options.only) - set(TOOLS):
        parser.error(f"unknown tool {', '.join(sorted(unknown))}; there are {', '.join(TOOLS)}")
    if min(options.rounds, options.threads, options.records) < 1:
        parser.error("records, rounds and threads are at least 1")
    if options.data:
        options.data = options.data.resolve()
    return options


def sample(flowlake: Path, scratch: Path, records: int) -> Path:
    """The sample's folder: made now, or by an earlier run of the same program."""
    stamp = f"{records}-{int(flowlake.stat().st_mtime)}"
    done = scratch / f"sample-{stamp}"
    if not done.exists():
        for old in scratch.glob(f"sample-{records}-*"):
            shutil.rmtree(old)
        unfinished = scratch / f"sample-{records}-unfinished"
        say(f"making {records:,} records in {done}")
        subprocess.run([flowlake, "sample", unfinished, "--records", str(records)], check=True, stdout=sys.stderr)
        unfinished.rename(done)
    return done


def warm(source: Path) -> None:
    """Reads everything once, so that the first tool does not wait for the disk more than the others."""
    for path in source.glob("AWSLogs/**/*.log.gz"):
        path.read_bytes()


def command(tool: str, flowlake: Path, source: Path | str, output: Path, threads: int) -> list[str]:
    if tool == "flowlake":
        return [str(flowlake), "convert", str(source), str(output), "--threads", str(threads),
                "--progress", "never", "--json"]  # fmt: skip
    return [sys.executable, str(HERE / TOOLS[tool][1]), str(source), str(output), str(threads)]


def measure(tool: str, argv: list[str], output: Path) -> dict:
    """One run into an empty folder: user+sys seconds, wall seconds, peak resident MiB, bytes written."""
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    os.sync()
    log = output.with_suffix(".log")
    with log.open("wb") as talk:
        begun = time.perf_counter()
        child = subprocess.Popen(argv, stdout=talk, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - begun
    # `wait4` took the child's status, so Popen must not ask for it again.
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"error: {tool} ended with {child.returncode}: {' '.join(argv)}\n{log.read_text(errors='replace')[-4000:]}")
    written = sum(path.stat().st_size for path in output.rglob("*") if path.is_file())
    # Linux gives the peak in KiB.
    return {"cpu": usage.ru_utime + usage.ru_stime, "wall": wall, "peak": usage.ru_maxrss / 1024, "bytes": written}


def startup(tool: str, output: Path, threads: int) -> float:
    """CPU seconds of the same script with nothing to read: interpreter and imports."""
    return median(measure(tool, command(tool, Path(), "-", output.with_name("nothing"), threads), output.with_name("nothing"))["cpu"] for _ in range(3))


def inspect(output: Path, *what: str) -> dict:
    argv = [sys.executable, str(HERE / "inspect_output.py"), str(output), *what]
    return json.loads(subprocess.run(argv, check=True, stdout=subprocess.PIPE).stdout)


def check(totals: dict[str, dict], records: int | None) -> None:
    """Ends the run unless all outputs hold the same rows and sums, each under the right date."""
    different = {json.dumps(found, sort_keys=True) for found in totals.values()}
    wrong = [found for found in totals.values() if found["misplaced"] or records not in (None, found["rows"])]
    if len(different) > 1 or wrong:
        lines = "\n".join(f"  {tool}: {found}" for tool, found in totals.items())
        sys.exit(f"error: the outputs do not agree, or are not the {records} records of the sample:\n{lines}")


def describe(output: Path, source: Path, flowlake: Path, options: argparse.Namespace) -> dict:
    """What the data is like, from one more conversion by whichever tool is there."""
    tool = next(tool for tool in options.only if tool != "inflate")
    measure(tool, command(tool, flowlake, source, output, options.threads), output)
    return inspect(output, "facts")


def print_report(options: argparse.Namespace, runs: dict, startups: dict, facts: dict, sizes: list[int]) -> None:
    if facts:
        print(
            f"{facts['rows']:,} records in {len(sizes)} objects ({sum(sizes) / 1e6:.0f} MB compressed), "
            f"{facts['dates']} dates, {facts['addresses']:,} distinct addresses, {facts['ports']:,} ports, "
            f"{facts['interfaces']:,} interfaces."
        )
    packages = ", ".join(f"{TOOLS[tool][2]} {version(TOOLS[tool][2])}" for tool in options.only if tool != "flowlake")
    print(f"{processor()}, {os.cpu_count()} CPUs; Linux {platform.release()}; Python {platform.python_version()}; {packages}.")
    print(f"{options.threads} threads each; medians of {options.rounds} interleaved rounds; × is against flowlake.")
    if len(set(runs) - {"inflate"}) > 1:
        print("Rows, sums of packets and bytes, and dates agree between all outputs.")
    print("\n| program | CPU s | × | wall s | × | peak MiB | output MB | of CPU s, start-up |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    middle = {tool: {key: median(run[key] for run in all_runs) for key in all_runs[0]} for tool, all_runs in runs.items()}
    ours = middle.get("flowlake")
    for tool, found in middle.items():
        ratio = {key: f"{found[key] / ours[key]:.2f}" if ours else "—" for key in ("cpu", "wall")}
        written = f"{found['bytes'] / 1e6:.0f}" if tool != "inflate" else "—"
        start = f"{startups[tool]:.2f}" if tool in startups else "—"
        print(
            f"| {TOOLS[tool][0]} | {found['cpu']:.2f} | {ratio['cpu']} | {found['wall']:.2f} | {ratio['wall']} "
            f"| {found['peak']:.0f} | {written} | {start} |"
        )


def processor() -> str:
    names = [line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    return names[0] if names else platform.machine()


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


main()
