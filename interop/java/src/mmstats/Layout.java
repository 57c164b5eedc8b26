// The numbers of version 2 of the format (FORMAT.md 3.3 to 3.7), each once, under a name.
//
// Rule 1: offsets are from the beginning of the element that the name begins with, in bytes.
// Rule 2: no other file contains an offset or size of version 2 as a bare number.

package mmstats;

final class Layout {
    static final int WORD = 8;

    // Header
    static final long MAGIC = 0x53544154534d4d02L;
    static final int HEADER_SIZE = 128;
    static final int HEADER_SIZE_AT = 8;
    static final int HEADER_MINOR = 10;
    static final int HEADER_CRC = 12;
    static final int HEADER_INCOMPATIBLE = 16;
    static final int HEADER_COMPATIBLE = 20;
    static final int HEADER_WRITER_ID = 24;
    static final int HEADER_CREATED = 40;
    static final int HEADER_PID = 48;
    static final int HEADER_PROCESS_START = 56;
    static final int HEADER_BOOT_ID = 64;
    static final int HEADER_PID_NAMESPACE = 80;
    static final int HEADER_CHECKED = 96;
    static final int HEADER_STATE = 96;
    static final int HEADER_THREAD = 104;
    static final int ID_SIZE = 16;

    static final long STATE_LIVE = 1;
    static final long STATE_CLOSED = 2;

    static final int INCOMPATIBLE_ARCHIVE = 1;
    static final int COMPATIBLE_RECORD_LOCK = 1;
    static final int COMPATIBLE_WRITE_CALLS = 2;
    static final int COMPATIBLE_UNORDERED = 4;
    static final int COMPATIBLE_NO_LOCK = 8;

    // Extent
    static final int EXTENT_TAG = 0x544e5458;
    static final int EXTENT_CRC = 4;
    static final int EXTENT_SIZE = 8;
    static final int EXTENT_METADATA_CAPACITY = 16;
    static final int EXTENT_VALUES_OFFSET = 24;
    static final int EXTENT_VALUES_CAPACITY = 32;
    static final int EXTENT_CHECKED = 40;
    static final int EXTENT_USED = 40;
    static final int EXTENT_NEXT = 48;
    static final int EXTENT_HEAD = 64;
    static final int EXTENTS_MOST = 32;

    // Record
    static final int RECORD_TYPE = 4;
    static final int RECORD_FLAGS = 6;
    static final int RECORD_CRC = 8;
    static final int RECORD_SLOT = 12;
    static final int RECORD_BODY = 16;
    static final int RECORD_CRITICAL = 1;

    static final int ORIGIN = 1;
    static final int FAMILY = 2;
    static final int SERIES = 3;
    static final int FOLDED = 4;

    static final int FAMILY_KIND = 16;
    static final int FAMILY_TYPE = 17;
    static final int FAMILY_COMBINATION = 18;
    static final int FAMILY_FLAGS = 19;
    static final int FAMILY_LABEL_COUNT = 20;
    static final int FAMILY_PARTS = 22;
    static final int FAMILY_CAPACITY = 24;
    static final int FAMILY_TEXTS = 32;
    static final int FAMILY_KEPT = 1;
    static final int SERIES_FAMILY = 16;
    static final int SERIES_VALUES = 20;

    // Slots. A latch is a sequence word and two buffers.
    static final int LATCH_BUFFERS = 8;
    static final long UNSET_FLOAT = 0x7ff8000000000001L;
    static final long UNSET_SIGNED = Long.MIN_VALUE;
    static final long UNSET_UNSIGNED = -1L;
    static final long UNSET_BOOLEAN = 2;
    static final long UNSET_TEXT = -1L;

    // Limits
    static final int TEXT_LENGTH_MOST = 65_535;
    static final int LABELS_MOST = 255;
    static final int PARTS_MOST = 65_535;
    static final int CAPACITY_MOST = 1 << 20;
    /** What every reader takes (FORMAT.md 3.16): a writer stays below it. */
    static final long WRITTEN_FILE_MOST = 16L << 20;
    /** What this reader takes. */
    static final long READ_FILE_MOST = 32L << 20;
    /** Of version 1, whose fields are small and many (2.7). */
    static final long READ_FILE_1_MOST = 8L << 20;

    private Layout() { }

    /** The next multiple of 8. */
    static long padded(long size) {
        return (size + WORD - 1) & -WORD;
    }

    static long roundedUp(long size, long unit) {
        return (size + unit - 1) / unit * unit;
    }
}
