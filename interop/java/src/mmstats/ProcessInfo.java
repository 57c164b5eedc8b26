// What the header says of this process (FORMAT.md 3.3), as /proc tells it.
//
// Rule 1: what cannot be found out is 0, and never an error.

package mmstats;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;

final class ProcessInfo {
    /** Where, behind the name in parentheses, the start stands in /proc/self/stat. */
    private static final int START_FIELD = 20;
    private static final int AUXILIARY_PAGE_SIZE = 6;
    /** A multiple of the pages of all usual machines. */
    private static final int PAGE_SIZE_ELSE = 65536;

    private ProcessInfo() { }

    /** Clock ticks from the boot to the start of this process. */
    static long start() {
        try {
            String stat = Files.readString(Path.of("/proc/self/stat"), StandardCharsets.ISO_8859_1);
            String[] fields = stat.substring(stat.lastIndexOf(')') + 1).split(" ");
            return Long.parseUnsignedLong(fields[START_FIELD]);
        } catch (IOException | RuntimeException unknown) {
            return 0;
        }
    }

    static byte[] bootId() {
        try {
            String id = Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).strip().replace("-", "");
            byte[] bytes = HexFormat.of().parseHex(id);
            return bytes.length == Layout.ID_SIZE ? bytes : new byte[Layout.ID_SIZE];
        } catch (IOException | RuntimeException unknown) {
            return new byte[Layout.ID_SIZE];
        }
    }

    /** The inode number of the pid namespace. */
    static long namespace() {
        try {
            return ((Number) Files.getAttribute(Path.of("/proc/self/ns/pid"), "unix:ino")).longValue();
        } catch (IOException | RuntimeException unknown) {
            return 0;
        }
    }

    /** The operating system's id of the thread that asks. */
    static long thread() {
        try {
            Path task = Files.readSymbolicLink(Path.of("/proc/thread-self"));
            return Long.parseLong(task.getFileName().toString());
        } catch (IOException | RuntimeException unknown) {
            return 0;
        }
    }

    /** The size of a page of this machine, which Java itself does not tell. */
    static int pageSize() {
        try {
            ByteBuffer entries = ByteBuffer.wrap(Files.readAllBytes(Path.of("/proc/self/auxv")))
                    .order(ByteOrder.nativeOrder());
            while (entries.remaining() >= 2 * Long.BYTES) {
                long type = entries.getLong();
                long value = entries.getLong();
                if (type == AUXILIARY_PAGE_SIZE && Long.bitCount(value) == 1 && value <= PAGE_SIZE_ELSE) {
                    return (int) value;
                }
            }
        } catch (IOException unknown) {
            // The other size is right too.
        }
        return PAGE_SIZE_ELSE;
    }
}
