// The test program `writer` (CONFORMANCE.md P-7 to P-15).
//
// Rule 1: Java cannot fork: a scenario with that step is declined before there is a file.

package mmstats.programs;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

public final class Writer {
    private static final int WRONG_USE = 2;

    private Writer() { }

    public static void main(String[] arguments) throws IOException {
        if (arguments.length != 2) {
            System.err.println("usage: writer SCENARIO FILE");
            System.exit(WRONG_USE);
        }
        Map<?, ?> scenario = (Map<?, ?>) Json.parse(Files.readString(Path.of(arguments[0])));
        List<?> steps = (List<?>) scenario.get("steps");
        if (forks(steps)) {
            Output.print(Output.object("cannot", "a process of Java does not fork"));
            System.exit(Output.CANNOT);
        }
        Scenario.Target target;
        Path path;
        try {
            if (Scenario.integer(scenario.get("version")) == 1) {
                Target1 one = new Target1(scenario, Path.of(arguments[1]));
                path = one.path();
                target = one;
            } else {
                Target2 two = new Target2(scenario, Path.of(arguments[1]));
                path = two.path();
                target = two;
            }
        } catch (IOException | IllegalArgumentException | ArithmeticException refused) {
            Output.print(Output.object("error", String.valueOf(refused)));
            System.exit(Output.REFUSED);
            return;
        }
        Output.print(Output.object("path", path.toString()));
        new Scenario(target, steps).run();
    }

    private static boolean forks(List<?> steps) {
        for (Object step : steps) {
            Map<?, ?> map = (Map<?, ?>) step;
            boolean inside = map.get("steps") instanceof List<?> inner && forks(inner);
            if (inside || "fork".equals(map.get("do"))) {
                return true;
            }
        }
        return false;
    }
}
