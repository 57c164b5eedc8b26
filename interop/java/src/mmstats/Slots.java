// Values out of slots (FORMAT.md 3.7).
//
// Rule 1: a value is never an error: what makes no sense is unset (V2-33).

package mmstats;

import java.nio.ByteBuffer;

final class Slots {
    private Slots() { }

    /** Where, from the beginning of a latch, the buffer lies that a sequence word publishes. */
    static int published(Family family, long sequence) {
        return Layout.LATCH_BUFFERS + (int) (sequence & 1) * family.contentSize();
    }

    /** The value of a word, or of a buffer of a latch. */
    static Value content(Family family, ByteBuffer bytes, int at) {
        return switch (family.kind()) {
            case COUNTER -> family.type() == ValueType.UNSIGNED
                    ? new Value.Unsigned(bytes.getLong(at)) : new Value.Real(bytes.getLong(at));
            case GAUGE -> family.isLatch() ? dated(family, bytes, at) : word(family.type(), bytes.getLong(at));
            case UNKNOWN -> word(family.type(), bytes.getLong(at));
            case STATE_SET -> state(family, bytes.getLong(at));
            case TEXT -> text(family, bytes, at);
            case SUMMARY -> new Value.Summary(bytes.getLong(at), new Value.Real(bytes.getLong(at + Layout.WORD)),
                    word(ValueType.FLOAT, bytes.getLong(at + 2 * Layout.WORD)),
                    word(ValueType.FLOAT, bytes.getLong(at + 3 * Layout.WORD)),
                    word(ValueType.FLOAT, bytes.getLong(at + 4 * Layout.WORD)));
            case HISTOGRAM -> histogram(family, bytes, at);
        };
    }

    /** The word that says that there is no value. */
    static long unset(ValueType type) {
        return switch (type) {
            case UNSIGNED -> Layout.UNSET_UNSIGNED;
            case SIGNED -> Layout.UNSET_SIGNED;
            case FLOAT -> Layout.UNSET_FLOAT;
            case BOOLEAN -> Layout.UNSET_BOOLEAN;
            case TEXT -> Layout.UNSET_TEXT;
        };
    }

    private static Value word(ValueType type, long word) {
        if (word == unset(type)) {
            return null;
        }
        return switch (type) {
            case UNSIGNED, TEXT -> new Value.Unsigned(word);
            case SIGNED -> new Value.Signed(word);
            case FLOAT -> new Value.Real(word);
            case BOOLEAN -> word == 0 || word == 1 ? new Value.Truth(word == 1) : null;
        };
    }

    private static Value dated(Family family, ByteBuffer bytes, int at) {
        long time = bytes.getLong(at);
        return time == 0 ? null : new Value.Dated(time, word(family.type(), bytes.getLong(at + Layout.WORD)));
    }

    private static Value state(Family family, long number) {
        if (Long.compareUnsigned(number, family.states().size()) >= 0) {
            return null;
        }
        return new Value.Text(Utf8.encoded("state", family.states().get((int) number)));
    }

    private static Value text(Family family, ByteBuffer bytes, int at) {
        long length = bytes.getLong(at);
        if (length == Layout.UNSET_TEXT) {
            return null;
        }
        boolean fits = Long.compareUnsigned(length, family.capacity()) <= 0;
        byte[] text = new byte[fits ? (int) length : family.capacity()];
        bytes.get(at + Layout.WORD, text);
        return new Value.Text(text);
    }

    private static Value histogram(Family family, ByteBuffer bytes, int at) {
        long[] counts = new long[family.bounds().size() + 1];
        for (int i = 0; i < counts.length; i++) {
            counts[i] = bytes.getLong(at + Layout.WORD * (i + 1));
        }
        return new Value.Histogram(new Value.Real(bytes.getLong(at)), counts);
    }
}
