// Going through the steps of a scenario (CONFORMANCE.md P-11).
//
// Rule 1: where a scenario is lies in a list of loops and not on a thread's stack, so that another thread can go on
//         with it (the step hand-over).
// Rule 2: what the library refuses is passed over (P-12).

package mmstats.programs;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;

final class Scenario {
    /** What the steps are done to. */
    interface Target {
        /** Do a step other than those that steer; `turn` is that of the innermost loop. */
        void step(Map<?, ?> step, long turn);

        /** This thread goes on with the file. */
        void handOver();

        void close() throws IOException;
    }

    private static final class Loop {
        final List<?> steps;
        final long times;
        long turn = 1;
        int next;

        /** Steps that are gone through so many times, 0 for ever. */
        Loop(List<?> steps, long times) {
            this.steps = steps;
            this.times = times;
        }
    }

    private final Target target;
    private final Deque<Loop> loops = new ArrayDeque<>();
    private final BufferedReader input =
            new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    private Throwable failure;

    Scenario(Target target, List<?> steps) {
        this.target = target;
        loops.push(new Loop(steps, 1));
    }

    /** Go through all steps, one thread after the other, and end the file. */
    void run() throws IOException {
        boolean again = goOn();
        while (again) {
            boolean[] more = new boolean[1];
            Thread thread = new Thread(() -> {
                try {
                    target.handOver();
                    more[0] = goOn();
                } catch (IOException | RuntimeException | Error thrown) {
                    failure = thrown;
                }
            });
            thread.start();
            try {
                thread.join();
            } catch (InterruptedException never) {
                throw new IllegalStateException(never);
            }
            if (failure != null) {
                throw new IllegalStateException(failure);
            }
            again = more[0];
        }
        target.close();
    }

    /** Go through steps up to the end, or to a hand-over, which is the answer. */
    private boolean goOn() throws IOException {
        while (!loops.isEmpty()) {
            Loop loop = loops.peek();
            if (loop.next == loop.steps.size()) {
                loop.next = 0;
                loop.turn++;
                if (loop.times != 0 && loop.turn > loop.times) {
                    loops.pop();
                }
                continue;
            }
            Map<?, ?> step = (Map<?, ?>) loop.steps.get(loop.next++);
            switch ((String) step.get("do")) {
                case "loop" -> enter(step);
                case "wait" -> pause(step);
                case "close" -> target.close();
                case "hand-over" -> {
                    return true;
                }
                default -> passOverRefusal(step, loop.turn);
            }
        }
        return false;
    }

    private void enter(Map<?, ?> step) {
        long times = integer(step.get("times"));
        loops.push(new Loop((List<?>) step.get("steps"), times));
    }

    private void pause(Map<?, ?> step) throws IOException {
        Output.print(Output.object("waiting", step.get("name")));
        input.readLine();
    }

    private void passOverRefusal(Map<?, ?> step, long turn) {
        try {
            target.step(step, turn);
        } catch (IllegalArgumentException | IllegalStateException refused) {
            System.err.println("passed over: " + step + ": " + refused.getMessage());
        }
    }

    /** The labels of a step; `#` becomes the number where there is one. */
    static String[] labels(Map<?, ?> step, String number) {
        List<?> list = step.get("labels") instanceof List<?> labels ? labels : List.of();
        String[] texts = new String[list.size()];
        for (int i = 0; i < texts.length; i++) {
            String text = (String) list.get(i);
            texts[i] = number == null ? text : text.replace("#", number);
        }
        return texts;
    }

    static long integer(Object number) {
        return number instanceof BigDecimal decimal ? decimal.longValueExact() : 0;
    }

    /** The N of {"turn": N} applied to a turn, or -1 where a value is not of this form. */
    static long turned(Object value, long turn) {
        if (!(value instanceof Map<?, ?> map) || !map.containsKey("turn")) {
            return -1;
        }
        long modulo = integer(map.get("turn"));
        return modulo == 0 ? turn : turn % modulo;
    }

    /** A float of a value: by its bits, or the turn. */
    static double real(Object value, long turned) {
        return turned >= 0 ? turned : Double.longBitsToDouble(HexFormat.fromHexDigitsToLong((String) value));
    }

    /** The text of a turn: its digits and a space, as often as they fit. */
    static String repeated(long turn, int capacity) {
        String once = turn + " ";
        return once.repeat(capacity / once.length());
    }

    /** The bytes of a TEXT: those of a string, or of {"hex": DIGITS}. */
    static byte[] bytes(Object text) {
        return text instanceof Map<?, ?> map ? HexFormat.of().parseHex((String) map.get("hex"))
                : ((String) text).getBytes(StandardCharsets.UTF_8);
    }
}
