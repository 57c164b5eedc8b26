// The body of a record: texts and numbers, one after the other (V2-22, V2-23).
//
// Rule 1: what is taken is compared with what is left first; what is missing is an error of the whole record.
// Rule 2: whether bytes are text is asked after the body is known to be whole.

package mmstats;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

final class Body {
    private final ByteBuffer file;
    private final int record;
    private final int begin;
    private final int end;
    private int at;

    /** A record of so many bytes, whose fields of fixed size end at `fixed`. */
    Body(ByteBuffer file, int record, int size, int fixed) throws FormatException {
        this.file = file;
        this.record = record;
        this.end = record + size;
        this.at = record;
        take(fixed);
        this.begin = at;
    }

    private int take(long size) throws FormatException {
        if (size > end - at) {
            throw new FormatException(FormatException.BAD_RECORD, record);
        }
        int taken = at;
        at += (int) size;
        return taken;
    }

    byte[] text() throws FormatException {
        int length = file.getShort(take(2)) & 0xffff;
        int from = take(length);
        byte[] bytes = new byte[length];
        file.get(from, bytes);
        return bytes;
    }

    List<byte[]> texts(int count) throws FormatException {
        List<byte[]> texts = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            texts.add(text());
        }
        return texts;
    }

    List<Double> floats(int count) throws FormatException {
        int from = take((long) Double.BYTES * count);
        List<Double> floats = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            floats.add(file.getDouble(from + Double.BYTES * i));
        }
        return floats;
    }

    /** All bytes since the fields of fixed size, each a character: lengths and texts, so equal only where both are. */
    String sinceBegin() {
        byte[] bytes = new byte[at - begin];
        file.get(begin, bytes);
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }

    /** The fields end here: what is left is zeros up to a multiple of 8. */
    void end() throws FormatException {
        boolean sound = end - at < Layout.WORD;
        for (int i = at; sound && i < end; i++) {
            sound = file.get(i) == 0;
        }
        if (!sound) {
            throw new FormatException(FormatException.BAD_RECORD, record);
        }
    }

    String decoded(byte[] bytes) throws FormatException {
        String text = Utf8.decoded(bytes);
        if (text == null) {
            throw new FormatException(FormatException.BAD_TEXT, record);
        }
        return text;
    }

    List<String> decoded(List<byte[]> texts) throws FormatException {
        List<String> decoded = new ArrayList<>(texts.size());
        for (byte[] text : texts) {
            decoded.add(decoded(text));
        }
        return decoded;
    }
}
