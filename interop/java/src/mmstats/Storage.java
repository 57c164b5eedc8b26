// The extents of a file that is being written: publication of records, and growth (V2-W3, V2-W4, V2-W8).
//
// Rule 1: nothing is stored where a reader may look but what V2-W1 to V2-W4 store last.
// Rule 2: a batch of records goes into one extent; where it does not fit the file grows, or the batch is refused. After
//         a refusal it is tried again no sooner than a while later: each try writes to the disk.
// Rule 3: after the end nothing is stored: whoever stores asks `ended` first (V2-W11).

package mmstats;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

final class Storage {
    private static final long PAUSE_NANOSECONDS = 1_000_000_000L;
    private static final int SPARE_LEAST = 512;

    /** Records that are published together, and the series whose slots some of them own. */
    static final class Batch {
        private final List<ByteBuffer> records = new ArrayList<>();
        private final List<Series> series = new ArrayList<>();
        private int metadata;
        private int values;

        Batch add(ByteBuffer record) {
            return add(record, null);
        }

        Batch add(ByteBuffer record, Series owner) {
            records.add(record);
            series.add(owner);
            metadata = Math.addExact(metadata, record.capacity());
            values = Math.addExact(values, owner == null ? 0 : owner.family.slotSize());
            return this;
        }
    }

    private final int page = ProcessInfo.pageSize();
    private NewFile file;
    private ByteBuffer header;
    private boolean ended;
    private long pausedUntil;
    private boolean paused;

    // The last extent: its mapping, where in it the extent begins, and where it ends in the file.
    private ByteBuffer extent;
    private int begin;
    private long end;
    private int used;
    private int metadataCapacity;
    private int slot;
    private int slotsEnd;

    /** Make a file that has these records when it gets its name. */
    void create(Path path, Batch batch) throws IOException {
        long thread = ProcessInfo.thread();
        long need = Layout.HEADER_SIZE + Layout.EXTENT_HEAD + batch.metadata + (long) batch.values;
        long size = Layout.roundedUp(need + Math.max(need / 2, 2 * SPARE_LEAST), page);
        if (size > Layout.WRITTEN_FILE_MOST) {
            throw new IllegalArgumentException("declarations of more than " + need + " bytes");
        }
        file = NewFile.create(path, size, made -> {
            ByteBuffer mapped = made.map(0, size);
            header = mapped;
            fillHeader(mapped, made.isLocked(), thread);
            begin(mapped, Layout.HEADER_SIZE, size, batch);
            store(batch);
        });
    }

    private static void fillHeader(ByteBuffer header, boolean locked, long thread) {
        header.putLong(0, Layout.MAGIC);
        header.putShort(Layout.HEADER_SIZE_AT, (short) Layout.HEADER_SIZE);
        header.putInt(Layout.HEADER_COMPATIBLE,
                locked ? Layout.COMPATIBLE_RECORD_LOCK : Layout.COMPATIBLE_NO_LOCK);
        header.put(Layout.HEADER_WRITER_ID, NewFile.random(Layout.ID_SIZE));
        header.putLong(Layout.HEADER_CREATED, UnixTime.nanoseconds());
        header.putLong(Layout.HEADER_PID, ProcessHandle.current().pid());
        header.putLong(Layout.HEADER_PROCESS_START, ProcessInfo.start());
        header.put(Layout.HEADER_BOOT_ID, ProcessInfo.bootId());
        header.putLong(Layout.HEADER_PID_NAMESPACE, ProcessInfo.namespace());
        header.putLong(Layout.HEADER_STATE, Control.word(Layout.STATE_LIVE));
        header.putLong(Layout.HEADER_THREAD, Control.word(thread));
        header.putInt(Layout.HEADER_CRC, Crc.of(header, 0, Layout.HEADER_CHECKED, Layout.HEADER_CRC));
    }

    /** Write the head of an extent that ends where its mapping ends, with room for a batch, and make it the last. */
    private void begin(ByteBuffer mapped, int at, long fileEnd, Batch batch) {
        int size = mapped.capacity() - at;
        int spare = size - Layout.EXTENT_HEAD - batch.metadata - batch.values;
        int metadata = batch.metadata + spare / 2 / Layout.WORD * Layout.WORD;
        int values = Layout.EXTENT_HEAD + metadata;
        mapped.putInt(at, Layout.EXTENT_TAG);
        mapped.putLong(at + Layout.EXTENT_SIZE, size);
        mapped.putLong(at + Layout.EXTENT_METADATA_CAPACITY, metadata);
        mapped.putLong(at + Layout.EXTENT_VALUES_OFFSET, values);
        mapped.putLong(at + Layout.EXTENT_VALUES_CAPACITY, size - values);
        mapped.putInt(at + Layout.EXTENT_CRC, Crc.of(mapped, at, Layout.EXTENT_CHECKED, Layout.EXTENT_CRC));
        mapped.putLong(at + Layout.EXTENT_USED, Control.word(0));
        mapped.putLong(at + Layout.EXTENT_NEXT, Control.word(0));
        extent = mapped;
        begin = at;
        end = fileEnd;
        used = 0;
        metadataCapacity = metadata;
        slot = at + values;
        slotsEnd = mapped.capacity();
    }

    Path path() {
        return file.path();
    }

    boolean ended() {
        return ended;
    }

    /** Publish records; false where there is no room for them. */
    boolean publish(Batch batch) {
        if (ended || !hasRoom(batch) && !grow(batch)) {
            return false;
        }
        store(batch);
        return true;
    }

    private boolean hasRoom(Batch batch) {
        return batch.metadata <= metadataCapacity - used && batch.values <= slotsEnd - slot;
    }

    private void store(Batch batch) {
        int at = begin + Layout.EXTENT_HEAD + used;
        for (int i = 0; i < batch.records.size(); i++) {
            Series owner = batch.series.get(i);
            if (owner != null) {
                owner.begin(extent, slot);
                slot += owner.family.slotSize();
            }
            ByteBuffer record = batch.records.get(i);
            extent.put(at, record, 0, record.capacity());
            at += record.capacity();
        }
        used += batch.metadata;
        Words.fence();
        Words.store(extent, begin + Layout.EXTENT_USED, Control.word(used / Layout.WORD));
    }

    private boolean grow(Batch batch) {
        if (paused && System.nanoTime() - pausedUntil < 0) {
            return false;
        }
        long need = (long) Layout.EXTENT_HEAD + batch.metadata + batch.values;
        long size = Math.max(end, Layout.roundedUp(need, page));
        if (end + size > Layout.WRITTEN_FILE_MOST) {
            return false;
        }
        ByteBuffer before = extent;
        int link = begin + Layout.EXTENT_NEXT;
        long at = end;
        try {
            file.extend(at, size);
            ByteBuffer mapped = file.map(at, size);
            begin(mapped, 0, at + size, batch);
        } catch (IOException | OutOfMemoryError full) { // no room, or no thread or memory to make some
            pausedUntil = System.nanoTime() + PAUSE_NANOSECONDS;
            paused = true;
            return false;
        }
        Words.fence();
        Words.store(before, link, Control.word(at / Layout.WORD));
        paused = false;
        return true;
    }

    void storeThread(long thread) {
        Words.store(header, Layout.HEADER_THREAD, Control.word(thread));
    }

    /** The clean end; the file stays. */
    void end() throws IOException {
        if (!ended) {
            ended = true;
            Words.store(header, Layout.HEADER_STATE, Control.word(Layout.STATE_CLOSED));
            file.close();
        }
    }
}
