// The program combiner: what the writers of a directory say together, once for
// each line of standard input (CONFORMANCE.md P-16, P-17).

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
	if len(os.Args) != 3 || os.Args[1] != "--poll" {
		fmt.Fprintln(os.Stderr, "usage: combiner --poll DIRECTORY")
		os.Exit(2)
	}
	out := json.NewEncoder(os.Stdout)
	directory := mmstats.OpenDirectory(os.Args[2])
	defer directory.Close()
	lines := bufio.NewReader(os.Stdin)
	for {
		if _, err := lines.ReadString('\n'); err != nil {
			return
		}
		pass, err := directory.Pass()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			out.Encode(map[string]any{"error": "unreadable"})
			os.Exit(1)
		}
		out.Encode(show(pass))
	}
}

func show(pass *mmstats.Pass) any {
	writers := map[string]mmstats.State{}
	for _, f := range pass.Files {
		writers[f.Name] = f.State
	}
	failures := map[string]string{}
	for name, err := range pass.Errors {
		var malformed *mmstats.FormatError
		failures[name] = "unreadable"
		if errors.As(err, &malformed) {
			failures[name] = malformed.Code
		}
	}
	totals, conflicts := pass.Totals()
	apart := []any{}
	for _, c := range conflicts {
		apart = append(apart, map[string]any{"name": c.Name, "files": []string{c.File, c.Other}})
	}
	return map[string]any{"writers": writers, "families": mmstats.CanonicalFamilies(totals), "errors": failures,
		"apart": apart, "complete": !pass.Marked}
}
