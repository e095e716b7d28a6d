#!/usr/bin/env python3
"""What a program of flowlake is made of: the crates of Cargo.lock that are built for a target, and their licences.

  crates.py sbom TARGET [--part PART]...       a bill of materials, CycloneDX 1.6 in JSON
  crates.py licences TARGET [--part PART]...   every licence and notice that the crates carry, as one text
  crates.py check TARGET PROGRAM               fails if the program was made of a crate that the other two do not name

TARGET is one of Rust, such as x86_64-unknown-linux-gnu. A PART is linked and is no crate: NAME|VERSION|SPDX|FILE, where
FILE holds its licence. Everything follows from the checkout, so that two runs give the same bytes.
"""

import argparse
import hashlib
import html
import json
import os
import pathlib
import re
import subprocess
import sys
import uuid
from dataclasses import dataclass, field

HERE = pathlib.Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
LICENCE = re.compile(r"(un)?licen[cs]e|copying|copyright|notice", re.IGNORECASE)
NOT_TEXT = {".rs", ".toml", ".json", ".py", ".c", ".h"}
# How the path of a crate's source stands in a program: in the places of its panics.
SOURCE = re.compile(rb"registry/src/[^/\0]+/([A-Za-z0-9_-]+?)-([0-9]+\.[0-9]+\.[0-9]+[^/\0]*)/")


@dataclass
class Part:
    """Something that a program is made of."""

    name: str
    version: str
    spdx: str
    # Its purl, by which a bill of materials knows it.
    purl: str
    home: str = ""
    # False for what runs while the program is built: macros and build scripts.
    linked: bool = True
    checksum: str = ""
    needs: list = field(default_factory=list)
    texts: list = field(default_factory=list)


def cargo(*arguments):
    command = [os.environ.get("CARGO", "cargo"), *arguments, "--locked", "--manifest-path", CHECKOUT / "Cargo.toml"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout


def built(target, edges):
    """(name, version) of the crates along these edges. `cargo tree` resolves features as a build does."""
    form = ["--prefix", "none", "--format", "{p}"]
    lines = cargo("tree", "--package", "flowlake", "--target", target, "--edges", edges, *form).splitlines()
    return {(line.split()[0], line.split()[1].removeprefix("v")) for line in lines if line}


def checksums():
    lock = (CHECKOUT / "Cargo.lock").read_text(encoding="utf-8")
    found = re.finditer(r'name = "(.+)"\nversion = "(.+)"\nsource = ".+"\nchecksum = "(.+)"', lock)
    return {(name, version): checksum for name, version, checksum in map(re.Match.groups, found)}


def crates(target):
    """flowlake itself, and then the crates that it is made of, by name."""
    every = built(target, "no-dev")
    linked = built(target, "normal,no-proc-macro")
    metadata = json.loads(cargo("metadata", "--format-version", "1", "--filter-platform", target))
    packages = {package["id"]: package for package in metadata["packages"]}
    sums = checksums()
    parts = {}
    for node in metadata["resolve"]["nodes"]:
        package = packages[node["id"]]
        key = (package["name"], package["version"])
        if key not in every:
            continue
        parts[node["id"]] = Part(
            name=package["name"],
            version=package["version"],
            spdx=re.sub(r" ?/ ?", " OR ", package["license"] or ""),
            purl=purl(package["name"], package["version"]),
            home=package["repository"] or "",
            linked=key in linked,
            checksum=sums.get(key, ""),
            needs=[dep["pkg"] for dep in node["deps"] if {None, "build"} & {kind["kind"] for kind in dep["dep_kinds"]}],
            texts=licence_texts(package),
        )
    missing = every - {(part.name, part.version) for part in parts.values()}
    assert not missing, f"cargo metadata does not know {sorted(missing)}"
    for part in parts.values():
        part.needs = sorted(parts[need].purl for need in part.needs if need in parts)
    root = parts.pop(metadata["resolve"]["root"])
    return root, sorted(parts.values(), key=lambda part: (part.name, part.version))


def purl(name, version):
    return f"pkg:cargo/{name}@{version}"


def licence_texts(package):
    """The licences and notices in a crate, those of the C code that it carries too."""
    # flowlake's own.
    if package["source"] is None:
        return [(CHECKOUT / "LICENSE").read_text(encoding="utf-8")]
    folder = pathlib.Path(package["manifest_path"]).parent
    found = sorted(
        path
        for path in folder.rglob("*")
        if LICENCE.match(path.name) and path.suffix not in NOT_TEXT and path.is_file()
    )
    if not found:
        return standard_texts(package)
    return [path.read_text(encoding="utf-8", errors="replace") for path in found]


def standard_texts(package):
    """For a crate that names its licence and carries no text of it: SPDX's."""
    name, spdx = package["name"], package["license"] or ""
    alternatives = [option.split(" AND ") for option in re.split(r" OR |/", spdx.strip("()"))]
    for option in alternatives:
        files = [HERE / "licences" / f"{one.strip('() ')}.txt" for one in option]
        files = [CHECKOUT / "LICENSE" if file.stem == "Apache-2.0" else file for file in files]
        if all(file.exists() for file in files):
            authors = [re.sub(r" <.*?>", "", author) for author in package["authors"]]
            holder = ", ".join(authors) or f"the authors of {name}"
            return [file.read_text(encoding="utf-8").replace("<holder>", holder) for file in files]
    sys.exit(f"{name} is under {spdx} and carries no text of it: put SPDX's into {HERE / 'licences'}")


def other_part(description):
    name, version, spdx, file = description.split("|")
    text = pathlib.Path(file).read_text(encoding="utf-8", errors="replace")
    if file.endswith(".html"):
        text = re.sub(r"<(style|script)\b.*?</\1>", "", text, flags=re.DOTALL)
        text = html.unescape(re.sub(r"<[^>]*>", "", text))
        text = re.sub(r"[ \t]*\n(\s*\n)+", "\n\n", text)
    slug = re.sub(r"[^a-z0-9.]+", "-", name.lower())
    return Part(name, version, spdx, f"pkg:generic/{slug}@{version}", texts=[text])


def sbom(root, parts, target):
    def component(part, kind):
        made = {"type": kind, "bom-ref": part.purl, "name": part.name, "version": part.version, "purl": part.purl}
        if kind == "library":
            made["scope"] = "required" if part.linked else "excluded"
        if part.spdx:
            made["licenses"] = [{"expression": part.spdx}]
        if part.checksum:
            made["hashes"] = [{"alg": "SHA-256", "content": part.checksum}]
        if part.home.startswith("https://"):
            made["externalReferences"] = [{"type": "vcs", "url": part.home}]
        return made

    linked = sorted(root.needs + [part.purl for part in parts if part.purl.startswith("pkg:generic/")])
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": component(root, "application"),
            "properties": [{"name": "flowlake:target", "value": target}],
        },
        "components": [component(part, "library") for part in parts],
        "dependencies": [{"ref": root.purl, "dependsOn": linked}]
        + [{"ref": part.purl, "dependsOn": part.needs} for part in parts],
    }
    digest = hashlib.sha256(json.dumps(bill, sort_keys=True).encode()).hexdigest()
    bill["serialNumber"] = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, digest)}"
    return json.dumps(bill, indent=1)


def licences(root, parts, target):
    """Each text once: most crates carry the same few."""
    numbers, texts = {}, []
    lines = [
        f"What {root.name} {root.version} for {target} is made of: name, version, licence (SPDX), the numbers of the",
        "texts below, and where its source is. Macros and build scripts are listed too, which ran while it was built.",
        "",
    ]
    for part in [root, *parts]:
        cited = []
        for text in part.texts:
            key = " ".join(text.split()).lower()
            if key not in numbers:
                texts.append(text.strip("\n"))
                numbers[key] = len(texts)
            if numbers[key] not in cited:
                cited.append(numbers[key])
        marks = " ".join(f"[{number}]" for number in sorted(cited))
        lines.append(f"{part.name} {part.version}: {part.spdx} {marks} {part.home}".rstrip())
    for number, text in enumerate(texts, start=1):
        lines += ["", f"{'=' * 20} [{number}] {'=' * 20}", "", text]
    return "\n".join(lines)


def check(root, parts, program):
    named = {(name.decode(), version.decode()) for name, version in SOURCE.findall(pathlib.Path(program).read_bytes())}
    unknown = named - {(part.name, part.version) for part in [root, *parts]}
    if unknown or not named:
        sys.exit(f"{program} names the sources of {len(named)} crates, and the list lacks {sorted(unknown)}")
    return f"{program} names the sources of {len(named)} crates, all of them among the {len(parts)} listed"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["sbom", "licences", "check"])
    parser.add_argument("target")
    parser.add_argument("program", nargs="?")
    parser.add_argument("--part", action="append", default=[], type=other_part)
    asked = parser.parse_args()
    root, parts = crates(asked.target)
    if asked.what == "check":
        print(check(root, parts, asked.program))
    else:
        say = {"sbom": sbom, "licences": licences}[asked.what]
        print(say(root, parts + asked.part, asked.target))


main()
