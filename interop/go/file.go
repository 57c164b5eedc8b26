// Files to read: nothing but regular ones is opened (V1-R1), they are read by
// copy, and a kept descriptor counts only while its path leads to it (V2-R9).

package mmstats

import (
	"syscall"
)

// identity tells one file from another while both exist.
type identity struct{ device, inode uint64 }

func identityOf(st *syscall.Stat_t) identity { return identity{uint64(st.Dev), st.Ino} }

func isRegular(st *syscall.Stat_t) bool { return st.Mode&syscall.S_IFMT == syscall.S_IFREG }

// lookUp is what a path leads to now.
func lookUp(path string) (syscall.Stat_t, error) {
	var st syscall.Stat_t
	err := retry(func() error { return syscall.Lstat(path, &st) })
	return st, err
}

// retry goes on after signals.
func retry(call func() error) error {
	for {
		if err := call(); err != syscall.EINTR {
			return err
		}
	}
}

type file struct {
	fd    int
	stat  syscall.Stat_t // as of the opening
	which identity
}

// openRegular looks first, since opening can have effects (a device) or block
// (a pipe), and looks again at what it got.
func openRegular(path string) (*file, error) {
	st, err := lookUp(path)
	if err != nil || !isRegular(&st) {
		return nil, ErrUnreadable
	}
	f := &file{}
	err = retry(func() (err error) {
		f.fd, err = syscall.Open(path,
			syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW|syscall.O_CLOEXEC|syscall.O_NOCTTY, 0)
		return err
	})
	if err != nil {
		return nil, ErrUnreadable
	}
	if syscall.Fstat(f.fd, &f.stat) != nil || !isRegular(&f.stat) {
		f.Close()
		return nil, ErrUnreadable
	}
	f.which = identityOf(&f.stat)
	return f, nil
}

func (f *file) Close() error { return syscall.Close(f.fd) }

// at reads as much of the buffer as the file has.
func (f *file) at(buffer []byte, offset uint64) (int, error) {
	done := 0
	for done < len(buffer) {
		n, err := syscall.Pread(f.fd, buffer[done:], int64(offset)+int64(done))
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return done, ErrUnreadable
		}
		if n == 0 {
			break
		}
		done += n
	}
	return done, nil
}

func (f *file) size() (uint64, error) {
	var st syscall.Stat_t
	if err := syscall.Fstat(f.fd, &st); err != nil {
		return 0, ErrUnreadable
	}
	if st.Size > maxReadSize {
		return 0, ErrUnreadable
	}
	return uint64(st.Size), nil
}

// readAll copies the whole file, into the buffer where it is large enough.
func (f *file) readAll(buffer []byte) ([]byte, error) {
	size, err := f.size()
	if err != nil {
		return nil, err
	}
	if uint64(cap(buffer)) < size {
		buffer = make([]byte, size)
	}
	n, err := f.at(buffer[:size], 0)
	return buffer[:n], err
}

// leadsTo says whether the path leads to the very file.
func leadsTo(path string, which identity) bool {
	st, err := lookUp(path)
	return err == nil && isRegular(&st) && identityOf(&st) == which
}
