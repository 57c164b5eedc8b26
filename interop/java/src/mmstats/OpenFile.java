// A file that is open for reading.
//
// Rule 1: nothing but a regular file is opened: a pipe would block, a device may do anything.
// Rule 2: a file that this process writes is never opened here, for closing it would take away its writer's lock. It
//         is read in its writer's mappings (OwnFiles).
// Rule 3: no more is read than a limit; a huge sparse file is an attack.

package mmstats;

import java.io.Closeable;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;

final class OpenFile implements Closeable {
    private static final int TRIES = 4;

    /** Reads bytes at a place into a buffer; gives their number, -1 at the end. */
    interface Source extends Closeable {
        int read(ByteBuffer into, long at) throws IOException;

        long size() throws IOException;
    }

    private record Descriptor(FileChannel channel) implements Source {
        @Override
        public int read(ByteBuffer into, long at) throws IOException {
            return channel.read(into, at);
        }

        @Override
        public long size() throws IOException {
            return channel.size();
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }

    private final Source source;
    private final Object key;
    private final ByteBuffer beginning = buffer(Layout.HEADER_SIZE + Layout.EXTENT_HEAD);

    private OpenFile(Source source, Object key) {
        this.source = source;
        this.key = key;
    }

    static OpenFile open(Path path) throws IOException {
        for (int i = 0; i < TRIES; i++) {
            Object key = regular(path);
            Source own = OwnFiles.find(key);
            if (own != null) {
                return new OpenFile(own, key);
            }
            FileChannel channel = FileChannel.open(path, StandardOpenOption.READ);
            Object then = keyOf(path);
            if (key.equals(then)) {
                return new OpenFile(new Descriptor(channel), key);
            }
            // Another file has taken the name meanwhile. Should it be one of this process, it stays open.
            if (then == null || OwnFiles.find(then) == null) {
                channel.close();
            } else {
                OwnFiles.keepOpen(channel);
            }
        }
        throw new IOException("replaced again and again: " + path);
    }

    private static Object regular(Path path) throws IOException {
        BasicFileAttributes attributes = Files.readAttributes(path, BasicFileAttributes.class);
        if (!attributes.isRegularFile()) {
            throw new FileNotFoundException("no regular file: " + path);
        }
        return attributes.fileKey();
    }

    private static Object keyOf(Path path) {
        try {
            return regular(path);
        } catch (IOException gone) {
            return null;
        }
    }

    /** Whether a path leads to this file, and the file can be read still. */
    boolean isAt(Path path) {
        // An interrupt closes a channel; the end of a writer in this process takes back what it lent.
        boolean readable = source instanceof Descriptor own ? own.channel.isOpen() : OwnFiles.find(key) == source;
        return readable && key.equals(keyOf(path));
    }

    static ByteBuffer buffer(int size) {
        return ByteBuffer.allocateDirect(size).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** The file's header and the head of its first extent, or what there is of them, by one call where it can be. */
    ByteBuffer beginning() throws IOException {
        beginning.clear();
        fill(beginning, 0);
        return beginning;
    }

    ByteBuffer copy() throws IOException {
        return copy(null);
    }

    /** A copy of the file as large as it is now, in this buffer if there is one that is large enough. */
    ByteBuffer copy(ByteBuffer reused) throws IOException {
        long size = source.size();
        if (size > Layout.READ_FILE_MOST) {
            throw new IOException("too large: " + size + " bytes");
        }
        ByteBuffer copy = reused != null && reused.capacity() >= size ? reused : buffer((int) size);
        copy.clear().limit((int) size);
        fill(copy, 0);
        return copy;
    }

    /** Read from a place on, as much as the buffer has room for and the file has; the limit tells how much. */
    void fill(ByteBuffer into, long at) throws IOException {
        int begin = into.position();
        while (into.hasRemaining()) {
            if (source.read(into, at + into.position() - begin) < 0) {
                break;
            }
        }
        into.flip();
    }

    @Override
    public void close() throws IOException {
        source.close();
    }
}
