// The program exporter: OpenMetrics text of a directory (CONFORMANCE.md P-18).

package main

import (
	"bufio"
	"fmt"
	"os"

	"mmstats"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: exporter DIRECTORY")
		os.Exit(2)
	}
	directory := mmstats.OpenDirectory(os.Args[1])
	defer directory.Close()
	pass, err := directory.Pass()
	if err == nil {
		out := bufio.NewWriter(os.Stdout)
		if err = pass.WriteOpenMetrics(out); err == nil {
			err = out.Flush()
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		fmt.Println(`{"error": "unreadable"}`)
		os.Exit(1)
	}
}
