// A value of more than one word: two buffers, and a number that says which of them counts (V2-W2).
//
// Rule 1: W2.1 is the caller's: it brings `content` up to date, which no reader sees.
// Rule 2: the whole content is copied each time: an update that was broken off is repaired by the next one.

package mmstats;

/** A series whose value has several parts. */
public abstract sealed class Latch extends Series permits Gauge, TextValue, Summary, Histogram {
    /** The private copy of what a buffer holds, or of a word. */
    final long[] content;
    private final int size;
    private long sequence;

    Latch(Family family, Storage storage, int words) {
        super(family, storage);
        content = new long[words];
        size = family.contentSize();
    }

    @Override
    void storeFirst() {
        slot.putLong(at, sequence);
        copy(at + Layout.LATCH_BUFFERS);
        copy(at + Layout.LATCH_BUFFERS + size);
    }

    /** Copy the content into a buffer. */
    void copy(int to) {
        for (int i = 0; i < content.length; i++) {
            slot.putLong(to + Layout.WORD * i, content[i]);
        }
    }

    /** W2.2 to W2.5. */
    final void publish() {
        Words.fence();
        copy(at + Layout.LATCH_BUFFERS + (int) (sequence + 1 & 1) * size);
        Words.fence();
        sequence++;
        Words.store(slot, at, sequence);
    }
}
