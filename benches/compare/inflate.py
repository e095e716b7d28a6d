"""Inflating and nothing else, with libdeflate: the floor under every conversion. Arguments: SOURCE OUTPUT THREADS."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import deflate

from records import objects

source, _, threads = sys.argv[1:]


def inflate(path: Path) -> int:
    # The length of the inflated text is in the last four bytes; the wheel reads it there, and lets other threads run.
    return len(deflate.gzip_decompress(path.read_bytes()))


if source != "-":
    with ThreadPoolExecutor(int(threads)) as pool:
        assert sum(pool.map(inflate, objects(source))) > 0
