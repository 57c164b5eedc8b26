// The test program `reader` (CONFORMANCE.md P-5, P-6).

package mmstats.programs;

import java.io.BufferedReader;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import mmstats.Document;
import mmstats.FormatException;
import mmstats.StatsReader;

public final class Reader {
    /** Reads a file, at rest or while it changes. */
    private interface Reading {
        Document read() throws IOException, FormatException;
    }

    private Reader() { }

    public static void main(String[] arguments) throws IOException {
        if (arguments.length == 2 && arguments[0].equals("--poll")) {
            poll(arguments[1]);
        } else if (arguments.length == 1) {
            System.exit(print(() -> StatsReader.read(path(arguments[0]))));
        } else {
            System.err.println("usage: reader [--poll] FILE");
            System.exit(2);
        }
    }

    /** A path; where the locale has not the characters of its name, there is no such file. */
    private static Path path(String name) throws FileNotFoundException {
        try {
            return Path.of(name);
        } catch (InvalidPathException unknown) {
            throw new FileNotFoundException(name);
        }
    }

    private static void poll(String name) throws IOException {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.ISO_8859_1));
        try (StatsReader reader = new StatsReader(path(name))) {
            while (lines.readLine() != null) {
                print(reader::poll);
            }
        }
    }

    private static int print(Reading reading) {
        try {
            Output.print(Documents.json(reading.read()));
            return Output.DONE;
        } catch (FormatException malformed) {
            Output.print(Output.object("error", malformed.code(), "offset", malformed.offset()));
        } catch (IOException unreadable) {
            Output.print(Output.object("error", "unreadable"));
        }
        return Output.REFUSED;
    }
}
