// What a file says, apart from how it says it (FORMAT.md 1.4).

package mmstats;

import java.util.List;

/** The content of a statistics file. */
public sealed interface Document {

    record Version1(List<Field> fields) implements Document { }

    /** A field of version 1; the label is bytes that should be UTF-8. */
    record Field(Value.Text label, String signature, boolean buffered, Value value) { }

    record Version2(
            List<String> features, boolean closed, Origin writer, List<Metric> families, List<String> folded)
            implements Document { }

    /** Who writes; numbers are unsigned, ids are hexadecimal digits. */
    record Origin(
            String id, String app, String host, long created, long pid, long thread, long start, String boot,
            long namespace) { }

    record Metric(Family family, List<Sample> series) { }

    record Sample(List<String> labels, Value value) { }
}
