// A text: a latch of its length and its bytes.
//
// Rule 1: text beyond the capacity is cut after a whole character (V2-W14).

package mmstats;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** A text that is set. */
public final class TextValue extends Latch {
    private final byte[] bytes;

    TextValue(Family family, Storage storage) {
        super(family, storage, 1);
        bytes = new byte[family.contentSize() - Layout.WORD];
        content[0] = Layout.UNSET_TEXT;
    }

    @Override
    void copy(int to) {
        super.copy(to);
        slot.put(to + Layout.WORD, bytes);
    }

    /** Set the text; half a surrogate pair in it becomes a question mark. */
    public void set(String text) {
        byte[] encoded = text.getBytes(StandardCharsets.UTF_8);
        put(encoded, Utf8.cut(encoded, family.capacity()));
    }

    private void put(byte[] encoded, int length) {
        if (!ended()) {
            content[0] = length;
            System.arraycopy(encoded, 0, bytes, 0, length);
            Arrays.fill(bytes, length, bytes.length, (byte) 0);
            publish();
        }
    }

    /** As if it had never been set. */
    public void unset() {
        if (!ended()) {
            content[0] = Layout.UNSET_TEXT;
            publish();
        }
    }

    @Override
    void forget() {
        unset();
    }
}
