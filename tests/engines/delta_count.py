"""Counts a Delta table with one reader, over and over, until stdin ends: a line of JSON each, rows and bytes.

    delta_count.py READER TABLE

READER and TABLE are those of delta_read.py. Whoever cannot read fails.
"""

import json
import os
import sys
import threading

READER, TABLE = sys.argv[1:]
sys.argv = [os.path.join(os.path.dirname(__file__), "delta_read.py"), TABLE, "srcaddr"]
scope = {"__name__": "delta_read"}
exec(compile(open(sys.argv[0]).read(), sys.argv[0], "exec"), scope)
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
while not ended.is_set():
    rows = scope[READER]()
    print(json.dumps([len(rows), sum(number or 0 for _, number, _ in rows)]), flush=True)
