// The canonical JSON document (FORMAT.md 1.4), as maps and lists.

package mmstats.programs;

import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import mmstats.Document;
import mmstats.Family;
import mmstats.Value;

final class Documents {
    private Documents() { }

    static Object json(Document document) {
        if (document instanceof Document.Version1 one) {
            List<Object> fields = new ArrayList<>();
            for (Document.Field field : one.fields()) {
                fields.add(Output.object("label", json(field.label()), "type", field.signature(),
                        "buffered", field.buffered(), "value", json(field.value())));
            }
            return Output.object("version", 1, "fields", fields);
        }
        Document.Version2 two = (Document.Version2) document;
        List<Object> families = new ArrayList<>();
        for (Document.Metric metric : two.families()) {
            families.add(json(metric));
        }
        return Output.object("version", 2, "features", two.features(), "state", two.closed() ? "closed" : "live",
                "writer", json(two.writer()), "families", families, "folded", two.folded());
    }

    private static Object json(Document.Origin writer) {
        return Output.object("id", writer.id(), "app", writer.app(), "host", writer.host(),
                "created", unsigned(writer.created()), "pid", unsigned(writer.pid()),
                "thread", unsigned(writer.thread()), "start", unsigned(writer.start()), "boot", writer.boot(),
                "namespace", unsigned(writer.namespace()));
    }

    private static Object json(Document.Metric metric) {
        Family family = metric.family();
        List<Object> bounds = new ArrayList<>();
        for (double bound : family.bounds()) {
            bounds.add(real(Double.doubleToRawLongBits(bound)));
        }
        List<Object> series = new ArrayList<>();
        for (Document.Sample sample : metric.series()) {
            series.add(Output.object("labels", sample.labels(), "value", json(sample.value())));
        }
        return Output.object("name", family.name(), "kind", word(family.kind()), "type", word(family.type()),
                "combination", word(family.combination()), "kept", family.kept(), "unit", family.unit(),
                "help", family.help(), "labels", family.labels(), "bounds", bounds, "states", family.states(),
                "capacity", Integer.toString(family.capacity()), "series", series);
    }

    /** The word of FORMAT.md for a constant: STATE_SET is a state set. */
    static String word(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }

    private static Object json(Value value) {
        if (value == null) {
            return null;
        } else if (value instanceof Value.Unsigned number) {
            return unsigned(number.bits());
        } else if (value instanceof Value.Signed number) {
            return Long.toString(number.number());
        } else if (value instanceof Value.Real number) {
            return real(number.bits());
        } else if (value instanceof Value.Truth truth) {
            return truth.is();
        } else if (value instanceof Value.Text text) {
            String string = text.string();
            return string != null ? string : Output.object("hex", HexFormat.of().formatHex(text.bytes()));
        } else if (value instanceof Value.Dated dated) {
            return Output.object("time", unsigned(dated.unixNanoseconds()), "value", json(dated.value()));
        } else if (value instanceof Value.Summary summary) {
            return Output.object("count", unsigned(summary.count()), "sum", json(summary.sum()),
                    "min", json(summary.min()), "max", json(summary.max()), "last", json(summary.last()));
        } else if (value instanceof Value.Histogram histogram) {
            List<Object> counts = new ArrayList<>();
            for (long count : histogram.counts()) {
                counts.add(unsigned(count));
            }
            return Output.object("sum", json(histogram.sum()), "counts", counts);
        }
        return Output.object("unconfirmed", json(((Value.Unconfirmed) value).value()));
    }

    private static String unsigned(long number) {
        return Long.toUnsignedString(number);
    }

    private static String real(long bits) {
        return HexFormat.of().toHexDigits(bits);
    }
}
