"""The layout as plain numbers and `struct` codes, for those who cannot wait for `construct`.

Generated from the schema by ``make layout``; a change belongs there.
"""

#: Version 1: the version byte, with which a file begins, and its size.
V1_VERSION = 1
V1_VERSION_SIZE = 1
#: `struct` codes of the sizes before a label and a signature, and of the write-buffer index.
V1_LABEL_SIZE = "<H"
V1_SIGNATURE_SIZE = "<H"
V1_INDEX = "<B"
#: The index of a field with one buffer.
V1_UNBUFFERED = 255
#: Type signature: (`struct` code, size in bytes, kind); and the regular expression of fixed text's signatures.
V1_TYPES = {
    "?": ("?", 1, "boolean"),
    "b": ("b", 1, "signed"),
    "B": ("B", 1, "unsigned"),
    "h": ("h", 2, "signed"),
    "H": ("H", 2, "unsigned"),
    "i": ("i", 4, "signed"),
    "I": ("I", 4, "unsigned"),
    "l": ("q", 8, "signed"),
    "L": ("Q", 8, "unsigned"),
    "q": ("q", 8, "signed"),
    "Q": ("Q", 8, "unsigned"),
    "f": ("f", 4, "float"),
    "d": ("d", 8, "float"),
    "c": ("c", 1, "text"),
}
V1_TEXT = "(0|[1-9][0-9]{0,8})s"
