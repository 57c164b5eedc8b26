// The program reader: the document of a file at rest, or, with --poll, that of
// a file that changes, once for each line of standard input (CONFORMANCE.md P-5, P-6).

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"mmstats"
)

func main() {
	arguments := os.Args[1:]
	poll := len(arguments) > 0 && arguments[0] == "--poll"
	if poll {
		arguments = arguments[1:]
	}
	if len(arguments) != 1 {
		fmt.Fprintln(os.Stderr, "usage: reader [--poll] FILE")
		os.Exit(2)
	}
	out := json.NewEncoder(os.Stdout)
	if !poll {
		document, err := mmstats.ReadFile(arguments[0])
		if err != nil {
			out.Encode(failure(err))
			os.Exit(1)
		}
		out.Encode(document)
		return
	}
	poller := mmstats.NewPoller(arguments[0])
	defer poller.Close()
	lines := bufio.NewReader(os.Stdin)
	for {
		if _, err := lines.ReadString('\n'); err != nil {
			return
		}
		if document, err := poller.Poll(); err != nil {
			out.Encode(failure(err))
		} else {
			out.Encode(document)
		}
	}
}

func failure(err error) any {
	var malformed *mmstats.FormatError
	if errors.As(err, &malformed) {
		return map[string]any{"error": malformed.Code, "offset": malformed.Offset}
	}
	return map[string]any{"error": "unreadable"}
}
