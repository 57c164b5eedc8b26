// The program bench: what an update and a poll cost, beside a plain atomic
// increment. One JSON object, in nanoseconds, each the best of five runs.

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"mmstats"
)

const (
	runs     = 5
	enough   = 100 * time.Millisecond
	counters = 60
	gauges   = 20
	others   = 10
)

var bounds = []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}

// best is the time of one call, as the loop of n calls shows it.
func best(loop func(n int)) float64 {
	n := 1
	for {
		begin := time.Now()
		loop(n)
		if time.Since(begin) >= enough {
			break
		}
		n *= 2
	}
	least := time.Duration(1<<63 - 1)
	for run := 0; run < runs; run++ {
		begin := time.Now()
		loop(n)
		if took := time.Since(begin); took < least {
			least = took
		}
	}
	return float64(least) / float64(n)
}

func family(name string, kind mmstats.Kind, typ mmstats.Type) mmstats.Declaration {
	d := mmstats.Declaration{Family: mmstats.Family{Name: name, Kind: kind, Type: typ, Combination: mmstats.CombineSum}}
	if kind == mmstats.KindHistogram {
		d.Bounds = bounds
	}
	return d
}

func declarations() (all []mmstats.Declaration) {
	for i := 0; i < counters; i++ {
		all = append(all, family("counter_"+strconv.Itoa(i), mmstats.KindCounter, mmstats.TypeUnsigned))
	}
	for i := 0; i < gauges; i++ {
		all = append(all, family("gauge_"+strconv.Itoa(i), mmstats.KindGauge, mmstats.TypeFloat))
	}
	for i := 0; i < others; i++ {
		all = append(all, family("summary_"+strconv.Itoa(i), mmstats.KindSummary, mmstats.TypeFloat),
			family("histogram_"+strconv.Itoa(i), mmstats.KindHistogram, mmstats.TypeFloat))
	}
	return all
}

func measure(directory string) (map[string]float64, error) {
	w, err := mmstats.Create(filepath.Join(directory, "bench-"+strconv.Itoa(os.Getpid())+".mmstats"),
		mmstats.Options{App: "bench", Families: declarations()})
	if err != nil {
		return nil, err
	}
	defer os.Remove(w.Path())
	defer w.Close()
	counter, err := w.Counter("counter_0")
	if err != nil {
		return nil, err
	}
	histogram, err := w.Histogram("histogram_0")
	if err != nil {
		return nil, err
	}
	poller := mmstats.NewPoller(w.Path())
	defer poller.Close()

	word := new(uint64)
	results := map[string]float64{
		"atomic": best(func(n int) {
			for i := 0; i < n; i++ {
				atomic.AddUint64(word, 1)
			}
		}),
		"counter": best(func(n int) {
			for i := 0; i < n; i++ {
				counter.Inc()
			}
		}),
		"histogram": best(func(n int) {
			value := 0.5
			for i := 0; i < n; i++ {
				histogram.Observe(value)
				if value++; value > float64(len(bounds)+1) {
					value = 0.5
				}
			}
		}),
		"poll": best(func(n int) {
			for i := 0; i < n && err == nil; i++ {
				_, err = poller.Poll()
			}
		}),
	}
	return results, err
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: bench DIRECTORY")
		os.Exit(2)
	}
	results, err := measure(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(results)
}
