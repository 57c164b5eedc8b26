"""Hypothesis strategies for documents of version 1, for the bytes of files, and for bytes that are nearly files.

Rule 1: values are drawn as bytes. NaNs then differ by their bits and equal themselves, as they do in a file.
Rule 2: what is left out is said where it is left out; what is only rare is still possible.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from mmstats_format import Document, Field, build

# Sizes that keep an example small; the limits of the format have vectors and tests of their own.
MOST_FIELDS = 6
LONGEST_LABEL = 12
LONGEST_TEXT = 20
MOST_PADDING = 40

#: The registry of FORMAT.md 2.4, written down a second time.
SIZES = {"?": 1, "b": 1, "B": 1, "h": 2, "H": 2, "i": 4, "I": 4, "l": 8, "L": 8, "q": 8, "Q": 8, "f": 4, "d": 8, "c": 1}

#: Few, so that they occur twice in a file: plain, not ASCII, not UTF-8, with a zero byte, and hostile.
LABELS = [b"a", b"hits", "\u00e9t\u00e9".encode(), b"\xff\xfe", b"a\0b", b"\x1b[2J", b"\xe2\x80"]

#: Floats that random bytes hardly hit: zeros, infinities, subnormals, NaNs both quiet and signalling.
BITS = {
    "f": [0, 1 << 31, 0x7F800000, 0xFF800000, 1, 0x7FFFFF, 0x7FC00000, 0xFFC00001, 0x7FA00000, 0xFF800001],
    "d": [0, 1 << 63, 0x7FF << 52, 0xFFF << 52, 1, 0xFFFFFFFFFFFFF, 0x7FF8 << 48, 0xFFF8 << 48 | 1, 0x7FF4 << 48],
}


def size_of(signature: str) -> int:
    """Bytes of one buffer."""
    return SIZES[signature] if signature in SIZES else int(signature.removesuffix("s"))


def used(fields: tuple[Field, ...]) -> int:
    """Bytes of the version and the fields."""
    return 1 + sum(5 + len(f.label) + len(f.signature) + sum(map(len, f.buffers)) for f in fields)


# Not empty: a label size of zero ends the fields.
labels = (
    st.sampled_from(LABELS)
    | st.binary(min_size=1, max_size=LONGEST_LABEL)
    | st.text(min_size=1, max_size=LONGEST_LABEL // 4).map(str.encode)
)
signatures = st.sampled_from(sorted(SIZES)) | st.integers(0, LONGEST_TEXT).map("{}s".format)


@st.composite
def buffers(draw: st.DrawFn, signature: str) -> bytes:
    """One buffer: any bytes of the type's size, which all are values of it."""
    size = size_of(signature)
    if signature in BITS and draw(st.booleans()):
        return draw(st.sampled_from(BITS[signature])).to_bytes(size, "little")
    if signature not in SIZES and draw(st.booleans()):
        return draw(st.text(max_size=size)).encode()[:size].ljust(size, b"\0")
    return draw(st.binary(min_size=size, max_size=size))


@st.composite
def fields(draw: st.DrawFn) -> Field:
    """One field."""
    signature = draw(signatures)
    index = draw(st.sampled_from([0, 1, 255]))
    count = 1 if index == 255 else 2
    return Field(draw(labels), signature, index, tuple(draw(buffers(signature)) for _ in range(count)))


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """A document that can be a file.

    It always has a size. One without is told apart by nothing from the document of the file that it becomes, which
    has one; it is shown by a test of its own.
    """
    some = tuple(draw(st.lists(fields(), max_size=MOST_FIELDS)))
    return Document(some, used(some) + draw(st.integers(0, MOST_PADDING)))


files = documents().map(build)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """The bytes of a file after a few accidents; some leave it valid."""
    content = bytearray(draw(files))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(content)))
        match draw(st.sampled_from(["byte", "bit", "cut", "insert", "delete", "repeat"])):
            case "byte":
                content[at : at + 1] = draw(st.sampled_from([b"\0", b"\1", b"\2", b"\xff"]) | st.binary(max_size=1))
            case "bit" if at < len(content):
                content[at] ^= 1 << draw(st.integers(0, 7))
            case "cut":
                del content[at:]
            case "insert":
                content[at:at] = draw(st.binary(min_size=1, max_size=8))
            case "delete":
                del content[at : at + draw(st.integers(1, 8))]
            case _:
                content[at:at] = content[max(at - draw(st.integers(1, 16)), 0) : at]
    return bytes(content)


#: Parts of files in no good order: deeper into a parser than bytes at random.
pieces = st.lists(
    fields().map(lambda field: build(Document((field,), used((field,))))[1:])
    | st.sampled_from([b"\0", b"\1\0a", b"\1\0", b"\xff\xff", b"\1\0Q", b"\3\x0012s", b"\0\0", b"\xff", b"\2"])
    | st.binary(max_size=6),
    max_size=6,
).map(lambda parts: b"\1" + b"".join(parts))

#: Anything that could be handed to a parser, but version 2, which has strategies of its own.
inputs = (st.binary(max_size=60) | st.binary(max_size=60).map(lambda rest: b"\1" + rest) | pieces | mutated()).filter(
    lambda data: data[:1] != b"\2"
)


@st.composite
def relatives(draw: st.DrawFn) -> list[bytes]:
    """Files that are alike, as those of one model's instances are: of one size, but each with something else changed.

    Heads are exchanged for others of the same length, so that only their bytes tell the files apart.
    """
    document = draw(documents().filter(lambda document: document.fields))
    found = [build(document)]
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, len(document.fields) - 1))
        field = document.fields[place]
        content = None
        match draw(st.sampled_from(["values", "index", "label", "signature", "padding", "byte"])):
            case "values":
                field = replace(field, buffers=tuple(draw(buffers(field.signature)) for _ in field.buffers))
            case "index" if field.buffered:
                field = replace(field, index=1 - field.index)
            case "label":
                length = len(field.label)
                field = replace(field, label=draw(st.binary(min_size=length, max_size=length)))
            case "signature":
                same = [other for other in SIZES if len(field.signature) == 1 and SIZES[other] == len(field.buffers[0])]
                field = replace(field, signature=draw(st.sampled_from(same or [field.signature])))
            case change:
                content = bytearray(build(document))
                first = used(document.fields) if change == "padding" else 0
                if first < len(content):
                    content[draw(st.integers(first, len(content) - 1))] = draw(st.integers(0, 255))
                    content[0] -= content[0] == 2  # version 2 has strategies of its own
        changed = replace(document, fields=(*document.fields[:place], field, *document.fields[place + 1 :]))
        found.append(bytes(content) if content is not None else build(changed))
        if draw(st.booleans()):
            document = changed
    return found
