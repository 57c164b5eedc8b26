// A counter of whole numbers: a word (V2-W1, V2-W14).
//
// Rule 1: it goes up, and begins again at 0 after 2^64 - 1. A negative increment is refused.

package mmstats;

/** Counts. */
public final class Counter extends Series {
    private long count;

    Counter(Family family, Storage storage) {
        super(family, storage);
    }

    @Override
    void storeFirst() {
        slot.putLong(at, count);
    }

    public void inc() {
        incUnsigned(1);
    }

    /** Count so many; not a negative number. */
    public void inc(long number) {
        if (number < 0) {
            throw new IllegalArgumentException("a counter never goes down: " + number);
        }
        incUnsigned(number);
    }

    /** Count so many, the number taken for an unsigned one. */
    public void incUnsigned(long number) {
        if (!ended()) {
            count += number;
            Words.store(slot, at, count);
        }
    }
}
