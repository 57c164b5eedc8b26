// The steps of a scenario of version 2 (CONFORMANCE.md P-8, P-10, P-11).
//
// Rule 1: the series of a step is looked up once, as a program would do it, so that loops are as fast as the library.

package mmstats.programs;

import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import mmstats.BooleanGauge;
import mmstats.Combination;
import mmstats.Counter;
import mmstats.Family;
import mmstats.FloatCounter;
import mmstats.FloatGauge;
import mmstats.Histogram;
import mmstats.IntegerGauge;
import mmstats.Kind;
import mmstats.Metric;
import mmstats.Series;
import mmstats.StateSet;
import mmstats.StatsWriter;
import mmstats.Summary;
import mmstats.TextValue;
import mmstats.ValueType;

final class Target2 implements Scenario.Target {
    private final Map<Map<?, ?>, Series> found = new IdentityHashMap<>();
    private final StatsWriter writer;

    Target2(Map<?, ?> scenario, Path path) throws IOException {
        StatsWriter.Builder builder =
                new StatsWriter.Builder(path, (String) scenario.get("app"), (String) scenario.get("host"));
        for (Object each : (List<?>) scenario.get("families")) {
            Map<?, ?> declared = (Map<?, ?>) each;
            builder.declare(family(declared), limit(declared));
        }
        writer = builder.create();
    }

    Path path() {
        return writer.path();
    }

    @Override
    public void step(Map<?, ?> step, long turn) {
        switch ((String) step.get("do")) {
            case "declare" -> {
                Map<?, ?> declared = (Map<?, ?>) step.get("family");
                writer.declare(family(declared), limit(declared));
            }
            case "series" -> metric(step).with(Scenario.labels(step, null));
            case "each" -> each(step);
            case "inc" -> inc(series(step), step.get("value"), turn);
            case "set" -> set(step, step.get("value"), turn);
            case "observe" -> observe(series(step), step.get("value"), turn);
            default -> throw new IllegalArgumentException("no such step");
        }
    }

    private Metric<?> metric(Map<?, ?> step) {
        Metric<?> metric = writer.metric((String) step.get("name"));
        if (metric == null) {
            throw new IllegalArgumentException("no such family");
        }
        return metric;
    }

    private Series series(Map<?, ?> step) {
        Series series = found.get(step);
        if (series == null) {
            series = metric(step).with(Scenario.labels(step, null));
            found.put(step, series);
        }
        return series;
    }

    private void each(Map<?, ?> step) {
        Metric<?> metric = metric(step);
        long to = Scenario.integer(step.get("to"));
        for (long number = Scenario.integer(step.get("from")); number <= to; number++) {
            metric.with(Scenario.labels(step, Long.toString(number)));
        }
    }

    private static void inc(Series series, Object value, long turn) {
        long turned = Scenario.turned(value, turn);
        if (series instanceof Counter counter) {
            counter.incUnsigned(turned >= 0 ? turned : unsigned(value));
        } else if (series instanceof FloatCounter counter) {
            counter.inc(Scenario.real(value, turned));
        } else if (series instanceof IntegerGauge gauge) {
            if (turned >= 0) {
                gauge.inc(turned);
            } else if (isLong(value)) {
                gauge.inc(integer(value).longValue());
            } else {
                gauge.incUnsigned(unsigned(value));
            }
        } else if (series instanceof FloatGauge gauge) {
            gauge.inc(Scenario.real(value, turned));
        } else {
            throw new IllegalArgumentException("nothing can be added");
        }
    }

    private void set(Map<?, ?> step, Object value, long turn) {
        Series series = series(step);
        long turned = Scenario.turned(value, turn);
        if (series instanceof IntegerGauge gauge) {
            if (turned >= 0) {
                gauge.set(turned);
            } else if (isLong(value)) {
                gauge.set(integer(value).longValue());
            } else {
                gauge.setUnsigned(unsigned(value));
            }
        } else if (series instanceof FloatGauge gauge) {
            gauge.set(Scenario.real(value, turned));
        } else if (series instanceof BooleanGauge gauge) {
            gauge.set(turned >= 0 ? turned != 0 : truth(value));
        } else if (series instanceof StateSet states) {
            if (turned >= 0) {
                states.set(Math.toIntExact(turned));
            } else {
                states.set((String) value);
            }
        } else if (series instanceof TextValue text) {
            text.set(turned >= 0 ? Scenario.repeated(turned, metric(step).family().capacity()) : (String) value);
        } else {
            throw new IllegalArgumentException("nothing can be set");
        }
    }

    private static void observe(Series series, Object value, long turn) {
        double number = Scenario.real(value, Scenario.turned(value, turn));
        if (series instanceof Summary summary) {
            summary.observe(number);
        } else if (series instanceof Histogram histogram) {
            histogram.observe(number);
        } else {
            throw new IllegalArgumentException("nothing can be observed");
        }
    }

    private static BigInteger integer(Object value) {
        if (!(value instanceof String digits)) {
            throw new IllegalArgumentException("no integer");
        }
        return new BigInteger(digits);
    }

    private static boolean isLong(Object value) {
        return integer(value).bitLength() < Long.SIZE;
    }

    private static long unsigned(Object value) {
        BigInteger number = integer(value);
        if (number.signum() < 0 || number.bitLength() > Long.SIZE) {
            throw new IllegalArgumentException("no unsigned number: " + number);
        }
        return number.longValue();
    }

    private static boolean truth(Object value) {
        if (!(value instanceof Boolean truth)) {
            throw new IllegalArgumentException("no boolean");
        }
        return truth;
    }

    private static int limit(Map<?, ?> declared) {
        return declared.containsKey("limit") ? (int) Scenario.integer(declared.get("limit")) : StatsWriter.LIMIT;
    }

    private static Family family(Map<?, ?> declared) {
        List<Double> bounds = new ArrayList<>();
        for (Object bound : (List<?>) declared.get("bounds")) {
            bounds.add(Scenario.real(bound, -1));
        }
        return new Family((String) declared.get("name"), Kind.valueOf(constant(declared, "kind")),
                ValueType.valueOf(constant(declared, "type")),
                Combination.valueOf(constant(declared, "combination")), (Boolean) declared.get("kept"),
                (String) declared.get("unit"), (String) declared.get("help"), texts(declared, "labels"), bounds,
                texts(declared, "states"), new BigInteger((String) declared.get("capacity")).intValueExact());
    }

    /** The name of the constant for a word of FORMAT.md. */
    private static String constant(Map<?, ?> declared, String key) {
        return ((String) declared.get(key)).toUpperCase(Locale.ROOT).replace(' ', '_');
    }

    private static List<String> texts(Map<?, ?> declared, String key) {
        List<String> texts = new ArrayList<>();
        for (Object text : (List<?>) declared.get(key)) {
            texts.add((String) text);
        }
        return texts;
    }

    @Override
    public void handOver() {
        writer.handOver();
    }

    @Override
    public void close() throws IOException {
        writer.close();
    }
}
