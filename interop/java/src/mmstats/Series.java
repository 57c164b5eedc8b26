// A series that is written: one slot of the file (FORMAT.md 3.7, V2-W1, V2-W2).
//
// Rule 1: what is stored comes from a private copy; the file is never read.
// Rule 2: a handle is kept by whoever updates: an update is a few stores, with no look-up and no system call.
// Rule 3: after the end of the writer an update changes nothing in the file.
// Rule 4: a series without a place in the file (there was no room) has one in memory that nobody reads.

package mmstats;

import java.nio.ByteBuffer;

/** One series of a metric. One thread at a time updates the series of a writer. */
public abstract sealed class Series permits Counter, FloatCounter, Latch {
    final Family family;
    private final Storage storage;
    ByteBuffer slot;
    int at;

    Series(Family family, Storage storage) {
        this.family = family;
        this.storage = storage;
    }

    /** Whether updates have an end: the writer is closed. */
    final boolean ended() {
        return storage.ended();
    }

    /** Take a slot, and store the first value there (V2-31): nobody can see it yet. */
    void begin(ByteBuffer place, int offset) {
        slot = place;
        at = offset;
        storeFirst();
    }

    abstract void storeFirst();

    /** As if it had never been set, for a new thread (V2-W13); what is never unset stays. */
    void forget() { }

    /** The class of the series of a family. */
    static Class<? extends Series> typeOf(Family family) {
        return switch (family.kind()) {
            case COUNTER -> family.type() == ValueType.FLOAT ? FloatCounter.class : Counter.class;
            case GAUGE, UNKNOWN -> switch (family.type()) {
                case FLOAT -> FloatGauge.class;
                case BOOLEAN -> BooleanGauge.class;
                default -> IntegerGauge.class;
            };
            case STATE_SET -> StateSet.class;
            case TEXT -> TextValue.class;
            case SUMMARY -> Summary.class;
            case HISTOGRAM -> Histogram.class;
        };
    }

    /** A new series of a family. */
    static Series of(Family family, Storage storage) {
        return switch (family.kind()) {
            case COUNTER -> family.type() == ValueType.FLOAT
                    ? new FloatCounter(family, storage) : new Counter(family, storage);
            case GAUGE, UNKNOWN -> switch (family.type()) {
                case FLOAT -> new FloatGauge(family, storage);
                case BOOLEAN -> new BooleanGauge(family, storage);
                default -> new IntegerGauge(family, storage);
            };
            case STATE_SET -> new StateSet(family, storage);
            case TEXT -> new TextValue(family, storage);
            case SUMMARY -> new Summary(family, storage);
            case HISTOGRAM -> new Histogram(family, storage);
        };
    }
}
