#!/usr/bin/env python3
"""Puts a ready program into a wheel, so that `pip install` brings it. Prints the wheel's path.

  wheel.py PROGRAM ARCH FOLDER LICENCES SBOM

ARCH is x86_64 or aarch64. The wheel is tagged for glibc 2.28 (manylinux_2_28); the caller knows that PROGRAM needs no
more. LICENCES and SBOM are what crates.py says. The same files give the same bytes.
"""

import base64
import hashlib
import pathlib
import re
import sys
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]


def manifest(name):
    """A text of [package] in Cargo.toml."""
    return re.search(rf'^{name} = "(.*)"$', (CHECKOUT / "Cargo.toml").read_text(encoding="utf-8"), re.MULTILINE)[1]


def metadata():
    lines = [
        "Metadata-Version: 2.4",
        "Name: flowlake",
        f"Version: {manifest('version')}",
        f"Summary: {manifest('description')}",
        f"License-Expression: {manifest('license')}",
        "License-File: LICENSE",
        "License-File: THIRD-PARTY.txt",
        "Keywords: aws,vpc,flow-logs,parquet",
        "Classifier: Environment :: Console",
        "Classifier: Operating System :: POSIX :: Linux",
        "Classifier: Programming Language :: Rust",
        "Description-Content-Type: text/markdown",
        "",
        (HERE / "pypi.md").read_text(encoding="utf-8"),
    ]
    return "\n".join(lines).encode()


def wheel(program, arch, folder, licences, sbom):
    version = manifest("version")
    tag = f"py3-none-manylinux_2_28_{arch}"
    info = f"flowlake-{version}.dist-info"
    # What pip puts beside python lies under `scripts`; the records of the wheel come last.
    files = {
        f"flowlake-{version}.data/scripts/flowlake": pathlib.Path(program).read_bytes(),
        f"{info}/licenses/LICENSE": (CHECKOUT / "LICENSE").read_bytes(),
        f"{info}/licenses/THIRD-PARTY.txt": pathlib.Path(licences).read_bytes(),
        f"{info}/sboms/flowlake.cdx.json": pathlib.Path(sbom).read_bytes(),
        f"{info}/METADATA": metadata(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: flowlake\nRoot-Is-Purelib: false\nTag: {tag}\n".encode(),
    }
    records = [f"{name},sha256={digest(data)},{len(data)}" for name, data in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*records, f"{info}/RECORD,,", ""]).encode()
    path = pathlib.Path(folder) / f"flowlake-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            # The mode of a regular file; pip makes executable what was.
            entry.external_attr = (0o100755 if "/scripts/" in name else 0o100644) << 16
            archive.writestr(entry, data)
    return path


def digest(data):
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


if len(sys.argv) != 6:
    sys.exit(__doc__)
print(wheel(*sys.argv[1:]))
