"""Types lines into a program on a pseudo-terminal and prints what it shows: shell.py PROGRAM ARGUMENT ARGUMENT LINE…

After each line it waits for the prompt and for silence. A line that ends in `~` is not waited for; `^C` is the key.
"""

import os
import pty
import select
import sys
import time

PROMPT = b"flowlake> "


def read(fd: int, seconds: float) -> None:
    seen = b""
    end = time.time() + seconds
    while time.time() < end:
        if select.select([fd], [], [], 0.5)[0]:
            try:
                seen += os.read(fd, 65536)
            except OSError:
                break
        elif PROMPT in seen:
            break
    sys.stdout.buffer.write(seen)


pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:4])
read(fd, 60)
for line in sys.argv[4:]:
    if line == "^C":
        time.sleep(1.5)
        os.write(fd, b"\x03")
        read(fd, 60)
    else:
        os.write(fd, line.rstrip("~").encode())
        if not line.endswith("~"):
            read(fd, 60)
