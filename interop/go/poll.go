// The live reader: polls a file again and again while its writer goes on
// (FORMAT.md 2.6, 3.9). The file stays open while its path leads to it (V2-R9),
// and is read by copy, never mapped (V1-R1, V2-R1): whoever can truncate a file
// can kill a program that maps it.

package mmstats

import (
	"errors"
	"time"
)

const (
	// A malformed file is read again before it is called malformed (V1-R4,
	// V2-R7), after a moment in which its writer may go on.
	readAttempts = 3
	readPause    = time.Millisecond
	// Rounds of copies for what is not confirmed (V1-R2, V2-R5).
	copyRounds = 8
	// Then single latches are tried as often.
	latchTries = 16
)

// Poller reads one file that changes. It belongs to one goroutine at a time.
type Poller struct {
	path    string
	file    *file
	v2      *poll2
	buffers [2][]byte // of version 1
}

// NewPoller is a reader of the path, whether there is a file yet or not.
func NewPoller(path string) *Poller { return &Poller{path: path} }

// Close closes the file. The poller can be used again.
func (p *Poller) Close() {
	if p.file != nil {
		p.file.Close()
		p.file = nil
	}
	p.v2 = nil
}

// Poll is the document as of now, its values wrapped in Unconfirmed where they
// are (J-9); or a *FormatError; or ErrUnreadable where there is no such file.
func (p *Poller) Poll() (*Document, error) {
	for attempt := 1; ; attempt++ {
		if err := p.open(); err != nil {
			return nil, err
		}
		d, err := p.read()
		if err == nil {
			return d, nil
		}
		p.v2 = nil
		if !isMalformed(err) && !errors.Is(err, errChanged) {
			p.Close()
			return nil, err
		}
		if attempt == readAttempts {
			if isMalformed(err) {
				return nil, err
			}
			return nil, ErrUnreadable
		}
		time.Sleep(readPause)
	}
}

// open sees to it that the path's own file is open.
func (p *Poller) open() error {
	if p.file != nil && leadsTo(p.path, p.file.which) {
		return nil
	}
	p.Close()
	f, err := openRegular(p.path)
	if err == nil {
		p.file = f
	}
	return err
}

func (p *Poller) read() (*Document, error) {
	if p.v2 != nil {
		return p.v2.poll()
	}
	var first [1]byte
	n, err := p.file.at(first[:], 0)
	if err != nil {
		return nil, err
	}
	if n == 1 && first[0] == version2 {
		p.v2 = &poll2{file: p.file}
		return p.v2.poll()
	}
	return p.poll1()
}
