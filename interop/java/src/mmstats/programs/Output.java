// What the programs print (CONFORMANCE.md P-1, P-2): one JSON value a line, in UTF-8, flushed.

package mmstats.programs;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

final class Output {
    static final int DONE = 0;
    static final int REFUSED = 1;
    static final int CANNOT = 3;

    private Output() { }

    static void print(Object value) {
        StringBuilder line = new StringBuilder();
        Json.write(line, value);
        byte[] bytes = line.append('\n').toString().getBytes(StandardCharsets.UTF_8);
        PrintStream out = System.out;
        out.write(bytes, 0, bytes.length);
        out.flush();
    }

    /** A JSON object of names and values by turns. */
    static Map<String, Object> object(Object... members) {
        Map<String, Object> map = new LinkedHashMap<>();
        for (int i = 0; i < members.length; i += 2) {
            map.put((String) members[i], members[i + 1]);
        }
        return map;
    }
}
