"""Make the test vectors, and their manifests, from the readable sources.

``python spec/vectors/generate.py [DIRECTORY]`` writes ``DIRECTORY/v1`` and ``v2``, or without a directory those beside
this file. The notation of the sources is in README.md; notation.py makes the bytes of version 2.

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

from notation import Assembly, NotationError, encode, expand, replace, words

HERE = Path(__file__).parent
SOURCES = HERE / "sources"
ORIGINALS = SOURCES / "original"

Table = dict[str, Any]

COMMON = {"id", "shows", "rules", "result"}
ORIGINAL = COMMON | {"original", "sha256"}
MADE = {"valid": COMMON | {"bytes", "fields"}, "invalid": COMMON | {"bytes", "error", "offset"}}
FIELD = {"label", "type", "buffered", "value"}

CHANGES = {"replace", "patch", "crcs", "cut", "append"}
DOCUMENT = {"features", "state", "writer", "families", "folded"}
#: What a document of version 2 says where its source does not.
WRITER = {
    "id": "00112233445566778899aabbccddeeff",
    "app": "shop",
    "host": "box",
    "created": "1700000000123456789",
    "pid": "4711",
    "thread": "4712",
    "start": "987654",
    "boot": "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    "namespace": "4026531836",
}
FAMILY: Table = {
    "name": "",
    "kind": "",
    "type": "",
    "combination": "",
    "kept": False,
    "unit": "",
    "help": "",
    "labels": [],
    "bounds": [],
    "states": [],
    "capacity": "0",
    "series": [],
}


def fail(message: str) -> NoReturn:
    """End with a message on stderr and status 1."""
    sys.exit(message)


def check_keys(what: str, table: Table, needed: set[str], optional: set[str] | None = None) -> None:
    """End where a key is missing or unknown."""
    missing, unknown = needed - table.keys(), table.keys() - needed - (optional or set())
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
    """What is expected of a vector of version 1, and its content."""
    name = vector["id"]
    if "original" in vector:
        check_keys(name, vector, ORIGINAL)
        content = (HERE / "v1" / f"{name}.mmstats").read_bytes()
        return {"document": {"version": 1, "fields": original_fields(vector, content)}}, content
    check_keys(name, vector, MADE[vector["result"]], {"size"})
    content = made_bytes(vector)
    if vector["result"] == "valid":
        return {"document": {"version": 1, "fields": made_fields(vector)}}, content
    return {"error": vector["error"], "offset": vector["offset"]}, content


class Version2:
    """The vectors of version 2 made so far, on which others are based."""

    def __init__(self, parts: dict[str, str]) -> None:
        self._parts = parts
        self._texts: dict[str, str] = {}
        self._documents: dict[str, Table] = {}

    def make(self, vector: Table) -> tuple[Table, bytes]:
        """What is expected of a vector of version 2, and its content."""
        name, valid = vector["id"], vector["result"] == "valid"
        source = "base" if "base" in vector else "bytes"
        needed = COMMON | {source} | (set() if valid else {"error", "offset"})
        check_keys(name, vector, needed, CHANGES | DOCUMENT if valid else CHANGES)
        try:
            text = expand(vector["bytes"], self._parts) if source == "bytes" else self._texts[vector["base"]]
            text = self._texts[name] = expand(replace(text, vector.get("replace", [])), self._parts)
            made = Assembly(text)
            made.patch(vector.get("patch", []))
            if vector.get("crcs", "fix") == "fix":
                made.fix()
            content = bytes(made.content) + b"".join(map(encode, words(vector.get("append", ""))))
            content = content[: made.place(vector["cut"])] if "cut" in vector else content
            if valid:
                return {"document": self._document(vector)}, content
            return {"error": vector["error"], "offset": made.place(str(vector["offset"]))}, content
        except (NotationError, json.JSONDecodeError, KeyError) as error:
            fail(f"{name}: {error!r}")

    def _document(self, vector: Table) -> Table:
        default = {"version": 2, "features": [], "state": "live", "writer": WRITER, "families": [], "folded": []}
        document = default | self._documents.get(vector.get("base", ""), {})
        document |= {key: vector[key] for key in ("features", "state", "folded") if key in vector}
        document["writer"] = document["writer"] | vector.get("writer", {})
        if "families" in vector:
            families = json.loads(expand(vector["families"], self._parts))
            document["families"] = [self._family(vector["id"], family) for family in families]
        self._documents[vector["id"]] = document
        return document

    def _family(self, name: str, family: Table) -> Table:
        check_keys(f"{name}: family", family, {"name", "kind", "type", "combination", "series"}, set(FAMILY))
        family = FAMILY | {key: repeated(value) for key, value in family.items()}
        family["series"] = [{"labels": [], **series} for series in family["series"]]
        return family


def repeated(value: Any) -> Any:
    """The text itself, or that which ``{"text": T, "times": N}`` means."""
    return value["text"] * value["times"] if isinstance(value, dict) else value


def vectors(version: int) -> dict[str, bytes]:
    """The files of a version by their names, its manifest among them."""
    entries: dict[str, Table] = {}
    files: dict[str, bytes] = {}
    source = tomllib.loads((SOURCES / f"v{version}.toml").read_text(encoding="utf-8"))
    check_keys("top level", source, {"vector"}, {"parts"} if version == 2 else set())
    maker = make if version == 1 else Version2(source["parts"]).make
    for vector in source["vector"]:
        check_keys(str(vector.get("id")), vector, COMMON, set(vector))
        name = vector["id"]
        if name in entries or vector["result"] not in MADE:
            fail(f"{name}: the id is used twice, or 'result' is neither 'valid' nor 'invalid'")
        expected, content = maker(vector)
        files[f"{name}.mmstats"] = content
        entries[name] = {
            "id": name,
            "file": f"{name}.mmstats",
            "shows": vector["shows"],
            "rules": vector["rules"],
            "result": vector["result"],
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            **expected,
        }
    manifest = {"format": 1, "vectors": [entries[name] for name in sorted(entries)]}
    files["manifest.json"] = (json.dumps(manifest, indent=1) + "\n").encode("ascii")
    return files


def main(arguments: list[str]) -> None:
    """Write the vectors into the directory named, or beside this file."""
    for version in (1, 2):
        directory = Path(arguments[0] if arguments else HERE) / f"v{version}"
        directory.mkdir(parents=True, exist_ok=True)
        for file, content in vectors(version).items():
            path = directory / file
            if not path.exists() or path.read_bytes() != content:  # so that files of the original are never rewritten
                path.write_bytes(content)


if __name__ == "__main__":
    main(sys.argv[1:])
