// Version 2 while it changes (FORMAT.md 3.9).
//
// Rule 1: the words that lead to other bytes (state, used, next) are read in calls before the call that copies the
//         file, and take their places in the copy; the strict parser then sees no more than was published (V2-R2).
// Rule 2: records that were decoded in the copy before are not decoded again, if they are the same to the byte.
// Rule 3: latches are confirmed by three reads of them all, each in a call of its own: the number from the first and
//         the third, the buffer from the second; then, one by one, a bounded number of times more (V2-R4).
// Rule 4: a copy that is not confirmed is never shown. In its place stands what was confirmed last, marked (V2-R5).

package mmstats;

import java.io.IOException;
import java.nio.ByteBuffer;

final class Live2 {
    private static final int TRIES = 50;

    private ByteBuffer before;
    private ByteBuffer spare;
    private Parser2 parser;
    private final ByteBuffer head = OpenFile.buffer(Layout.EXTENT_HEAD);
    private final ByteBuffer word = OpenFile.buffer(Layout.WORD);
    /** The words read ahead: where they belong, and what they are. */
    private final long[] places = new long[2 + 2 * Layout.EXTENTS_MOST];
    private final long[] words = new long[places.length];
    private int ahead;

    // Copies of the range of the file that has all latches.
    private int latchesFrom;
    private ByteBuffer buffers;
    private ByteBuffer sequences;
    // Copy of a single latch.
    private ByteBuffer alone;

    Document.Version2 poll(OpenFile file) throws IOException, FormatException {
        readAhead(file);
        ByteBuffer copy = file.copy(spare);
        for (int i = 0; i < ahead; i++) {
            if (places[i] + Layout.WORD <= copy.limit()) {
                copy.putLong((int) places[i], words[i]);
            }
        }
        if (copy.limit() > 0 && copy.get(0) != Parser2.VERSION) {
            throw new FormatException(FormatException.UNSUPPORTED_VERSION, 0);
        }
        if (parser == null || !parser.continues(before, copy)) {
            parser = new Parser2();
        }
        parser.parse(copy);
        spare = before;
        before = copy;
        copyLatches(file);
        return parser.document(copy, new Confirming(file, copy));
    }

    private void readAhead(OpenFile file) throws IOException {
        ahead = 0;
        ByteBuffer beginning = file.beginning();
        if (beginning.limit() < Layout.HEADER_SIZE + Layout.EXTENT_HEAD) {
            return;
        }
        keep(Layout.HEADER_STATE, beginning.getLong(Layout.HEADER_STATE));
        ByteBuffer extent = beginning;
        int at = Layout.HEADER_SIZE;
        long offset = Layout.HEADER_SIZE;
        for (int extents = 1; ; extents++) {
            long next = extent.getLong(at + Layout.EXTENT_NEXT);
            long following = Control.number(next) * Layout.WORD;
            keep(offset + Layout.EXTENT_USED, following == 0 ? extent.getLong(at + Layout.EXTENT_USED)
                    : usedNow(file, offset));
            keep(offset + Layout.EXTENT_NEXT, next);
            // What is wrong here the strict parser will say; here it is enough that this ends.
            if (following <= offset || following > Layout.READ_FILE_MOST || extents == Layout.EXTENTS_MOST) {
                return;
            }
            offset = following;
            head.clear();
            file.fill(head, offset);
            if (head.limit() < Layout.EXTENT_HEAD) {
                return;
            }
            extent = head;
            at = 0;
        }
    }

    /** R2.5: an extent that has a next one gains nothing more, but the words of one call have no order. */
    private long usedNow(OpenFile file, long offset) throws IOException {
        word.clear();
        file.fill(word, offset + Layout.EXTENT_USED);
        return word.limit() == Layout.WORD ? word.getLong(0) : 0; // 0 is no sound control word: the file was cut
    }

    private void keep(long place, long value) {
        places[ahead] = place;
        words[ahead] = value;
        ahead++;
    }

    private void copyLatches(OpenFile file) throws IOException {
        if (parser.latches.isEmpty()) {
            return;
        }
        int from = Integer.MAX_VALUE;
        int end = 0;
        for (Parser2.Slot slot : parser.latches) {
            from = Math.min(from, slot.at);
            end = Math.max(end, slot.at + slot.family.slotSize());
        }
        latchesFrom = from;
        buffers = range(file, buffers, from, end);
        sequences = range(file, sequences, from, end);
    }

    private static ByteBuffer range(OpenFile file, ByteBuffer reused, int from, int end) throws IOException {
        int size = end - from;
        ByteBuffer copy = reused != null && reused.capacity() >= size ? reused : OpenFile.buffer(size);
        copy.clear().limit(size);
        file.fill(copy, from);
        return copy;
    }

    /** The values of latches, confirmed where that is possible. */
    private final class Confirming implements Parser2.Latches {
        private final OpenFile file;
        private final ByteBuffer first;

        Confirming(OpenFile file, ByteBuffer first) {
            this.file = file;
            this.first = first;
        }

        @Override
        public Value value(Parser2.Slot slot) {
            boolean sure = isConfirmed(slot);
            for (int i = 0; i < TRIES && !sure; i++) {
                sure = isConfirmedAlone(slot);
            }
            return sure && !parser.isUnordered() ? slot.confirmed : new Value.Unconfirmed(slot.confirmed);
        }

        private boolean isConfirmed(Parser2.Slot slot) {
            int at = slot.at - latchesFrom;
            if (at + slot.family.slotSize() > Math.min(buffers.limit(), sequences.limit())) {
                return false;
            }
            long sequence = first.getLong(slot.at);
            if (sequence != sequences.getLong(at)) {
                return false;
            }
            slot.confirmed = Slots.content(slot.family, buffers, at + Slots.published(slot.family, sequence));
            return true;
        }

        private boolean isConfirmedAlone(Parser2.Slot slot) {
            try {
                long sequence = sequence(slot);
                alone = range(file, alone, slot.at, slot.at + slot.family.slotSize());
                boolean whole = alone.limit() == slot.family.slotSize();
                if (!whole || sequence != sequence(slot)) {
                    return false;
                }
                slot.confirmed = Slots.content(slot.family, alone, Slots.published(slot.family, sequence));
                return true;
            } catch (IOException gone) {
                return false;
            }
        }

        private long sequence(Parser2.Slot slot) throws IOException {
            word.clear();
            file.fill(word, slot.at);
            return word.limit() == Layout.WORD ? word.getLong(0) : 0;
        }
    }
}
