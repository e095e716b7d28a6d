"""Types lines into a program on a pseudo-terminal and prints what it shows: shell.py SIZE PROGRAM ARGUMENT… -- LINE…

SIZE is that of the terminal, such as 80x24. After each line it waits for the prompt and for silence. A line that ends in `~`
is not waited for; `^C` and `^D` are the keys, the first of which is pressed a while later; `!COMMAND` is run beside. `SIGTERM`
sends the signal and `HANGUP` closes the terminal; both wait for the program's end.
"""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time

PROMPT = b"flowlake> "


def read(fd: int, seconds: float) -> None:
    seen = b""
    end = time.time() + seconds
    while time.time() < end:
        if select.select([fd], [], [], 0.5)[0]:
            try:
                got = os.read(fd, 65536)
            except OSError:
                break
            if not got:
                break
            seen += got
        elif PROMPT in seen:
            break
    sys.stdout.buffer.write(seen)


columns, rows = (int(number) for number in sys.argv[1].split("x"))
end = sys.argv.index("--")
command, lines = sys.argv[2:end], sys.argv[end + 1 :]
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    os.execvp(command[0], command)
read(fd, 60)
for line in lines:
    if line == "^C":
        time.sleep(1.5)
        os.write(fd, b"\x03")
        read(fd, 60)
    elif line == "^D":
        os.write(fd, b"\x04")
        read(fd, 60)
    elif line == "SIGTERM":
        os.kill(pid, signal.SIGTERM)
        read(fd, 60)
        os.waitpid(pid, 0)
    elif line == "HANGUP":
        os.close(fd)
        os.waitpid(pid, 0)
    elif line.startswith("!"):
        sys.stdout.flush()
        subprocess.run(line[1:], shell=True, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # What was read of the ledger is taken for new for a second.
        time.sleep(1.1)
    else:
        os.write(fd, line.rstrip("~").encode())
        if not line.endswith("~"):
            read(fd, 60)
