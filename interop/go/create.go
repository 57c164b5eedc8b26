// Making a file (V1-W4 to V1-W6, V2-W9, V2-W10): complete, its space reserved,
// and locked before it has its name, which is never taken from another.

package mmstats

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"unsafe"
)

// Numbers of Linux that package syscall does not have.
const (
	oTmpfile        = 0x400000 | syscall.O_DIRECTORY
	atFdcwd         = -100
	atSymlinkFollow = 0x400
	fOFDGetlk       = 36
	fOFDSetlk       = 37
	fileMode        = 0o644
	modeSticky      = syscall.S_ISVTX
	modeOthersWrite = syscall.S_IWOTH
)

var catchFileSizeSignal sync.Once

// A file that may not grow is an error, not the end of the process.
func expectFileSizeLimit() {
	// Caught and not ignored: programs that this one starts would ignore it, too.
	catchFileSizeSignal.Do(func() { signal.Notify(make(chan os.Signal, 1), syscall.SIGXFSZ) })
}

// checkDirectory refuses a directory in which everybody may replace files.
func checkDirectory(directory string) error {
	var st syscall.Stat_t
	if err := syscall.Stat(directory, &st); err != nil {
		return &os.PathError{Op: "stat", Path: directory, Err: err}
	}
	if st.Mode&modeOthersWrite != 0 && st.Mode&modeSticky == 0 {
		return fmt.Errorf("everybody may replace files in %s", directory)
	}
	return nil
}

// newFile is a file that has no name yet, or a temporary one.
type newFile struct {
	fd        int
	lock      int // a descriptor for the lock alone, or -1
	temporary string
}

// createFile makes a file of the size given, all of it reserved.
func createFile(directory string, size uint64) (f *newFile, err error) {
	expectFileSizeLimit()
	if err := checkDirectory(directory); err != nil {
		return nil, err
	}
	f = &newFile{fd: -1, lock: -1}
	f.fd, err = syscall.Open(directory, oTmpfile|syscall.O_RDWR|syscall.O_CLOEXEC, fileMode)
	if err != nil || !canLink(f.fd) {
		if err == nil {
			syscall.Close(f.fd)
		}
		if err := f.createTemporary(directory); err != nil {
			return nil, err
		}
	}
	if err := reserve(f.fd, 0, size); err != nil {
		f.discard()
		return nil, err
	}
	return f, nil
}

func descriptorPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// canLink says whether a file without a name can be given one.
func canLink(fd int) bool {
	var st syscall.Stat_t
	return syscall.Stat(descriptorPath(fd), &st) == nil
}

func (f *newFile) createTemporary(directory string) error {
	var random [8]byte
	if _, err := rand.Read(random[:]); err != nil {
		return err
	}
	name := filepath.Join(directory, ".mmstats-"+hex.EncodeToString(random[:])+".tmp")
	fd, err := syscall.Open(name,
		syscall.O_CREAT|syscall.O_EXCL|syscall.O_NOFOLLOW|syscall.O_RDWR|syscall.O_CLOEXEC, fileMode)
	if err != nil {
		return &os.PathError{Op: "create", Path: name, Err: err}
	}
	f.fd, f.temporary = fd, name
	return nil
}

// reserve extends a file by space that is really there, so that a full disk is
// an error now and not a signal at a store.
func reserve(fd int, from, size uint64) error {
	err := retry(func() error { return syscall.Fallocate(fd, 0, int64(from), int64(size)) })
	if err != syscall.EOPNOTSUPP && err != syscall.ENOSYS {
		return err
	}
	// The file system cannot reserve: zeros are written.
	var zeros [1 << 16]byte
	for end := from + size; from < end; {
		n := end - from
		if n > uint64(len(zeros)) {
			n = uint64(len(zeros))
		}
		done, err := syscall.Pwrite(fd, zeros[:n], int64(from))
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		from += uint64(done)
	}
	return nil
}

func mapFile(fd int, from, size uint64) ([]byte, error) {
	return syscall.Mmap(fd, int64(from), int(size), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
}

// takeLock locks the whole file through a descriptor used for nothing else.
// False is a system without such locks.
func (f *newFile) takeLock() (bool, error) {
	path := f.temporary
	if path == "" {
		path = descriptorPath(f.fd)
	}
	fd, err := syscall.Open(path, syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return false, err
	}
	lock := syscall.Flock_t{Type: syscall.F_WRLCK}
	err = syscall.FcntlFlock(uintptr(fd), fOFDSetlk, &lock)
	if err != nil {
		syscall.Close(fd)
		if err == syscall.EINVAL || err == syscall.ENOLCK {
			return false, nil
		}
		return false, err
	}
	f.lock = fd
	return true, nil
}

// link gives the file the first name that is free, and returns it.
func (f *newFile) link(path string) (string, error) {
	for number := 0; ; number++ {
		name := numberedName(path, number)
		var err error
		if f.temporary != "" {
			err = syscall.Link(f.temporary, name)
		} else {
			err = linkDescriptor(f.fd, name)
		}
		if err == nil {
			if f.temporary != "" {
				syscall.Unlink(f.temporary)
				f.temporary = ""
			}
			return name, nil
		}
		if !errors.Is(err, syscall.EEXIST) {
			return "", &os.PathError{Op: "link", Path: name, Err: err}
		}
	}
}

func linkDescriptor(fd int, name string) error {
	from, err := syscall.BytePtrFromString(descriptorPath(fd))
	if err != nil {
		return err
	}
	to, err := syscall.BytePtrFromString(name)
	if err != nil {
		return err
	}
	here := atFdcwd
	_, _, errno := syscall.Syscall6(syscall.SYS_LINKAT, uintptr(here), uintptr(unsafe.Pointer(from)),
		uintptr(here), uintptr(unsafe.Pointer(to)), atSymlinkFollow, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// numberedName is the path with -1, -2, … before the extension (V1-W4).
func numberedName(path string, number int) string {
	if number == 0 {
		return path
	}
	directory, name := filepath.Split(path)
	stem := name
	if dot := strings.LastIndexByte(name, '.'); dot > 0 && strings.Trim(name[:dot], ".") != "" {
		stem = name[:dot]
	}
	return directory + stem + "-" + strconv.Itoa(number) + name[len(stem):]
}

// discard ends a file that was to have no name.
func (f *newFile) discard() {
	if f.temporary != "" {
		syscall.Unlink(f.temporary)
	}
	f.close()
}

func (f *newFile) close() {
	syscall.Close(f.fd)
	if f.lock >= 0 {
		syscall.Close(f.lock)
	}
}
