// A field of version 1 that is written (FORMAT.md 2.3, V1-W1 to V1-W3).
//
// Rule 1: a value is stored in the buffer that the index names, then the other index is stored.
// Rule 2: integers wrap at their width; text is cut after a whole character, but refused before the file is made.
// Rule 3: what is stored comes from a private copy; the file is never read.

package mmstats;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** One field of a version 1 writer. What is set before the file is made is its first value. */
public final class Field {
    private final byte[] label;
    private final FieldType type;
    private final boolean buffered;
    /** The value, little-endian, as large as its type. */
    private final ByteBuffer value;
    private long integer;
    private double real;
    private int index;
    private boolean hasFirst;

    private StatsWriter1 writer;
    private ByteBuffer file;
    private int indexAt;

    Field(byte[] label, FieldType type, boolean buffered) {
        if (label.length == 0 || label.length > Layout.TEXT_LENGTH_MOST) {
            throw new IllegalArgumentException("a label of " + label.length + " bytes");
        }
        this.label = label.clone();
        this.type = type;
        this.buffered = buffered;
        this.value = ByteBuffer.allocate(type.size()).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Set an integer; it wraps at the width of the field. */
    public void set(long number) {
        check(FieldType.Sort.SIGNED, FieldType.Sort.UNSIGNED);
        integer = number;
        switch (type.size()) {
            case 1 -> value.put(0, (byte) number);
            case 2 -> value.putShort(0, (short) number);
            case 4 -> value.putInt(0, (int) number);
            default -> value.putLong(0, number);
        }
        store();
    }

    public void add(long number) {
        set(integer + number);
    }

    public void set(double number) {
        check(FieldType.Sort.FLOAT, FieldType.Sort.FLOAT);
        real = number;
        long bits = Double.doubleToRawLongBits(number);
        if (type.size() == Double.BYTES) {
            value.putLong(0, bits);
        } else {
            int narrowed = FieldType.narrowed(bits);
            value.putInt(0, narrowed);
            real = Float.intBitsToFloat(narrowed);
        }
        store();
    }

    public void add(double number) {
        set(real + number);
    }

    public void set(boolean is) {
        check(FieldType.Sort.BOOLEAN, FieldType.Sort.BOOLEAN);
        value.put(0, (byte) (is ? 1 : 0));
        store();
    }

    public void set(String text) {
        set(text.getBytes(StandardCharsets.UTF_8));
    }

    /** Set a text by its bytes, which should be UTF-8. */
    public void set(byte[] text) {
        check(FieldType.Sort.TEXT, FieldType.Sort.TEXT);
        if (writer == null && text.length > type.size()) {
            throw new IllegalArgumentException("text is longer than " + type.size() + " bytes");
        }
        value.put(0, type.filled(text));
        store();
    }

    private void check(FieldType.Sort one, FieldType.Sort other) {
        if (type.sort() != one && type.sort() != other) {
            throw new IllegalArgumentException("the field's type is " + type.signature());
        }
    }

    /** The bytes of the field in the file. */
    int size() {
        return 2 + label.length + 2 + type.signature().length() + 1 + (buffered ? 2 : 1) * type.size();
    }

    boolean hasFile() {
        return writer != null;
    }

    /** Write the field, whose buffers are still to have their first value, into a file that has no name yet. */
    void begin(StatsWriter1 owner, ByteBuffer mapped, int at) {
        byte[] signature = type.signature().getBytes(StandardCharsets.US_ASCII);
        mapped.position(at);
        mapped.putShort((short) label.length).put(label).putShort((short) signature.length).put(signature);
        indexAt = mapped.position();
        mapped.put(indexAt, (byte) (buffered ? 0 : Parser1.ONE_BUFFER));
        writer = owner;
        file = mapped;
        if (hasFirst) {
            store();
        }
    }

    private void store() {
        if (writer == null) {
            hasFirst = true;
        } else if (!writer.isClosed()) {
            publish();
        }
    }

    private void publish() {
        int to = indexAt + 1;
        if (!buffered) {
            storeAtOnce(to);
            return;
        }
        Words.fence();
        file.put(to + index * type.size(), value, 0, type.size());
        Words.fence();
        index = 1 - index;
        file.put(indexAt, (byte) index);
    }

    /** One store for what is as large as one. */
    private void storeAtOnce(int to) {
        switch (type.size()) {
            case 1 -> file.put(to, value.get(0));
            case 2 -> file.putShort(to, value.getShort(0));
            case 4 -> file.putInt(to, value.getInt(0));
            case 8 -> file.putLong(to, value.getLong(0));
            default -> file.put(to, value, 0, type.size());
        }
    }
}
