// The writer of version 1 (FORMAT.md 2.5).
//
// Rule 1: one thread at a time uses a writer and its fields.
// Rule 2: what is wrong with a field is an error when it is declared, before there is a file (V1-W8).
// Rule 3: a file is a whole number of pages of this machine (V1-11).

package mmstats;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Publishes fields in a file of version 1. Nothing can be added later. */
public final class StatsWriter1 implements Closeable {

    /** Collects the fields of a file. */
    public static final class Builder {
        private final List<Field> fields = new ArrayList<>();

        /** Declare a field; what is set before {@link #create} is its first value. */
        public Field declare(String label, String signature, boolean buffered) {
            return declare(label.getBytes(StandardCharsets.UTF_8), signature, buffered);
        }

        public Field declare(byte[] label, String signature, boolean buffered) {
            FieldType type = FieldType.of(signature.getBytes(StandardCharsets.UTF_8));
            if (type == null || type.size() > Layout.WRITTEN_FILE_MOST) {
                throw new IllegalArgumentException("no type: " + signature);
            }
            Field field = new Field(label, type, buffered);
            fields.add(field);
            return field;
        }

        /** Make the file, of this name or of the next one that is free. */
        public StatsWriter1 create(Path path) throws IOException {
            if (fields.stream().anyMatch(Field::hasFile)) {
                throw new IllegalStateException("these fields have a file");
            }
            return new StatsWriter1(path, fields);
        }
    }

    private final NewFile file;
    private boolean closed;

    private StatsWriter1(Path path, List<Field> fields) throws IOException {
        long need = 1;
        for (Field field : fields) {
            need += field.size();
        }
        long size = Layout.roundedUp(need, ProcessInfo.pageSize());
        if (size > Layout.WRITTEN_FILE_MOST) {
            throw new IllegalArgumentException("fields of more than " + need + " bytes");
        }
        file = NewFile.create(path, size, made -> {
            ByteBuffer mapped = made.map(0, size);
            mapped.put(0, (byte) Parser1.VERSION);
            int at = 1;
            for (Field field : fields) {
                field.begin(this, mapped, at);
                at += field.size();
            }
        });
    }

    /** Where the file is. */
    public Path path() {
        return file.path();
    }

    boolean isClosed() {
        return closed;
    }

    @Override
    public void close() throws IOException {
        if (!closed) {
            closed = true;
            file.close();
        }
    }
}
