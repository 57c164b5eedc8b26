// The program folder: folds what dead writers left in a directory
// (CONFORMANCE.md P-19).

package main

import (
	"encoding/json"
	"fmt"
	"os"

	"mmstats"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: folder DIRECTORY")
		os.Exit(2)
	}
	out := json.NewEncoder(os.Stdout)
	done, err := mmstats.Fold(os.Args[1])
	if err != nil {
		out.Encode(map[string]any{"error": err.Error()})
		os.Exit(1)
	}
	out.Encode(map[string]any{"folded": done.Files, "removed": done.Removed, "archives": done.Archives})
}
