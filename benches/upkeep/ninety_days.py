"""A lake that was fed every 15 minutes for 90 days, before and after its small files are merged, on S3.

    python3 ninety_days.py PROGRAM FOLDER S3_PORT [RECORDS]

PROGRAM is flowlake, FOLDER a new folder for some GB, S3_PORT that of a server on loopback that takes unsigned requests
and has a bucket `lakes`. It prints, for ten reports over the last 24 hours of rows: requests, bytes, and seconds
without those of `SELECT 1`, as medians of five, before and after; and whether the answers are equal. A lake that lies
in FOLDER already is taken as it is.
"""

import gzip
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

program, folder, port = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve(), int(sys.argv[3])
records = int(sys.argv[4]) if len(sys.argv) > 4 else 4_000_000
DAYS, TIMES, FIRST = 90, 5, 1_693_526_400
HEADER = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
)
REPORTS = [
    "totals", "top-talkers", "bytes-by-pair", "rejected-by-port", "port-scans", "protocols", "rejected-by-source",
    "traffic-by-service", "large-transfers", "accept-reject-by-minute",
]
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    PROXY = free.getsockname()[1]


def run(*words: object, **more: object) -> str:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, **more)
    if done.returncode not in (0, 3):
        sys.exit(f"{words}: {done.stderr}")
    return done.stdout


def records_of(slot: int, choose: random.Random) -> bytes:
    """An object: records of a quarter of an hour, most of them of few hosts and services."""
    lines = [HEADER]
    for _ in range(records // (DAYS * 96)):
        interface = int(60 * choose.random() ** 2)
        host, other = f"10.0.{interface}.{choose.randrange(8)}", int(4000 * choose.random() ** 3)
        outside = f"198.{18 + other % 2}.{other // 250}.{other % 250}"
        source, destination = (host, outside) if choose.random() < 0.5 else (outside, host)
        port, packets = choose.choice((443, 443, 443, 53, 80, 22, 3389, 5432)), choose.randrange(1, 40)
        start = slot + choose.randrange(840)
        action = "REJECT" if choose.random() < 0.1 else "ACCEPT"
        ports, size = f"{choose.randrange(1024, 65536)} {port}", packets * choose.randrange(40, 1500)
        times = f"{start} {start + choose.randrange(60)}"
        lines.append(f"2 111122223333 eni-{interface:017x} {source} {destination} {ports} 6 {packets} {size} {times} "
                     f"{action} OK")
    return gzip.compress(("\n".join(lines) + "\n").encode(), 1, mtime=0)


def feed() -> Path:
    """A run for each quarter of an hour."""
    lake, fed, choose = folder / "lake", folder / "fed", random.Random(90)
    began = time.monotonic()
    for slot in range(FIRST, FIRST + DAYS * 86_400, 900):
        at = time.gmtime(slot)
        place = fed / time.strftime("AWSLogs/111122223333/vpcflowlogs/us-east-1/%Y/%m/%d", at)
        place.mkdir(parents=True, exist_ok=True)
        name = time.strftime("111122223333_vpcflowlogs_us-east-1_fl-0a_%Y%m%dT%H%MZ_", at)
        (place / f"{name}{slot:08x}.log.gz").write_bytes(records_of(slot, choose))
        run(program, "convert", fed, lake, "--progress", "never")
    print(f"{DAYS * 96} runs in {time.monotonic() - began:.0f} s", flush=True)
    return lake


def upload(lake: Path, name: str) -> None:
    files = [path for path in lake.rglob("*") if path.is_file()]

    def put(path: Path) -> None:
        key = urllib.parse.quote(f"lakes/{name}/{path.relative_to(lake)}")
        request = urllib.request.Request(f"http://127.0.0.1:{port}/{key}", path.read_bytes(), method="PUT")
        urllib.request.urlopen(request).close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, files))
    data = [path for path in files if path.suffix == ".parquet" and "_flowlake" not in path.parts]
    size = sum(path.stat().st_size for path in data)
    print(f"{name}: {len(data)} data files of {size / 2**20:.1f} MiB, {len(files)} objects in all")


def access(at: int) -> list[str]:
    options = [f"endpoint=http://127.0.0.1:{at}", "allow_http=true", "skip_signature=true", "region=us-east-1"]
    return [word for option in options for word in ("--lake-option", option)]


def ask(name: str, what: list[str], at: int) -> tuple[str, float]:
    began = time.monotonic()
    answer = run(program, what[0], f"s3://lakes/{name}/", *what[1:], "--format", "csv", *access(at))
    return answer, time.monotonic() - began


def measure(name: str, since: str, counter: subprocess.Popen) -> dict[str, tuple[str, int, int, float]]:
    def counts() -> tuple[int, int]:
        counter.stdin.write("\n")
        counter.stdin.flush()
        requests, size = map(int, counter.stdout.readline().split())
        return requests, size

    def seconds(what: list[str]) -> float:
        return statistics.median(ask(name, what, port)[1] for _ in range(TIMES))

    nothing = seconds(["query", "SELECT 1"])
    found = {}
    for report in REPORTS:
        what = ["report", report, "--since", since]
        counts()
        answer, _ = ask(name, what, PROXY)
        found[report] = (answer, *counts(), seconds(what) - nothing)
    print(f"{name}: `SELECT 1` takes {nothing:.3f} s")
    return found


def main() -> None:
    folder.mkdir(parents=True, exist_ok=True)
    lake = folder / "lake" if (folder / "lake").exists() else feed()
    newest = "SELECT date_trunc('hour', max(start_time) - interval '23 hours') AS since FROM flow_logs"
    since = run(program, "query", lake, newest, "--format", "csv").splitlines()[1].strip('"').replace(" ", "T")
    upload(lake, "small")
    shutil.copytree(lake, folder / "merged", dirs_exist_ok=True)
    began = os.times()
    run(program, "compact", folder / "merged", "--retention", "0s")
    ended = os.times()
    cpu = ended.children_user + ended.children_system - began.children_user - began.children_system
    print(f"merging took {cpu:.1f} s of CPU, {ended.elapsed - began.elapsed:.1f} s")
    run(program, "compact", folder / "merged", "--retention", "0s")
    upload(folder / "merged", "merged")
    counter = subprocess.Popen([sys.executable, Path(__file__).with_name("count.py"), str(PROXY), str(port)],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    time.sleep(1)
    small, merged = (measure(name, since, counter) for name in ("small", "merged"))
    counter.stdin.close()
    print("| report | answers | requests | bytes | seconds | after / before |")
    for report in REPORTS:
        (before, *of_small), (after, *of_merged) = small[report], merged[report]
        ratios = " ".join(f"{now / max(was, 1e-9):.2f}" for was, now in zip(of_small, of_merged))
        told = " | ".join(f"{was:.3f} → {now:.3f}" if isinstance(was, float) else f"{was} → {now}"
                          for was, now in zip(of_small, of_merged))
        is_equal = sorted(before.split()) == sorted(after.split())
        print(f"| {report} | {'equal' if is_equal else 'DIFFER'} | {told} | {ratios} |")


main()
