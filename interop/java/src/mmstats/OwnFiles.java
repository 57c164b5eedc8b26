// The files that this process is writing.
//
// Rule 1: a process loses its record lock on a file when any of its code opens and closes it (V2-W10). So readers of
//         this library look here before they open, and read such a file in its writer's mappings.

package mmstats;

import java.nio.channels.FileChannel;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;

final class OwnFiles {
    private static final Map<Object, OpenFile.Source> FILES = new ConcurrentHashMap<>();
    private static final Queue<FileChannel> KEPT = new ConcurrentLinkedQueue<>();

    private OwnFiles() { }

    static void add(Object key, OpenFile.Source source) {
        FILES.put(key, source);
    }

    static void remove(Object key) {
        FILES.remove(key);
    }

    /** A descriptor of such a file, opened by mistake: whoever closed it, the garbage collector too, would end the lock. */
    static void keepOpen(FileChannel channel) {
        KEPT.add(channel);
    }

    /** How to read the file of this key (device and inode), or null where this process does not write it. */
    static OpenFile.Source find(Object key) {
        return FILES.get(key);
    }
}
