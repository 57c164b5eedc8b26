// Records as bytes (FORMAT.md 3.5).
//
// Rule 1: what a record says was checked before; what a text cannot hold is refused here.

package mmstats;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

final class Records {
    private Records() { }

    static ByteBuffer origin(String app, String host) {
        List<byte[]> texts = List.of(Utf8.encoded("application", app), Utf8.encoded("host", host));
        ByteBuffer record = begun(Layout.ORIGIN, Layout.RECORD_BODY, 0, texts);
        return ended(record, Layout.RECORD_BODY, texts);
    }

    static ByteBuffer family(Family family) {
        int fixed = Layout.FAMILY_TEXTS + Layout.WORD * family.bounds().size();
        List<byte[]> texts = new ArrayList<>();
        texts.add(Utf8.encoded("name", family.name()));
        texts.add(Utf8.encoded("unit", family.unit()));
        texts.add(Utf8.encoded("help", family.help()));
        texts.addAll(encoded("label name", family.labels()));
        texts.addAll(encoded("state", family.states()));
        ByteBuffer record = begun(Layout.FAMILY, fixed, 0, texts);
        record.put(Layout.FAMILY_KIND, (byte) family.kind().code());
        record.put(Layout.FAMILY_TYPE, (byte) family.type().code());
        record.put(Layout.FAMILY_COMBINATION, (byte) family.combination().code());
        record.put(Layout.FAMILY_FLAGS, (byte) (family.kept() ? Layout.FAMILY_KEPT : 0));
        record.put(Layout.FAMILY_LABEL_COUNT, (byte) family.labels().size());
        record.putShort(Layout.FAMILY_PARTS, (short) (family.bounds().size() + family.states().size()));
        record.putInt(Layout.FAMILY_CAPACITY, family.capacity());
        int at = Layout.FAMILY_TEXTS;
        for (double bound : family.bounds()) {
            record.putDouble(at, bound);
            at += Layout.WORD;
        }
        return ended(record, fixed, texts);
    }

    static ByteBuffer series(int number, Family family, List<String> labels) {
        List<byte[]> texts = encoded("label value", labels);
        ByteBuffer record = begun(Layout.SERIES, Layout.SERIES_VALUES, family.slotSize(), texts);
        record.putInt(Layout.SERIES_FAMILY, number);
        return ended(record, Layout.SERIES_VALUES, texts);
    }

    private static List<byte[]> encoded(String what, List<String> texts) {
        List<byte[]> encoded = new ArrayList<>(texts.size());
        for (String text : texts) {
            encoded.add(Utf8.encoded(what, text));
        }
        return encoded;
    }

    private static ByteBuffer begun(int type, int fixed, int slot, List<byte[]> texts) {
        long size = fixed;
        for (byte[] text : texts) {
            size += 2 + text.length;
        }
        if (size > Layout.WRITTEN_FILE_MOST) {
            throw new IllegalArgumentException("a declaration of " + size + " bytes");
        }
        ByteBuffer record = ByteBuffer.allocate((int) Layout.padded(size)).order(ByteOrder.LITTLE_ENDIAN);
        record.putInt(0, record.capacity());
        record.putShort(Layout.RECORD_TYPE, (short) type);
        record.putInt(Layout.RECORD_SLOT, slot);
        return record;
    }

    private static ByteBuffer ended(ByteBuffer record, int textsAt, List<byte[]> texts) {
        record.position(textsAt);
        for (byte[] text : texts) {
            record.putShort((short) text.length).put(text);
        }
        record.clear();
        record.putInt(Layout.RECORD_CRC, Crc.of(record, 0, record.capacity(), Layout.RECORD_CRC));
        return record;
    }
}
