// The thread that uses the file. Goroutines move between threads, so the
// scenario's steps are done by a goroutine that is locked to one; when it ends
// its thread ends too, and the file is handed to another.

package main

import (
	"os"
	"runtime"
	"strconv"
	"time"

	"mmstats"
)

type worker struct {
	jobs   chan func()
	done   chan struct{}
	thread uint32
}

func newWorker() *worker {
	w := &worker{jobs: make(chan func()), done: make(chan struct{})}
	go func() {
		runtime.LockOSThread()
		w.thread = mmstats.CurrentThread()
		for job := range w.jobs {
			job()
			w.done <- struct{}{}
		}
	}()
	return w
}

// do waits for the job's end.
func (w *worker) do(job func()) {
	w.jobs <- job
	<-w.done
}

// end waits for the thread's end, but not for long.
func (w *worker) end() {
	thread := w.thread
	close(w.jobs)
	for try := 0; try < 1000; try++ {
		if _, err := os.Stat("/proc/self/task/" + strconv.Itoa(int(thread))); err != nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
}
