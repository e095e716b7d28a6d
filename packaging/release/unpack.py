#!/usr/bin/env python3
"""Unpacks a wheel, or the one layer of an OCI archive, without pip and without a container: `unpack.py FILE FOLDER`."""

import json
import pathlib
import sys
import tarfile
import zipfile


def wheel(file, folder):
    with zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            path = pathlib.Path(archive.extract(entry, folder))
            path.chmod(entry.external_attr >> 16 & 0o777)


def image(file, folder):
    with tarfile.open(file) as archive:

        def blob(digest):
            return archive.extractfile("blobs/" + digest.replace(":", "/"))

        index = json.load(archive.extractfile("index.json"))
        manifest = json.load(blob(index["manifests"][0]["digest"]))
        for layer in manifest["layers"]:
            with tarfile.open(fileobj=blob(layer["digest"])) as tree:
                tree.extractall(folder, filter="fully_trusted")


file, folder = sys.argv[1:]
pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
(wheel if file.endswith(".whl") else image)(file, folder)
