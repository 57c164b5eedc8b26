// Work on a channel that must not be closed by an interrupt.
//
// Rule 1: Java closes a channel when a thread is interrupted in an operation on it, and with the channel goes the
//         lock. So every operation on a writer's channel takes place in a short-lived thread that nobody knows.
// Rule 2: the interrupt is not lost: the caller's flag is set again.

package mmstats;

import java.io.IOException;

final class Uninterrupted {
    interface Work<T> {
        T done() throws IOException;
    }

    private static final class Worker<T> extends Thread {
        private final Work<T> work;
        private T result;
        private Throwable failure;

        Worker(Work<T> work) {
            super(null, null, "mmstats", 0, false);
            this.work = work;
            setDaemon(true);
        }

        @Override
        public void run() {
            try {
                result = work.done();
            } catch (IOException | RuntimeException | Error thrown) {
                failure = thrown;
            }
        }
    }

    private Uninterrupted() { }

    static <T> T call(Work<T> work) throws IOException {
        Worker<T> worker = new Worker<>(work);
        worker.start();
        boolean interrupted = false;
        while (worker.isAlive()) {
            try {
                worker.join();
            } catch (InterruptedException later) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        if (worker.failure instanceof IOException failure) {
            throw failure;
        } else if (worker.failure instanceof RuntimeException failure) {
            throw failure;
        } else if (worker.failure instanceof Error failure) {
            throw failure;
        }
        return worker.result;
    }
}
