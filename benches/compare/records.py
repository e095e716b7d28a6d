"""The default format's columns, and the objects to read: what every tool here is given alike."""

from pathlib import Path

TEXTS = {"account_id", "interface_id", "srcaddr", "dstaddr", "action", "log_status"}
LONGS = {"packets", "bytes", "start", "end"}
COLUMNS = [
    "version", "account_id", "interface_id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol",
    "packets", "bytes", "start", "end", "action", "log_status",
]  # fmt: skip


def typed(text: str, int32: str, int64: str) -> dict[str, str]:
    """Each column with its type, in the names of one tool."""
    return {name: text if name in TEXTS else int64 if name in LONGS else int32 for name in COLUMNS}


def objects(source: str) -> list[Path]:
    """Objects under `source`, in the order of their names."""
    return sorted(Path(source).glob("AWSLogs/**/*.log.gz"))


def pattern(source: str) -> str:
    return f"{source}/AWSLogs/**/*.log.gz"
