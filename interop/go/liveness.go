// Whether a writer lives (FORMAT.md 3.11): its lock, its process, and where and
// when that was. Nobody probes by locking (V2-L1), and what is not certain is
// unknown (V2-L5).

package mmstats

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// State is what is known of a file's writer.
type State string

// The states.
const (
	StateLive    State = "live"
	StateClosed  State = "closed"
	StateDead    State = "dead"
	StateUnknown State = "unknown"
	StateArchive State = "archive"
)

// gone says whether only counts remain of a writer (V2-C2).
func (s State) gone() bool { return s == StateClosed || s == StateDead || s == StateArchive }

const (
	// Labels of version 1 that tell of the process.
	pidLabel     = "sys.pid"
	createdLabel = "sys.created"
	// The start of a process is known in seconds, by a clock that may be set.
	clockTolerance = 5.0
	ticksPerSecond = 100 // what Linux shows to programs on every machine
)

// locked asks for the lock that would keep others from a read lock.
func (f *file) locked() (held, known bool) {
	lock := syscall.Flock_t{Type: syscall.F_RDLCK}
	err := retry(func() error { return syscall.FcntlFlock(uintptr(f.fd), fOFDGetlk, &lock) })
	return err == nil && lock.Type != syscall.F_UNLCK, err == nil
}

// judge says whether the writer of a file lives.
func judge(f *file, path string, d *Document) State {
	if d.Version == version1 {
		return judge1(f, path, d)
	}
	if d.Archive() {
		return StateArchive
	}
	if d.Closed {
		return StateClosed // V2-L2
	}
	held, known := f.locked()
	w, boot, namespace := &d.Writer, bootID(), pidNamespace()
	bootKnown := w.Boot != ID{} && boot != ID{}
	namespaceKnown := w.Namespace != 0 && namespace != 0
	if bootKnown && w.Boot == boot && namespaceKnown {
		if w.Namespace == namespace {
			process := lookForProcess(w.Pid)
			switch {
			case process.gone, w.Start != 0 && process.start != 0 && process.start != w.Start:
				return StateDead
			case w.Start != 0 && process.start == w.Start:
				return StateLive // V2-L4
			}
		} else if known && !held && !d.hasFeature(featureRecordLock|featureNoLock) && isLocal(path) {
			return StateDead
		}
	}
	if bootKnown && w.Boot != boot && isLocal(path) {
		return StateDead
	}
	if held {
		return StateLive
	}
	return StateUnknown
}

// judge1 is V2-L6.
func judge1(f *file, path string, d *Document) State {
	if held, _ := f.locked(); held {
		return StateLive
	}
	var pid uint64
	var created float64
	for i := range d.Fields {
		field := &d.Fields[i]
		switch value := confirmedOrNot(field.Value).(type) {
		case Unsigned:
			if strings.HasSuffix(field.Label, pidLabel) {
				pid = uint64(value)
			}
		case Signed:
			if strings.HasSuffix(field.Label, pidLabel) && value > 0 {
				pid = uint64(value)
			}
		case Float:
			if strings.HasSuffix(field.Label, createdLabel) {
				created = float64(value)
			}
		}
	}
	if pid == 0 || !(created > 0) || math.IsInf(created, 0) || !isLocal(path) {
		return StateUnknown
	}
	process := lookForProcess(pid)
	if process.gone {
		return StateDead
	}
	boot := bootTime()
	if process.start == 0 || boot == 0 {
		return StateUnknown
	}
	if boot+float64(process.start)/ticksPerSecond > created+clockTolerance {
		return StateDead
	}
	return StateLive
}

// process is what the system knows of one: gone for certain, or its start, or
// neither.
type process struct {
	gone  bool
	start uint64
}

func lookForProcess(pid uint64) process {
	if pid == 0 || pid > math.MaxInt32 {
		return process{gone: pid != 0}
	}
	// A /proc of another pid namespace numbers other processes.
	if self, err := os.Readlink("/proc/self"); err == nil && self == strconv.Itoa(os.Getpid()) {
		directory := "/proc/" + strconv.FormatUint(pid, 10)
		if state, start, ok := processStat(directory + "/stat"); ok {
			return process{ended(state) && !othersRun(directory), start}
		}
	}
	// Not there, or hidden from us.
	return process{gone: syscall.Kill(int(pid), 0) == syscall.ESRCH}
}

func ended(state byte) bool { return state == 'Z' || state == 'X' || state == 'x' }

// othersRun says whether threads of a process run whose first has ended.
func othersRun(directory string) bool {
	tasks, _ := filepath.Glob(directory + "/task/*/stat")
	for _, task := range tasks {
		if state, _, ok := processStat(task); ok && !ended(state) {
			return true
		}
	}
	return false
}

// bootTime is in seconds since 1970, 0 for unknown.
func bootTime() float64 {
	b, _ := os.ReadFile("/proc/stat")
	for _, line := range strings.Split(string(b), "\n") {
		if strings.HasPrefix(line, "btime ") {
			seconds, _ := strconv.ParseFloat(strings.TrimSpace(line[len("btime "):]), 64)
			return seconds
		}
	}
	return 0
}

// localTypes are the magic numbers of file systems that no other machine writes
// to: ext2 to ext4, xfs, btrfs, tmpfs, ramfs, f2fs, zfs, jfs, reiserfs, bcachefs.
// An overlay is none: what is below may be shared, and locks do not reach it.
var localTypes = map[uint32]bool{
	0xEF53: true, 0x58465342: true, 0x9123683E: true, 0x01021994: true, 0x858458F6: true,
	0xF2F52010: true, 0x2FC12FC1: true, 0x3153464A: true, 0x52654973: true, 0xCA451A4E: true,
}

// isLocal says whether a file is of this machine alone, and its locks are what
// its writer holds: not so in the upper directory of an overlay file system.
func isLocal(path string) bool {
	var st syscall.Statfs_t
	if retry(func() error { return syscall.Statfs(path, &st) }) != nil || !localTypes[uint32(st.Type)] {
		return false
	}
	directory, err := filepath.Abs(filepath.Dir(path))
	if err == nil {
		directory, err = filepath.EvalSymlinks(directory)
	}
	if err != nil {
		return false
	}
	for _, upper := range upperDirectories() {
		if directory == upper || strings.HasPrefix(directory, strings.TrimSuffix(upper, "/")+"/") {
			return false
		}
	}
	return true
}

var octalEscapes = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

func upperDirectories() (all []string) {
	const option = "upperdir="
	b, _ := os.ReadFile("/proc/self/mountinfo")
	for _, line := range strings.Split(string(b), "\n") {
		_, rest, found := strings.Cut(line, " - overlay ")
		if !found {
			continue
		}
		fields := strings.Fields(rest)
		for _, o := range strings.Split(fields[len(fields)-1], ",") {
			if strings.HasPrefix(o, option) {
				all = append(all, octalEscapes.Replace(o[len(option):]))
			}
		}
	}
	return all
}
