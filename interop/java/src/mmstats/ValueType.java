// The types of values of version 2 (FORMAT.md 3.6).

package mmstats;

/** What sort of value a family has. The constants stand in the order of their codes, from 1. */
public enum ValueType {
    UNSIGNED, SIGNED, FLOAT, BOOLEAN, TEXT;

    private static final ValueType[] ALL = values();

    int code() {
        return ordinal() + 1;
    }

    /** The type of a code, or null. */
    static ValueType of(int code) {
        return code < 1 || code > ALL.length ? null : ALL[code - 1];
    }
}
