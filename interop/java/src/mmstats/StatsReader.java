// The reader: of a file at rest, and of one that changes (FORMAT.md 2.6, 3.9).
//
// Rule 1: a file is copied with read calls and never mapped, locked or written to (V1-R1).
// Rule 2: a poll reads a malformed file again before it calls it so (V1-R4, V2-R7).
// Rule 3: an open file counts only while its path leads to it (V2-R9).

package mmstats;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads a statistics file of version 1 or 2 again and again while its writer goes on. One thread at a time uses it.
 */
public final class StatsReader implements Closeable {
    private static final int TRIES = 3;

    private final Path path;
    private OpenFile file;
    private Live2 live;

    /** A reader of a path; nothing need be there yet. */
    public StatsReader(Path path) {
        this.path = path;
    }

    /**
     * The document of a file at rest.
     *
     * @throws FormatException the file is malformed
     * @throws IOException it cannot be read, is too large, or is no regular file
     */
    public static Document read(Path path) throws IOException, FormatException {
        ByteBuffer copy;
        try (OpenFile file = OpenFile.open(path)) {
            copy = file.copy();
        }
        if (version(copy) == Parser1.VERSION) {
            return document(Parser1.parse(small(copy)));
        }
        Parser2 parser = new Parser2();
        parser.parse(copy);
        return parser.document(copy);
    }

    /** A copy of version 1: its fields are small, and each is several objects. */
    static ByteBuffer small(ByteBuffer copy) throws IOException {
        if (copy.limit() > Layout.READ_FILE_1_MOST) {
            throw new IOException("too large for version 1: " + copy.limit() + " bytes");
        }
        return copy;
    }

    /**
     * What the file says now. Values that could not be confirmed are marked ({@link Value.Unconfirmed}).
     *
     * @throws FormatException the file is malformed
     * @throws IOException there is none, it is too large, or it is no regular file
     */
    public Document poll() throws IOException, FormatException {
        follow();
        for (int tries = 1; ; tries++) {
            try {
                return attempt();
            } catch (FormatException malformed) {
                live = null;
                if (tries == TRIES) {
                    throw malformed;
                }
            }
        }
    }

    private Document attempt() throws IOException, FormatException {
        if (version(file.beginning()) == Parser1.VERSION) {
            return document(Live1.confirmed(file));
        }
        if (live == null) {
            live = new Live2();
        }
        return live.poll(file);
    }

    private void follow() throws IOException {
        if (file != null && !file.isAt(path)) {
            close();
        }
        if (file == null) {
            file = OpenFile.open(path);
        }
    }

    @Override
    public void close() throws IOException {
        OpenFile open = file;
        file = null;
        live = null;
        if (open != null) {
            open.close();
        }
    }

    /** The version of a file, which is one that is known (G-1). */
    private static int version(ByteBuffer file) throws FormatException {
        if (file.limit() == 0) {
            throw new FormatException(FormatException.TRUNCATED, 0);
        }
        int version = file.get(0);
        if (version != Parser1.VERSION && version != Parser2.VERSION) {
            throw new FormatException(FormatException.UNSUPPORTED_VERSION, 0);
        }
        return version;
    }

    private static Document document(List<Parser1.Placed> fields) {
        List<Document.Field> found = new ArrayList<>(fields.size());
        for (Parser1.Placed placed : fields) {
            found.add(placed.field());
        }
        return new Document.Version1(found);
    }
}
