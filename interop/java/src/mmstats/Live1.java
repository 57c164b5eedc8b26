// Version 1 while it changes (FORMAT.md 2.6).
//
// Rule 1: a value is confirmed when two copies, one made wholly after the other, hold the same (V1-R2).
// Rule 2: what is not confirmed after a bounded number of copies is the last copy's, and marked (V1-R3).

package mmstats;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

final class Live1 {
    private static final int COPIES = 10;

    private Live1() { }

    static List<Parser1.Placed> confirmed(OpenFile file) throws IOException, FormatException {
        List<Parser1.Placed> last = copy(file);
        List<Parser1.Placed> confirmed = new ArrayList<>();
        boolean all = false;
        for (int copies = 2; copies <= COPIES && !all; copies++) {
            List<Parser1.Placed> now = copy(file);
            all = true;
            for (int i = 0; i < now.size(); i++) {
                if (i == confirmed.size()) {
                    confirmed.add(null);
                }
                boolean same = i < last.size() && now.get(i).equals(last.get(i));
                if (same) {
                    confirmed.set(i, now.get(i));
                } else if (!isStill(confirmed.get(i), now.get(i))) {
                    confirmed.set(i, null);
                }
                all &= confirmed.get(i) != null;
            }
            last = now;
        }
        for (int i = 0; i < last.size(); i++) {
            if (confirmed.get(i) == null) {
                confirmed.set(i, marked(last.get(i)));
            }
        }
        return confirmed.subList(0, last.size());
    }

    private static List<Parser1.Placed> copy(OpenFile file) throws IOException, FormatException {
        ByteBuffer copy = file.copy();
        if (copy.limit() == 0) {
            throw new FormatException(FormatException.TRUNCATED, 0);
        }
        return Parser1.parse(StatsReader.small(copy));
    }

    /** Whether a field that was confirmed is the same field still, whatever its value is now. */
    private static boolean isStill(Parser1.Placed confirmed, Parser1.Placed now) {
        return confirmed != null && confirmed.field().label().equals(now.field().label())
                && confirmed.field().signature().equals(now.field().signature());
    }

    private static Parser1.Placed marked(Parser1.Placed placed) {
        Document.Field field = placed.field();
        return new Parser1.Placed(new Document.Field(field.label(), field.signature(), field.buffered(),
                new Value.Unconfirmed(field.value())), placed.index());
    }
}
