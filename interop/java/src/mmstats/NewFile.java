// A file that this process makes and writes (V1-W4 to V1-W6, V2-W9, V2-W10).
//
// Rule 1: it is complete and locked before it gets its name, by a link that fails where the name is taken; then the
//         next name is tried. Whatever fails, nothing is left behind.
// Rule 2: its space is reserved by writing zeros, since Java cannot ask for it otherwise: a full disk is an error
//         then, and no signal at a later store.
// Rule 3: Java has only a process's record lock, which is lost when any descriptor of the file is closed. So there is
//         one descriptor, for everything, until the end; and no operation on it can be interrupted (Uninterrupted).

package mmstats;

import java.io.Closeable;
import java.io.IOException;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;

final class NewFile implements Closeable {
    private static final int CHUNK = 1 << 16;
    private static final int NAMES_MOST = 100_000;
    private static final int WRITABLE_BY_OTHERS = 0002;
    private static final int STICKY = 01000;
    private static final String MODE = "rw-r--r--";

    /** Writes what a file has when it gets its name. */
    interface Content {
        void write(NewFile file) throws IOException;
    }

    private record Mapping(long from, ByteBuffer bytes) { }

    private final FileChannel channel;
    private final List<Mapping> mappings = new CopyOnWriteArrayList<>();
    private Path path;
    private Object key;
    private boolean locked;

    private NewFile(FileChannel channel) {
        this.channel = channel;
    }

    /** Make a file of zeros, have it filled, and give it this name or the next one that is free. */
    static NewFile create(Path wanted, long size, Content content) throws IOException {
        return Uninterrupted.call(() -> made(wanted.toAbsolutePath(), size, content));
    }

    private static NewFile made(Path wanted, long size, Content content) throws IOException {
        Path directory = wanted.getParent();
        if (directory == null) {
            throw new IOException("no name for a file: " + wanted);
        }
        checkDirectory(directory);
        Path temporary = directory.resolve(".mmstats-" + HexFormat.of().formatHex(random(8)) + ".tmp");
        Set<OpenOption> options = Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.READ,
                StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
        FileChannel channel = FileChannel.open(temporary, options,
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(MODE)));
        NewFile file = new NewFile(channel);
        try {
            file.reserve(0, size);
            file.lock();
            content.write(file);
            file.key = Files.readAttributes(temporary, BasicFileAttributes.class).fileKey();
            OwnFiles.add(file.key, file.new Lent());
            file.path = linked(wanted, temporary);
            return file;
        } catch (IOException | RuntimeException | Error failure) {
            file.close();
            throw failure;
        } finally {
            Files.deleteIfExists(temporary);
        }
    }

    static byte[] random(int size) {
        byte[] bytes = new byte[size];
        new SecureRandom().nextBytes(bytes);
        return bytes;
    }

    private static void checkDirectory(Path directory) throws IOException {
        int mode = ((Number) Files.getAttribute(directory, "unix:mode")).intValue();
        if ((mode & WRITABLE_BY_OTHERS) != 0 && (mode & STICKY) == 0) {
            throw new IOException("everybody can replace files there: " + directory);
        }
    }

    private void lock() {
        try {
            locked = channel.tryLock() != null;
        } catch (IOException | UnsupportedOperationException none) {
            locked = false;
        }
    }

    private static Path linked(Path wanted, Path temporary) throws IOException {
        for (int number = 0; number < NAMES_MOST; number++) {
            Path path = wanted.resolveSibling(numbered(wanted.getFileName().toString(), number));
            try {
                return Files.createLink(path, temporary);
            } catch (FileAlreadyExistsException taken) {
                continue;
            } catch (UnsupportedOperationException noLinks) {
                throw new IOException("no links in this file system", noLinks);
            }
        }
        throw new IOException("too many files of this name: " + wanted);
    }

    /** The name, or the name with a number before its extension (V1-W4). */
    static String numbered(String name, int number) {
        if (number == 0) {
            return name;
        }
        int begin = 0;
        while (begin < name.length() && name.charAt(begin) == '.') {
            begin++;
        }
        int dot = name.lastIndexOf('.');
        int end = dot < begin ? name.length() : dot;
        return name.substring(0, end) + "-" + number + name.substring(end);
    }

    boolean isLocked() {
        return locked;
    }

    Path path() {
        return path;
    }

    /** Reserve space at the end of the file, for real. */
    void extend(long from, long size) throws IOException {
        Uninterrupted.call(() -> {
            reserve(from, size);
            return null;
        });
    }

    private void reserve(long from, long size) throws IOException {
        ByteBuffer zeros = ByteBuffer.allocateDirect(CHUNK);
        long end = from + size;
        for (long at = from; at < end; ) {
            zeros.clear().limit((int) Math.min(CHUNK, end - at));
            at += channel.write(zeros, at);
        }
    }

    ByteBuffer map(long from, long size) throws IOException {
        ByteBuffer bytes = Uninterrupted.call(() -> channel.map(FileChannel.MapMode.READ_WRITE, from, size));
        mappings.add(new Mapping(from, bytes));
        return bytes.order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Give up the lock and the descriptor. */
    @Override
    public void close() throws IOException {
        if (key != null) {
            OwnFiles.remove(key);
        }
        Uninterrupted.call(() -> {
            channel.close();
            return null;
        });
    }

    /**
     * The file for readers in this process: its mappings. They lie behind one another, so the last one ends where the
     * file does, as far as anything is there.
     */
    private final class Lent implements OpenFile.Source {
        @Override
        public int read(ByteBuffer into, long at) {
            // What one call reads comes after what the call before has read, as with calls of the system.
            VarHandle.loadLoadFence();
            for (Mapping mapping : mappings) {
                long from = at - mapping.from;
                if (from >= 0 && from < mapping.bytes.capacity()) {
                    int size = (int) Math.min(into.remaining(), mapping.bytes.capacity() - from);
                    into.put(mapping.bytes.slice((int) from, size));
                    return size;
                }
            }
            return -1;
        }

        @Override
        public long size() {
            VarHandle.loadLoadFence();
            Mapping last = mappings.get(mappings.size() - 1);
            return last.from + last.bytes.capacity();
        }

        @Override
        public void close() { }
    }
}
