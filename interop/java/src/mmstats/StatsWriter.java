// The writer of version 2 (FORMAT.md 3.8).
//
// Rule 1: one thread at a time uses a writer and its series; another one may go on with it after handOver.
// Rule 2: whatever is wrong with a declaration is an error when the writer is made, and leaves nothing on disk.

package mmstats;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Publishes statistics in a file. Make one with a {@link Builder}; end it with {@link #close}, after which the file
 * stays and says that it is closed.
 */
public final class StatsWriter implements Closeable {
    /** The most label sets of a metric that does not say otherwise. */
    public static final int LIMIT = 1000;

    /** What a file is made of. */
    public static final class Builder {
        private final Path path;
        private final String app;
        private final String host;
        private final Map<String, Family> families = new LinkedHashMap<>();
        private final List<Integer> limits = new ArrayList<>();

        /** A file of this name, or of the next one that is free. */
        public Builder(Path path, String app, String host) {
            this.path = path;
            this.app = app;
            this.host = host;
        }

        public Builder declare(Family family) {
            return declare(family, LIMIT);
        }

        /** Declare a metric, and the most label sets it may have; further ones are counted together. */
        public Builder declare(Family family, int limit) {
            family.check();
            if (families.putIfAbsent(family.name(), family) != null) {
                throw new IllegalArgumentException("declared twice: " + family.name());
            }
            limits.add(limit);
            return this;
        }

        /** Make the file. */
        public StatsWriter create() throws IOException {
            return new StatsWriter(this);
        }
    }

    private final Storage storage;
    private final Map<String, Metric<?>> metrics = new LinkedHashMap<>();

    private StatsWriter(Builder builder) throws IOException {
        Storage.Batch batch = new Storage.Batch().add(Records.origin(builder.app, builder.host));
        storage = new Storage();
        int number = 0;
        for (Family family : builder.families.values()) {
            add(family, builder.limits.get(number), batch);
            number++;
        }
        storage.create(builder.path, batch);
    }

    private Metric<?> add(Family family, int limit, Storage.Batch batch) {
        batch.add(Records.family(family));
        Metric<?> metric = new Metric<>(family, metrics.size(), limit, Series.typeOf(family), storage);
        metric.addOnly(batch);
        metrics.put(family.name(), metric);
        return metric;
    }

    /** Where the file is. */
    public Path path() {
        return storage.path();
    }

    public Metric<?> declare(Family family) {
        return declare(family, LIMIT);
    }

    /**
     * Add a metric to a file that is being read already.
     *
     * @throws IllegalStateException there is no room for it, or the writer is closed
     */
    public Metric<?> declare(Family family, int limit) {
        family.check();
        if (metrics.containsKey(family.name())) {
            throw new IllegalArgumentException("declared twice: " + family.name());
        }
        Storage.Batch batch = new Storage.Batch();
        Metric<?> metric = add(family, limit, batch);
        boolean published = false;
        try {
            published = storage.publish(batch);
        } finally {
            if (!published) {
                metrics.remove(family.name()); // else the number of the next one would be wrong
            }
        }
        if (!published) {
            throw new IllegalStateException("no room for " + family.name());
        }
        return metric;
    }

    /** The metric of this name, or null. */
    public Metric<?> metric(String name) {
        return metrics.get(name);
    }

    /** The metric of this name, whose series are of this type. */
    public <S extends Series> Metric<S> metric(Class<S> type, String name) {
        Metric<?> metric = metrics.get(name);
        if (metric == null) {
            throw new IllegalArgumentException("not declared: " + name);
        }
        return metric.as(type);
    }

    /**
     * The thread that calls this goes on with the writer of a thread that has ended (V2-W13): what the old one had set
     * is unset, but for gauges that are added up and for what is kept.
     */
    public void handOver() {
        if (!storage.ended()) {
            for (Metric<?> metric : metrics.values()) {
                if (!metric.family().kept()) {
                    metric.forget();
                }
            }
            storage.storeThread(ProcessInfo.thread());
        }
    }

    @Override
    public void close() throws IOException {
        storage.end();
    }
}
