// The strict parser of version 1 (FORMAT.md 2.2 to 2.4).
//
// Rule 1: elements are checked in their order, first whether they are whole, then whether they obey (G-3).
// Rule 2: a length is compared with what is left before it is used (G-4).

package mmstats;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

final class Parser1 {
    static final int VERSION = 1;
    static final int ONE_BUFFER = 255;

    /** A field as it lies in the file; `index` is the write-buffer index. */
    record Placed(Document.Field field, int index) { }

    private final ByteBuffer file;
    private final int end;
    private int at = 1;

    private Parser1(ByteBuffer file) {
        this.file = file;
        this.end = file.limit();
    }

    /** The fields of a little-endian buffer whose first byte is 1. */
    static List<Placed> parse(ByteBuffer file) throws FormatException {
        Parser1 parser = new Parser1(file);
        List<Placed> fields = new ArrayList<>();
        while (parser.hasField()) {
            fields.add(parser.field());
        }
        parser.checkPadding();
        return fields;
    }

    private boolean hasField() throws FormatException {
        if (at == end || end - at == 1 && file.get(at) == 0) {
            return false;
        }
        need(2);
        return file.getShort(at) != 0;
    }

    private Placed field() throws FormatException {
        byte[] label = sized();
        need(2);
        int signatureAt = at + 2;
        byte[] signature = sized();
        FieldType type = FieldType.of(signature);
        if (type == null) {
            throw new FormatException(FormatException.UNKNOWN_TYPE, signatureAt);
        }
        need(1);
        int index = file.get(at) & 0xff;
        if (index > 1 && index != ONE_BUFFER) {
            throw new FormatException(FormatException.BAD_INDEX, at);
        }
        at++;
        boolean buffered = index != ONE_BUFFER;
        need(buffered ? 2L * type.size() : type.size());
        int published = buffered ? at + (1 - index) * type.size() : at;
        Value value = type.value(file, published);
        at += buffered ? 2 * type.size() : type.size();
        return new Placed(new Document.Field(new Value.Text(label), type.signature(), buffered, value), index);
    }

    /** A size of 16 bits, which is known to be there, and as many bytes. */
    private byte[] sized() throws FormatException {
        int size = file.getShort(at) & 0xffff;
        at += 2;
        need(size);
        byte[] bytes = new byte[size];
        file.get(at, bytes);
        at += size;
        return bytes;
    }

    private void need(long size) throws FormatException {
        if (size > end - at) {
            throw new FormatException(FormatException.TRUNCATED, at);
        }
    }

    private void checkPadding() throws FormatException {
        for (int i = at; i < end; i++) {
            if (file.get(i) != 0) {
                throw new FormatException(FormatException.TRAILING_BYTES, i);
            }
        }
    }
}
