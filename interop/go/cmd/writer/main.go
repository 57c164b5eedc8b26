// The program writer: makes a file and updates it as a scenario says
// (CONFORMANCE.md P-7 to P-15).

package main

import (
	"encoding/json"
	"fmt"
	"os"
)

const (
	statusRefused = 1
	statusUsage   = 2
	statusCannot  = 3
)

var out = json.NewEncoder(os.Stdout)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: writer SCENARIO FILE")
		os.Exit(statusUsage)
	}
	b, err := os.ReadFile(os.Args[1])
	var s scenario
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(statusUsage)
	}
	if forks(s.Steps) {
		out.Encode(map[string]any{"cannot": "a Go program cannot fork: the child would have one of the runtime's threads"})
		os.Exit(statusCannot)
	}
	r := runner{worker: newWorker(), families: map[string]declared{}}
	r.worker.do(func() { err = r.create(&s, os.Args[2]) })
	if err != nil {
		out.Encode(map[string]any{"error": err.Error()})
		os.Exit(statusRefused)
	}
	out.Encode(map[string]any{"path": r.file.Path()})
	r.run(s.Steps, 0)
	r.worker.do(r.file.Close)
}
