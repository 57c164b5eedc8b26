// The steps of a scenario of version 1 (CONFORMANCE.md P-9 to P-11).

package mmstats.programs;

import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import mmstats.Field;
import mmstats.StatsWriter1;

final class Target1 implements Scenario.Target {
    private record Known(Field field, String signature) {
        /** The bytes of a text's buffer. */
        int capacity() {
            boolean sized = signature.endsWith("s");
            return sized ? Integer.parseInt(signature.substring(0, signature.length() - 1)) : 1;
        }
    }

    private final Map<Object, Known> fields = new HashMap<>();
    private final StatsWriter1 writer;

    Target1(Map<?, ?> scenario, Path path) throws IOException {
        StatsWriter1.Builder builder = new StatsWriter1.Builder();
        for (Object each : (List<?>) scenario.get("fields")) {
            Map<?, ?> declared = (Map<?, ?>) each;
            String signature = (String) declared.get("type");
            Field field = builder.declare(Scenario.bytes(declared.get("label")), signature,
                    (Boolean) declared.get("buffered"));
            Known known = new Known(field, signature);
            if (declared.containsKey("value")) {
                set(known, declared.get("value"), 0);
            }
            fields.put(declared.get("label"), known);
        }
        writer = builder.create(path);
    }

    Path path() {
        return writer.path();
    }

    @Override
    public void step(Map<?, ?> step, long turn) {
        Known known = fields.get(step.get("name"));
        if (known == null) {
            throw new IllegalArgumentException("no such field");
        }
        switch ((String) step.get("do")) {
            case "set" -> set(known, step.get("value"), turn);
            case "inc" -> add(known, step.get("value"), turn);
            default -> throw new IllegalArgumentException("not of version 1");
        }
    }

    private static void set(Known known, Object value, long turn) {
        long turned = Scenario.turned(value, turn);
        Field field = known.field();
        switch (known.signature()) {
            case "?" -> field.set(turned >= 0 ? turned != 0 : (Boolean) value);
            case "f", "d" -> field.set(Scenario.real(value, turned));
            case "b", "B", "h", "H", "i", "I", "l", "L", "q", "Q" -> field.set(integer(value, turned));
            default -> {
                if (turned >= 0) {
                    field.set(Scenario.repeated(turned, known.capacity()));
                } else {
                    field.set(Scenario.bytes(value));
                }
            }
        }
    }

    private static void add(Known known, Object value, long turn) {
        long turned = Scenario.turned(value, turn);
        if (known.signature().equals("f") || known.signature().equals("d")) {
            known.field().add(Scenario.real(value, turned));
        } else {
            known.field().add(integer(value, turned));
        }
    }

    private static long integer(Object value, long turned) {
        return turned >= 0 ? turned : new BigInteger((String) value).longValue();
    }

    /** Nothing in a file of version 1 says which thread writes it; another one just goes on. */
    @Override
    public void handOver() { }

    @Override
    public void close() throws IOException {
        writer.close();
    }
}
