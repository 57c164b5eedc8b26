// How the values of several writers become one (FORMAT.md 3.6).

package mmstats;

/** How several writers' values combine. The constants stand in the order of their codes, from 1. */
public enum Combination {
    SUM, MIN, MAX, LAST, ALL;

    private static final Combination[] EACH = values();

    int code() {
        return ordinal() + 1;
    }

    /** The combination of a code, or null. */
    static Combination of(int code) {
        return code < 1 || code > EACH.length ? null : EACH[code - 1];
    }
}
