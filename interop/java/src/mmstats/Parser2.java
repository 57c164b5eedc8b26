// The strict parser of version 2 (FORMAT.md 3.3 to 3.6).
//
// Rule 1: checks are made in the order of V2-34; the first that fails is the error.
// Rule 2: numbers of 64 bits are compared as unsigned ones, and nothing is added up before it is known to be small.
// Rule 3: records that were decoded are not decoded again: `parse` goes on where it ended, in a later copy of the
//         same file, if `continues` said so. A parser whose `parse` failed is not used again.
// Rule 4: work and memory are linear in the size of the file (G-4). Equal label sets and names are found with sets of
//         strings: those stay fast where somebody chose texts of equal hash.

package mmstats;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;

final class Parser2 {
    static final int VERSION = 2;

    /** A series and where its slot is. */
    static final class Slot {
        final Family family;
        final List<String> labels;
        final int at;
        /** What a live reader confirmed last. */
        Value confirmed;

        Slot(Family family, List<String> labels, int at) {
            this.family = family;
            this.labels = labels;
            this.at = at;
        }
    }

    /** A family, and its series. */
    static final class Declared {
        final Family family;
        final List<Slot> slots = new ArrayList<>();
        private final HashSet<String> labelSets = new HashSet<>();

        Declared(Family family) {
            this.family = family;
        }
    }

    private static final class Extent {
        int at;
        int size;
        int metadataCapacity;
        int valuesCapacity;
        /** Where the next record is. */
        int record;
        /** Where the next slot is, and where the values area ends. */
        int slot;
        int slotsEnd;

        int metadata() {
            return at + Layout.EXTENT_HEAD;
        }
    }

    final List<Declared> families = new ArrayList<>();
    final List<Slot> latches = new ArrayList<>();
    private final List<Extent> extents = new ArrayList<>();
    private final HashSet<String> names = new HashSet<>();
    private final List<String> folded = new ArrayList<>();
    private String app;
    private String host;
    private int compatible;
    private boolean archive;
    private boolean closed;
    private ByteBuffer file;

    /** Decode a copy of a file: little-endian, its first byte 2. */
    void parse(ByteBuffer copy) throws FormatException {
        file = copy;
        header();
        long offset = Layout.HEADER_SIZE;
        for (int number = 0; offset != 0; number++) {
            if (number == extents.size()) {
                extents.add(head(offset));
            }
            Extent extent = extents.get(number);
            records(extent);
            offset = next(extent, number);
        }
        file = null;
    }

    /** Whether all that was decoded of one copy is in another too. */
    boolean continues(ByteBuffer before, ByteBuffer now) {
        if (now.limit() < Layout.HEADER_SIZE || !same(before, now, 0, Layout.HEADER_CHECKED)) {
            return false;
        }
        for (Extent extent : extents) {
            boolean whole = extent.at + extent.size <= now.limit();
            if (!whole || !same(before, now, extent.at, Layout.EXTENT_CHECKED)
                    || !same(before, now, extent.metadata(), extent.record - extent.metadata())) {
                return false;
            }
            long used = now.getLong(extent.at + Layout.EXTENT_USED);
            long next = now.getLong(extent.at + Layout.EXTENT_NEXT);
            boolean isLast = extent == extents.get(extents.size() - 1);
            boolean nextIsSame = isLast || next == before.getLong(extent.at + Layout.EXTENT_NEXT);
            long gained = Control.number(used) * Layout.WORD - (extent.record - extent.metadata());
            // An extent that has a next one gains nothing (R2.5).
            if (!Control.isSound(used) || gained < 0 || (gained > 0 && !isLast) || !nextIsSame) {
                return false;
            }
        }
        return true;
    }

    private static boolean same(ByteBuffer one, ByteBuffer other, int at, int size) {
        return one.slice(at, size).mismatch(other.slice(at, size)) < 0;
    }

    boolean isUnordered() {
        return (compatible & Layout.COMPATIBLE_UNORDERED) != 0;
    }

    /** The document of a file at rest, the values as in this copy. */
    Document.Version2 document(ByteBuffer copy) {
        return document(copy, null);
    }

    /** How a live reader shows a latch. */
    interface Latches {
        Value value(Slot slot);
    }

    Document.Version2 document(ByteBuffer copy, Latches latches) {
        List<Document.Metric> metrics = new ArrayList<>(families.size());
        for (Declared declared : families) {
            Family family = declared.family;
            List<Document.Sample> samples = new ArrayList<>(declared.slots.size());
            for (Slot slot : declared.slots) {
                Value value;
                if (!family.isLatch()) {
                    value = Slots.content(family, copy, slot.at);
                } else if (latches != null) {
                    value = latches.value(slot);
                } else {
                    int published = slot.at + Slots.published(family, copy.getLong(slot.at));
                    value = Slots.content(family, copy, published);
                }
                samples.add(new Document.Sample(slot.labels, value));
            }
            metrics.add(new Document.Metric(family, samples));
        }
        return new Document.Version2(features(), closed, origin(copy), metrics, List.copyOf(folded));
    }

    private List<String> features() {
        List<String> features = new ArrayList<>();
        if (archive) {
            features.add("archive");
        }
        String[] known = {"record lock", "write calls", "unordered", "no lock"};
        for (int bit = 0; bit < known.length; bit++) {
            if ((compatible >> bit & 1) != 0) {
                features.add(known[bit]);
            }
        }
        return features;
    }

    private Document.Origin origin(ByteBuffer copy) {
        return new Document.Origin(id(copy, Layout.HEADER_WRITER_ID), app, host, copy.getLong(Layout.HEADER_CREATED),
                copy.getLong(Layout.HEADER_PID), Control.number(copy.getLong(Layout.HEADER_THREAD)),
                copy.getLong(Layout.HEADER_PROCESS_START), id(copy, Layout.HEADER_BOOT_ID),
                copy.getLong(Layout.HEADER_PID_NAMESPACE));
    }

    private static String id(ByteBuffer copy, int at) {
        StringBuilder digits = new StringBuilder();
        for (int i = 0; i < Layout.ID_SIZE; i++) {
            int value = copy.get(at + i) & 0xff;
            digits.append(Character.forDigit(value >> 4, 16)).append(Character.forDigit(value & 15, 16));
        }
        return digits.toString();
    }

    private void header() throws FormatException {
        check(file.limit() >= Layout.HEADER_SIZE, FormatException.TRUNCATED, 0);
        check(file.getLong(0) == Layout.MAGIC, FormatException.BAD_MAGIC, 0);
        check(Crc.of(file, 0, Layout.HEADER_CHECKED, Layout.HEADER_CRC) == file.getInt(Layout.HEADER_CRC),
                FormatException.BAD_CRC, Layout.HEADER_CRC);
        check(file.getShort(Layout.HEADER_SIZE_AT) == Layout.HEADER_SIZE,
                FormatException.BAD_HEADER, Layout.HEADER_SIZE_AT);
        int incompatible = file.getInt(Layout.HEADER_INCOMPATIBLE);
        check((incompatible & ~Layout.INCOMPATIBLE_ARCHIVE) == 0,
                FormatException.UNSUPPORTED_FEATURE, Layout.HEADER_INCOMPATIBLE);
        long state = control(Layout.HEADER_STATE);
        check(state == Layout.STATE_LIVE || state == Layout.STATE_CLOSED,
                FormatException.BAD_HEADER, Layout.HEADER_STATE);
        control(Layout.HEADER_THREAD);
        archive = incompatible == Layout.INCOMPATIBLE_ARCHIVE;
        compatible = file.getInt(Layout.HEADER_COMPATIBLE);
        closed = state == Layout.STATE_CLOSED;
    }

    private Extent head(long offset) throws FormatException {
        long left = file.limit() - offset;
        check(left >= Layout.EXTENT_HEAD, FormatException.TRUNCATED, offset);
        int at = (int) offset;
        check(file.getInt(at) == Layout.EXTENT_TAG, FormatException.BAD_EXTENT, at);
        check(Crc.of(file, at, Layout.EXTENT_CHECKED, Layout.EXTENT_CRC) == file.getInt(at + Layout.EXTENT_CRC),
                FormatException.BAD_CRC, at + Layout.EXTENT_CRC);

        long size = file.getLong(at + Layout.EXTENT_SIZE);
        check(isMultipleIn(size, Layout.EXTENT_HEAD, -1), FormatException.BAD_EXTENT, at + Layout.EXTENT_SIZE);
        long metadata = file.getLong(at + Layout.EXTENT_METADATA_CAPACITY);
        check(isMultipleIn(metadata, 0, size - Layout.EXTENT_HEAD),
                FormatException.BAD_EXTENT, at + Layout.EXTENT_METADATA_CAPACITY);
        long values = file.getLong(at + Layout.EXTENT_VALUES_OFFSET);
        check(isMultipleIn(values, Layout.EXTENT_HEAD + metadata, size),
                FormatException.BAD_EXTENT, at + Layout.EXTENT_VALUES_OFFSET);
        long capacity = file.getLong(at + Layout.EXTENT_VALUES_CAPACITY);
        check(isMultipleIn(capacity, 0, size - values),
                FormatException.BAD_EXTENT, at + Layout.EXTENT_VALUES_CAPACITY);
        check(Long.compareUnsigned(size, left) <= 0, FormatException.TRUNCATED, at);

        Extent extent = new Extent();
        extent.at = at;
        extent.size = (int) size;
        extent.metadataCapacity = (int) metadata;
        extent.valuesCapacity = (int) capacity;
        extent.record = extent.metadata();
        extent.slot = at + (int) values;
        extent.slotsEnd = extent.slot + extent.valuesCapacity;
        return extent;
    }

    /** Whether a number is a multiple of 8 and not outside two others; -1 is the largest, as all are unsigned. */
    private static boolean isMultipleIn(long number, long least, long most) {
        return number % Layout.WORD == 0 && Long.compareUnsigned(number, least) >= 0
                && Long.compareUnsigned(number, most) <= 0;
    }

    private long next(Extent extent, int number) throws FormatException {
        int at = extent.at + Layout.EXTENT_NEXT;
        long next = control(at) * Layout.WORD;
        if (next != 0) {
            check(next >= (long) extent.at + extent.size, FormatException.BAD_EXTENT, at);
            check(number + 1 < Layout.EXTENTS_MOST, FormatException.BAD_EXTENT, at);
        }
        return next;
    }

    private void records(Extent extent) throws FormatException {
        int usedAt = extent.at + Layout.EXTENT_USED;
        long used = control(usedAt) * Layout.WORD;
        check(used <= extent.metadataCapacity, FormatException.BAD_EXTENT, usedAt);
        boolean first = extent.at == Layout.HEADER_SIZE;
        check(used > 0 || !first, FormatException.BAD_RECORD, extent.metadata());
        int end = extent.metadata() + (int) used;
        while (extent.record < end) {
            int at = extent.record;
            long size = end - at < Layout.RECORD_BODY ? 0 : file.getInt(at) & 0xffff_ffffL;
            check(size >= Layout.RECORD_BODY && size <= end - at && size % Layout.WORD == 0,
                    FormatException.BAD_RECORD, at);
            int slot = record(extent, at, (int) size, first);
            extent.record += (int) size;
            extent.slot += slot;
        }
    }

    /** Decode a record; gives the size of its slot. */
    private int record(Extent extent, int at, int size, boolean firstExtent) throws FormatException {
        check(Crc.of(file, at, size, Layout.RECORD_CRC) == file.getInt(at + Layout.RECORD_CRC),
                FormatException.BAD_CRC, at + Layout.RECORD_CRC);
        int type = file.getShort(at + Layout.RECORD_TYPE) & 0xffff;
        int slotAt = at + Layout.RECORD_SLOT;
        long slot = file.getInt(slotAt) & 0xffff_ffffL;
        check(slot % Layout.WORD == 0 && slot <= extent.slotsEnd - extent.slot, FormatException.BAD_RECORD, slotAt);
        boolean hasNone = type == Layout.ORIGIN || type == Layout.FAMILY || type == Layout.FOLDED;
        check(slot == 0 || !hasNone, FormatException.BAD_RECORD, slotAt);
        boolean isFirst = firstExtent && at == extent.metadata();
        check(isFirst == (type == Layout.ORIGIN), FormatException.BAD_RECORD, at);

        switch (type) {
            case Layout.ORIGIN -> origin(at, size);
            case Layout.FAMILY -> family(at, size);
            case Layout.SERIES -> series(extent, at, size, (int) slot);
            case Layout.FOLDED -> folded(at, size);
            default -> check((file.getShort(at + Layout.RECORD_FLAGS) & Layout.RECORD_CRITICAL) == 0,
                    FormatException.UNSUPPORTED_RECORD, at);
        }
        return (int) slot;
    }

    private void origin(int at, int size) throws FormatException {
        Body body = new Body(file, at, size, Layout.RECORD_BODY);
        byte[] appBytes = body.text();
        byte[] hostBytes = body.text();
        body.end();
        app = body.decoded(appBytes);
        host = body.decoded(hostBytes);
    }

    private void folded(int at, int size) throws FormatException {
        check(archive, FormatException.BAD_RECORD, at);
        Body body = new Body(file, at, size, Layout.RECORD_BODY + Layout.ID_SIZE);
        body.end();
        folded.add(id(file, at + Layout.RECORD_BODY));
    }

    private void family(int at, int size) throws FormatException {
        Body body = new Body(file, at, size, Layout.FAMILY_TEXTS);
        Kind kind = Kind.of(file.get(at + Layout.FAMILY_KIND) & 0xff);
        int parts = file.getShort(at + Layout.FAMILY_PARTS) & 0xffff;
        List<Double> bounds = body.floats(kind == Kind.HISTOGRAM ? parts : 0);
        byte[] nameBytes = body.text();
        byte[] unitBytes = body.text();
        byte[] helpBytes = body.text();
        List<byte[]> labelBytes = body.texts(file.get(at + Layout.FAMILY_LABEL_COUNT) & 0xff);
        List<byte[]> stateBytes = body.texts(kind == Kind.STATE_SET ? parts : 0);
        body.end();
        String name = body.decoded(nameBytes);
        String unit = body.decoded(unitBytes);
        String help = body.decoded(helpBytes);
        List<String> labels = body.decoded(labelBytes);
        List<String> states = body.decoded(stateBytes);

        ValueType type = ValueType.of(file.get(at + Layout.FAMILY_TYPE) & 0xff);
        Combination combination = Combination.of(file.get(at + Layout.FAMILY_COMBINATION) & 0xff);
        check(kind != null, FormatException.BAD_FAMILY, at + Layout.FAMILY_KIND);
        check(type != null && kind.allows(type), FormatException.BAD_FAMILY, at + Layout.FAMILY_TYPE);
        check(combination != null && kind.allows(type, combination),
                FormatException.BAD_FAMILY, at + Layout.FAMILY_COMBINATION);
        boolean kept = (file.get(at + Layout.FAMILY_FLAGS) & Layout.FAMILY_KEPT) != 0;
        int capacity = file.getInt(at + Layout.FAMILY_CAPACITY);
        Family family = new Family(name, kind, type, combination, kept, unit, help, labels, bounds, states, capacity);
        check(family.hasSoundNames(), FormatException.BAD_FAMILY, at);
        check(family.hasSoundParts(parts), FormatException.BAD_FAMILY, at);
        check(names.add(name), FormatException.BAD_FAMILY, at);
        families.add(new Declared(family));
    }

    private void series(Extent extent, int at, int size, int slot) throws FormatException {
        Body body = new Body(file, at, size, Layout.SERIES_VALUES);
        long number = file.getInt(at + Layout.SERIES_FAMILY) & 0xffff_ffffL;
        check(number < families.size(), FormatException.BAD_SERIES, at + Layout.SERIES_FAMILY);
        Declared declared = families.get((int) number);
        List<byte[]> values = body.texts(declared.family.labels().size());
        String key = body.sinceBegin();
        body.end();
        List<String> labels = body.decoded(values);
        check(slot == declared.family.slotSize(), FormatException.BAD_SERIES, at + Layout.RECORD_SLOT);
        check(declared.labelSets.add(key), FormatException.BAD_SERIES, at);
        Slot found = new Slot(declared.family, labels, extent.slot);
        declared.slots.add(found);
        if (declared.family.isLatch()) {
            latches.add(found);
        }
    }

    /** The number of a control word. */
    private long control(int at) throws FormatException {
        long word = file.getLong(at);
        check(Control.isSound(word), FormatException.BAD_CONTROL, at);
        return Control.number(word);
    }

    private static void check(boolean holds, String code, long offset) throws FormatException {
        if (!holds) {
            throw new FormatException(code, offset);
        }
    }
}
