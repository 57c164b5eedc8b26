// What an update and a poll cost, beside an atomic increment: nanoseconds, the best of several runs, as JSON.
//
// Rule 1: each loop is warm before it is measured, and its results are used, so that none is optimised away.

package mmstats.programs;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import mmstats.Combination;
import mmstats.Counter;
import mmstats.Family;
import mmstats.FormatException;
import mmstats.Histogram;
import mmstats.StatsReader;
import mmstats.StatsWriter;
import mmstats.ValueType;

public final class Bench {
    private static final int RUNS = 5;
    private static final long RUN_NANOSECONDS = 100_000_000L;
    private static final long WARM_NANOSECONDS = 1_000_000_000L;
    private static final int COUNTERS = 60;
    private static final int GAUGES = 20;
    private static final int SUMMARIES = 10;
    private static final int HISTOGRAMS = 10;
    private static final double[] BOUNDS = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};

    /** Does something so many times. */
    private interface Work {
        void times(int number) throws IOException, FormatException;
    }

    private Bench() { }

    public static void main(String[] arguments) throws IOException, FormatException {
        if (arguments.length != 1) {
            System.err.println("usage: bench DIRECTORY");
            System.exit(2);
        }
        StatsWriter.Builder builder =
                new StatsWriter.Builder(Path.of(arguments[0], "bench.mmstats"), "bench", "here");
        for (int i = 0; i < COUNTERS; i++) {
            builder.declare(Family.counter("counter " + i));
        }
        for (int i = 0; i < GAUGES; i++) {
            builder.declare(Family.gauge("gauge " + i, ValueType.FLOAT, Combination.ALL));
        }
        for (int i = 0; i < SUMMARIES; i++) {
            builder.declare(Family.summary("summary " + i));
        }
        for (int i = 0; i < HISTOGRAMS; i++) {
            builder.declare(Family.histogram("histogram " + i, BOUNDS));
        }
        StatsWriter writer = builder.create();
        try (writer) {
            Counter counter = writer.metric(Counter.class, "counter 0").with();
            Histogram histogram = writer.metric(Histogram.class, "histogram 0").with();
            Map<String, Object> results = Output.object("atomic", atomic(), "counter", counter(counter),
                    "histogram", histogram(histogram));
            // A reader in this process would look into the mappings of a live writer; others read with calls.
            writer.close();
            results.put("poll", poll(writer.path()));
            Output.print(results);
        } finally {
            Files.delete(writer.path());
        }
    }

    private static double atomic() throws IOException, FormatException {
        AtomicLong atomic = new AtomicLong();
        return best(number -> {
            for (int i = 0; i < number; i++) {
                atomic.getAndAdd(1);
            }
        });
    }

    private static double counter(Counter counter) throws IOException, FormatException {
        return best(number -> {
            for (int i = 0; i < number; i++) {
                counter.inc();
            }
        });
    }

    private static double histogram(Histogram histogram) throws IOException, FormatException {
        double[] values = new double[BOUNDS.length + 1];
        for (int i = 0; i < values.length; i++) {
            values[i] = i + 0.5;
        }
        return best(number -> {
            int next = 0;
            for (int i = 0; i < number; i++) {
                histogram.observe(values[next]);
                next = next + 1 == values.length ? 0 : next + 1;
            }
        });
    }

    private static double poll(Path path) throws IOException, FormatException {
        try (StatsReader reader = new StatsReader(path)) {
            return best(number -> {
                for (int i = 0; i < number; i++) {
                    reader.poll();
                }
            });
        }
    }

    private static double best(Work work) throws IOException, FormatException {
        int number = 1;
        long warm = System.nanoTime() + WARM_NANOSECONDS;
        for (long nanoseconds = 0; nanoseconds < RUN_NANOSECONDS || System.nanoTime() - warm < 0; ) {
            nanoseconds = took(work, number);
            number = nanoseconds < RUN_NANOSECONDS ? 2 * number : number;
        }
        long least = Long.MAX_VALUE;
        for (int run = 0; run < RUNS; run++) {
            long nanoseconds = took(work, number);
            while (nanoseconds < RUN_NANOSECONDS) {
                number = 2 * number;
                least = Long.MAX_VALUE;
                nanoseconds = took(work, number);
            }
            least = Math.min(least, nanoseconds);
        }
        return Math.round(100.0 * least / number) / 100.0;
    }

    private static long took(Work work, int number) throws IOException, FormatException {
        long begin = System.nanoTime();
        work.times(number);
        return System.nanoTime() - begin;
    }
}
