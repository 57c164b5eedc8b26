// The time of day, as the format has it: nanoseconds since 1970.

package mmstats;

import java.time.Instant;

final class UnixTime {
    private static final long SECOND = 1_000_000_000L;

    private UnixTime() { }

    static long nanoseconds() {
        Instant now = Instant.now();
        return now.getEpochSecond() * SECOND + now.getNano();
    }
}
