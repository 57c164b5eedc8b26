"""Make the test vectors of version 1, and their manifest, from the readable sources.

``python spec/vectors/generate.py [DIRECTORY]`` writes ``DIRECTORY/v1``, or without a directory the ``v1`` beside this
file. The notation of the sources is in README.md.

Rule 1: nothing of this project is imported: vectors are the judge of its code and cannot depend on it.
Rule 2: what is expected of a made vector is copied from its source, where it stands worked out by hand; of a file of
        the original package it is what that package's own reader said, brought into the canonical form.
Rule 3: files of the original package are read and checked, never made.
Rule 4: equal sources give equal bytes; whatever is odd in a source ends in a message and writes nothing.
"""

from __future__ import annotations

import hashlib
import json
import struct
import sys
import tomllib
from pathlib import Path
from typing import Any, NoReturn

HERE = Path(__file__).parent
SOURCE = HERE / "sources" / "v1.toml"
ORIGINALS = HERE / "sources" / "original"

Table = dict[str, Any]

COMMON = {"id", "shows", "rules", "result"}
ORIGINAL = COMMON | {"original", "sha256"}
MADE = {"valid": COMMON | {"bytes", "fields"}, "invalid": COMMON | {"bytes", "error", "offset"}}
FIELD = {"label", "type", "buffered", "value"}


def fail(message: str) -> NoReturn:
    """End with a message on stderr and status 1."""
    sys.exit(f"{SOURCE.name}: {message}")


def check_keys(what: str, table: Table, needed: set[str], optional: str = "") -> None:
    """End where a key is missing or unknown."""
    missing, unknown = needed - table.keys(), table.keys() - needed - {optional}
    if missing or unknown:
        fail(f"{what}: missing keys {sorted(missing)}, unknown keys {sorted(unknown)}")


def made_bytes(vector: Table) -> bytes:
    """The bytes of the hexadecimal notation, padded to the size given."""
    content = bytearray()
    for line in vector["bytes"].splitlines():
        for word in line.partition("#")[0].split():
            digits, _, times = word.partition("*")
            content += bytes.fromhex(digits) * int(times or 1)
    size = vector.get("size", len(content))
    if size < len(content):
        fail(f"{vector['id']}: {len(content)} bytes do not fit into a size of {size}")
    return bytes(content.ljust(size, b"\0"))


def made_fields(vector: Table) -> list[Table]:
    """The expected fields, with what the source repeats written out."""
    fields = []
    for field in vector["fields"]:
        times = field.pop("times", 1)
        check_keys(f"{vector['id']}: field", field, FIELD)
        if isinstance(label := field["label"], dict) and "text" in label:
            field["label"] = label["text"] * label["times"]
        fields += [field] * times
    return fields


def original_fields(vector: Table, content: bytes) -> list[Table]:
    """The expected fields of a file of the original package, from what its own reader said."""
    said = json.loads((ORIGINALS / f"{vector['original']}.json").read_bytes())
    if hashlib.sha256(content).hexdigest() != vector["sha256"]:
        fail(f"{vector['id']}: the file is not the original's: its sha256 differs")
    if (said["version"], said["size"]) != (1, len(content)):
        fail(f"{vector['id']}: the file's version or size is not what the original's reader said")
    fields = []
    for field in said["fields"]:
        value, reading = canonical(field["type_signature"], bytes.fromhex(field["raw_hex"]))
        if reading != field["value"]:
            fail(f"{vector['id']}: {field['label']!r} is {reading!r}, the original's reader said {field['value']!r}")
        fields.append(
            {
                "label": field["label"],
                "type": field["type_signature"],
                "buffered": field["buffered"],
                "value": value,
            }
        )
    return fields


def canonical(signature: str, raw: bytes) -> tuple[str | bool, str | bool]:
    """A value in the canonical form (J-2 to J-5), and as the original's reader wrote it in the JSON."""
    match signature:
        case "?":
            return raw != b"\0", raw != b"\0"
        case "f" | "d":
            number: float = struct.unpack(f"<{signature}", raw)[0]
            # A binary32 NaN would lose bits in this conversion; no original file has one.
            return raw[::-1].hex() if signature == "d" else struct.pack(">d", number).hex(), repr(number)
        case _ if signature.endswith("s"):
            return raw.decode("utf-8"), raw.decode("utf-8")
        case _:
            digits = str(int.from_bytes(raw, "little", signed=signature.islower()))
            return digits, digits


def make(vector: Table) -> tuple[Table, bytes]:
    """The manifest entry and the content of one vector."""
    name = str(vector.get("id"))
    file = f"{name}.mmstats"
    expected: Table
    if "original" in vector:
        check_keys(name, vector, ORIGINAL)
        content = (HERE / "v1" / file).read_bytes()
        expected = {"document": {"version": 1, "fields": original_fields(vector, content)}}
    else:
        if vector.get("result") not in MADE:
            fail(f"{name}: 'result' is neither 'valid' nor 'invalid'")
        check_keys(name, vector, MADE[vector["result"]], "size")
        content = made_bytes(vector)
        if vector["result"] == "valid":
            expected = {"document": {"version": 1, "fields": made_fields(vector)}}
        else:
            expected = {"error": vector["error"], "offset": vector["offset"]}
    entry = {
        "id": name,
        "file": file,
        "shows": vector["shows"],
        "rules": vector["rules"],
        "result": vector["result"],
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        **expected,
    }
    return entry, content


def main(arguments: list[str]) -> None:
    """Write the vectors into the directory named, or beside this file."""
    directory = Path(arguments[0] if arguments else HERE) / "v1"
    entries: dict[str, Table] = {}
    files: dict[str, bytes] = {}
    source = tomllib.loads(SOURCE.read_text(encoding="utf-8"))
    check_keys("top level", source, {"vector"})
    for vector in source["vector"]:
        entry, content = make(vector)
        if entry["id"] in entries:
            fail(f"{entry['id']}: the id is used twice")
        entries[entry["id"]] = entry
        files[entry["file"]] = content
    manifest = {"format": 1, "vectors": [entries[name] for name in sorted(entries)]}
    files["manifest.json"] = (json.dumps(manifest, indent=1) + "\n").encode("ascii")
    directory.mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        path = directory / file
        if not path.exists() or path.read_bytes() != content:  # so that files of the original are never rewritten
            path.write_bytes(content)


if __name__ == "__main__":
    main(sys.argv[1:])
