"""Converts inputs of many kinds and prints what each costs a byte of text: python3 run.py FLOWLAKE SCRATCH [KIND…].

Held still: two threads, local files, the medians of three runs, the order of kinds changed from round to round. What is
made is kept in SCRATCH until it is deleted. Every run's rows are checked against the lines that were written.
"""

import gzip
import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

ROUNDS = int(os.environ.get("ROUNDS", "3"))
THREADS = 2
KEY = "AWSLogs/123456789012/vpcflowlogs/eu-west-1/2023/09/14"
NAME = "123456789012_vpcflowlogs_eu-west-1_fl-0123456789abcdef0_20230914T{:02}{:02}Z_{:08x}.log.gz"
HEADER = ("version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action "
          "log-status\n")  # fmt: skip
START = 1_694_649_600


def from_sample(mix: str, records: int = 2_000_000):
    def make(flowlake: Path, folder: Path) -> None:
        argv = [flowlake, "sample", folder, "--records", str(records), "--mix", mix]
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    return make


def from_lines(line, objects: int, lines: int):
    def make(_: Path, folder: Path) -> None:
        dice = random.Random(1)
        (folder / KEY).mkdir(parents=True)
        for number in range(objects):
            text = HEADER + "".join(line(dice, START + number % 288 * 300) for _ in range(lines))
            path = folder / KEY / NAME.format(number % 288 // 12, number % 12 * 5, number)
            path.write_bytes(gzip.compress(text.encode(), 6))

    return make


def four_of_a_gigabyte(flowlake: Path, folder: Path) -> None:
    # Objects of many gzip members, each with a header line of its own.
    base = folder.with_name("gigabyte-base")
    from_sample("default", 10_000_000)(flowlake, base)
    members = sorted(base.glob("AWSLogs/**/*.log.gz"))
    # Delivered after the last of the sample's three days: nothing starts long after its delivery.
    key, name = KEY.replace("/14", "/16"), NAME.replace("20230914", "20230916")
    (folder / key).mkdir(parents=True)
    for number in range(4):
        with (folder / key / name.format(23, number * 5, number)).open("wb") as out:
            for member in members:
                out.write(member.read_bytes())
    shutil.rmtree(base)


def flow(dice: random.Random, start: int, source: str, destination: str, ports: tuple[int, int], action: str) -> str:
    packets = int(dice.paretovariate(0.9)) % 100_000
    begun = start - dice.randrange(300)
    return (f"2 123456789012 eni-0{dice.randrange(200):016x} {source} {destination} {ports[0]} {ports[1]} 6 {packets} "
            f"{packets * dice.randrange(40, 1500)} {begun} {begun + dice.randrange(60)} {action} OK\n")  # fmt: skip


def ipv6(dice: random.Random, start: int) -> str:
    inside = f"2600:1f18:4a3:6900:{dice.randrange(200) * 77_777 % 65_536:x}::{dice.randrange(16):x}"
    few = int(dice.paretovariate(0.5)) % 50_000
    outside = f"2a00:1450:{few % 4096:x}:{few * 31 % 65_536:x}:{few * 7 % 65_536:x}:{few % 97:x}:0:{few:x}"
    both = (inside, outside) if dice.random() < 0.5 else (outside, inside)
    return flow(dice, start, *both, (dice.randrange(32_768, 61_000), 443), "ACCEPT")


def many_addresses(dice: random.Random, start: int) -> str:
    def address() -> str:
        return ".".join(str(dice.randrange(256)) for _ in range(4))

    return flow(dice, start, address(), address(), (dice.randrange(32_768, 61_000), 443), "ACCEPT")


def scanner(dice: random.Random, start: int) -> str:
    source = f"{dice.randrange(20, 220)}.{dice.randrange(256)}.{dice.randrange(256)}.{dice.randrange(256)}"
    inside = f"10.0.{dice.randrange(8)}.{dice.randrange(256)}"
    return flow(dice, start, source, inside, (dice.randrange(1024, 65_536), dice.randrange(1, 65_536)), "REJECT")


def ordinary(dice: random.Random, start: int) -> str:
    few = int(dice.paretovariate(0.6)) % 60_000
    return flow(dice, start, f"10.0.{dice.randrange(2)}.{dice.randrange(100)}", f"52.{few // 256}.{few % 256}.9",
                (dice.randrange(32_768, 61_000), 443), "ACCEPT")  # fmt: skip


KINDS = {
    "default": from_sample("default"),
    "v5": from_sample("v5"),
    "v11": from_sample("v11"),
    "all formats": from_sample("all"),
    "IPv6": from_lines(ipv6, 20, 50_000),
    "random addresses": from_lines(many_addresses, 20, 50_000),
    "scanners": from_lines(scanner, 20, 50_000),
    "20,000 objects of 5 KB": from_lines(ordinary, 20_000, 45),
    "4 objects of 1 GB": four_of_a_gigabyte,
}


def measure(flowlake: Path, source: Path, lake: Path) -> dict:
    shutil.rmtree(lake, ignore_errors=True)
    argv = [flowlake, "convert", source, lake, "--threads", str(THREADS), "--progress", "never", "--json"]
    begun = time.perf_counter()
    child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - begun
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"error: {source} ended with {child.returncode}: {child.stderr.read().decode()}")
    written = sum(path.stat().st_size for path in lake.rglob("*.parquet"))
    return {"cpu": usage.ru_utime + usage.ru_stime, "wall": wall, "peak": usage.ru_maxrss / 1024,
            "rows": json.loads(out)["records"], "bytes": written}  # fmt: skip


def facts(source: Path) -> dict:
    """Bytes of text, and its lines that are not headers, counted without flowlake."""
    text = records = compressed = objects = 0
    for path in source.glob("AWSLogs/**/*.log.gz"):
        objects += 1
        compressed += path.stat().st_size
        with gzip.open(path) as lines:
            for line in lines:
                text += len(line)
                records += line[:1].isdigit()
    return {"text": text, "records": records, "compressed": compressed, "objects": objects}


def main() -> None:
    flowlake, scratch, *wanted = sys.argv[1:]
    flowlake, scratch = Path(flowlake).resolve(), Path(scratch).resolve()
    known, kinds = {}, wanted or list(KINDS)
    for kind in kinds:
        folder = scratch / kind.replace(" ", "-").replace(",", "")
        noted = folder.with_suffix(".json")
        if not noted.exists():
            shutil.rmtree(folder, ignore_errors=True)
            print(f"making {kind}", file=sys.stderr, flush=True)
            folder.parent.mkdir(parents=True, exist_ok=True)
            KINDS[kind](flowlake, folder)
            noted.write_text(json.dumps(facts(folder)))
        known[kind] = (folder, json.loads(noted.read_text()))
    runs = {kind: [] for kind in kinds}
    for number in range(ROUNDS):
        for kind in kinds[number % len(kinds):] + kinds[:number % len(kinds)]:
            run = measure(flowlake, known[kind][0], scratch / "lake")
            if run["rows"] != known[kind][1]["records"]:
                sys.exit(f"error: {kind} gave {run['rows']} rows of {known[kind][1]['records']} records")
            runs[kind].append(run)
            print(f"round {number + 1} {kind}: {run['cpu']:.2f} s CPU", file=sys.stderr, flush=True)
    shutil.rmtree(scratch / "lake", ignore_errors=True)
    print("| input | records | objects | MB of text | CPU s | ns a byte | ns a record | wall s | peak MiB | output bytes a record |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    for kind in kinds:
        found = known[kind][1]
        cpu, wall, peak = (median(run[key] for run in runs[kind]) for key in ("cpu", "wall", "peak"))
        print(f"| {kind} | {found['records']:,} | {found['objects']:,} | {found['text'] / 1e6:.0f} | {cpu:.2f} "
              f"| {cpu * 1e9 / found['text']:.2f} | {cpu * 1e9 / found['records']:.0f} | {wall:.2f} | {peak:.0f} "
              f"| {runs[kind][0]['bytes'] / found['records']:.1f} |")  # fmt: skip


main()
