// What a strict parser says of a malformed file: one code of the closed list, and the place (FORMAT.md 1.3).

package mmstats;

/** A file that breaks a rule of the format. */
public final class FormatException extends Exception {
    private static final long serialVersionUID = 1;

    static final String TRUNCATED = "truncated";
    static final String UNSUPPORTED_VERSION = "unsupported-version";
    static final String UNKNOWN_TYPE = "unknown-type";
    static final String BAD_INDEX = "bad-index";
    static final String TRAILING_BYTES = "trailing-bytes";
    static final String BAD_MAGIC = "bad-magic";
    static final String BAD_CRC = "bad-crc";
    static final String BAD_CONTROL = "bad-control";
    static final String BAD_HEADER = "bad-header";
    static final String UNSUPPORTED_FEATURE = "unsupported-feature";
    static final String BAD_EXTENT = "bad-extent";
    static final String BAD_RECORD = "bad-record";
    static final String UNSUPPORTED_RECORD = "unsupported-record";
    static final String BAD_TEXT = "bad-text";
    static final String BAD_FAMILY = "bad-family";
    static final String BAD_SERIES = "bad-series";

    private final String code;
    private final long offset;

    FormatException(String code, long offset) {
        super(code + " at offset " + offset);
        this.code = code;
        this.offset = offset;
    }

    /** The code of the error, as FORMAT.md 1.3 lists it. */
    public String code() {
        return code;
    }

    /** Where in the file the error is. */
    public long offset() {
        return offset;
    }
}
