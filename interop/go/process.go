// What the system says of processes: for the header of a file (3.3), and for
// judging whether its writer lives (3.11).

package mmstats

import (
	"bytes"
	"encoding/hex"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// bootID is zeros where the system does not tell.
func bootID() (id ID) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ID{}
	}
	digits, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(string(b)), "-", ""))
	if err != nil || len(digits) != idSize {
		return ID{}
	}
	copy(id[:], digits)
	return id
}

// pidNamespace is the inode of our own pid namespace, 0 for unknown.
func pidNamespace() uint64 {
	var st syscall.Stat_t
	if syscall.Stat("/proc/self/ns/pid", &st) != nil {
		return 0
	}
	return st.Ino
}

// processStat is the state and the start of a process or thread, from a file
// "stat" below /proc.
func processStat(path string) (state byte, start uint64, ok bool) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, false
	}
	// The name, in brackets, may hold anything; the rest is numbers.
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	const stateField, startField = 3 - 3, 22 - 3
	if len(fields) <= startField {
		return 0, 0, false
	}
	start, err = strconv.ParseUint(string(fields[startField]), 10, 64)
	return fields[stateField][0], start, err == nil
}

// processStart is 0 for unknown.
func processStart() uint64 {
	_, start, _ := processStat("/proc/self/stat")
	return start
}

// CurrentThread is the operating system's number of the thread that calls. A
// goroutine has one of its own only after runtime.LockOSThread.
func CurrentThread() uint32 { return uint32(syscall.Gettid()) }
