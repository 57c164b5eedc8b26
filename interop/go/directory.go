// All files of a directory (V2-F4): a pass that is not misled by a folder that
// moves counts from files to an archive meanwhile, and which of the files count
// (V2-F2, V2-R8).

package mmstats

import (
	"math"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

const (
	fileExtension = ".mmstats"
	passAttempts  = 20
)

// File is one of a directory, and what is known of it.
type File struct {
	Name     string
	Path     string
	Owner    uint32
	State    State
	Document *Document
	Counts   bool // its counts are no other file's
	which    identity
}

// created is when the file was made, in Unix nanoseconds.
func (f *File) created() uint64 {
	if f.Document.Version == version2 {
		return f.Document.Writer.Created
	}
	for i := range f.Document.Fields {
		if value, ok := confirmedOrNot(f.Document.Fields[i].Value).(Float); ok && value > 0 &&
			strings.HasSuffix(f.Document.Fields[i].Label, createdLabel) && value < math.MaxInt64/1e9 {
			return uint64(float64(value) * 1e9)
		}
	}
	return 0
}

// Archive says whether the document is that of an archive.
func (d *Document) Archive() bool {
	return len(d.Features) > 0 && d.Features[0] == incompatibleNames[0]
}

// hasFeature says whether one of the compatible features is set.
func (d *Document) hasFeature(bits int) bool {
	for bit, name := range compatibleNames {
		for _, feature := range d.Features {
			if bits>>bit&1 != 0 && feature == name {
				return true
			}
		}
	}
	return false
}

// Pass is what a directory says: its files by name, and what could not be read.
type Pass struct {
	Files  []*File
	Errors map[string]error
	Marked bool // archives went on changing; this is the last complete pass, if there is one
}

// Directory is read again and again; its files stay open.
type Directory struct {
	path    string
	pollers map[string]*Poller
	last    *Pass
}

// OpenDirectory prepares to read a directory.
func OpenDirectory(path string) *Directory {
	return &Directory{path: path, pollers: map[string]*Poller{}}
}

// Close closes all files.
func (d *Directory) Close() {
	for name, p := range d.pollers {
		p.Close()
		delete(d.pollers, name)
	}
}

// list is the names of the statistics files, sorted.
func (d *Directory) list() ([]string, error) {
	entries, err := os.ReadDir(d.path)
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), fileExtension) && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names, err
}

// Pass reads all files. Where archives go on changing it is the last complete
// pass, marked, or the best there is.
func (d *Directory) Pass() (*Pass, error) {
	var pass *Pass
	for attempt := 0; attempt < passAttempts; attempt++ {
		names, err := d.list() // F4.1
		if err != nil {
			return nil, err
		}
		var complete bool
		pass, complete = d.attempt(names)
		if complete {
			d.last = pass
			return pass, nil
		}
	}
	if d.last != nil {
		pass = d.last
	}
	marked := *pass
	marked.Marked = true
	return &marked, nil
}

func (d *Directory) attempt(names []string) (pass *Pass, complete bool) {
	pass = &Pass{Errors: map[string]error{}}
	listed := map[string]bool{}
	for _, name := range names {
		listed[name] = true
		if d.pollers[name] == nil {
			d.pollers[name] = NewPoller(filepath.Join(d.path, name))
		}
	}
	for name, p := range d.pollers {
		if !listed[name] {
			p.Close()
			delete(d.pollers, name)
		}
	}
	// F4.2. The poller of an archive keeps it open until the end of the pass.
	archives := map[string]identity{}
	seen := map[string]identity{}
	for _, name := range names {
		p := d.pollers[name]
		if p.open() != nil {
			continue
		}
		seen[name] = p.file.which
		if p.peekArchive() {
			archives[name] = p.file.which
			d.read(pass, name)
		}
	}
	// F4.3. Polling looks the name up again.
	for _, name := range names {
		if _, archive := archives[name]; archive {
			continue
		}
		if f := d.read(pass, name); f != nil {
			if f.Document.Archive() {
				return pass, false
			}
			seen[name] = f.which
		}
	}
	sort.Slice(pass.Files, func(i, j int) bool { return pass.Files[i].Name < pass.Files[j].Name })
	pass.decide()
	return pass, d.sameArchives(archives, seen)
}

// read adds a file to the pass. One that is no longer there is none.
func (d *Directory) read(pass *Pass, name string) *File {
	p := d.pollers[name]
	for {
		document, err := p.Poll()
		if err != nil {
			if _, gone := lookUp(p.path); gone == nil {
				pass.Errors[name] = err
			}
			return nil
		}
		f := &File{Name: name, Path: p.path, Owner: p.file.stat.Uid, Document: document, which: p.file.which}
		f.State = judge(p.file, p.path, document)
		if f.State == StateDead {
			// What it said last may have been said after we looked.
			if document, err = p.Poll(); err != nil || p.file.which != f.which {
				continue
			}
			f.Document = document
		}
		pass.Files = append(pass.Files, f)
		return f
	}
}

func (p *Poller) peekArchive() bool {
	var b [peekSize]byte
	n, err := p.file.at(b[:], 0)
	return err == nil && n == peekSize && string(b[:len(magic)]) == magic &&
		u32(b[offIncompatible:])&featureArchive != 0
}

// sameArchives is F4.4: whether none appeared, vanished or was replaced.
func (d *Directory) sameArchives(archives, seen map[string]identity) bool {
	names, err := d.list()
	if err != nil {
		return false
	}
	left := len(archives)
	for _, name := range names {
		path := filepath.Join(d.path, name)
		st, err := lookUp(path)
		if err != nil || !isRegular(&st) {
			continue
		}
		if which, was := archives[name]; was {
			if which != identityOf(&st) {
				return false
			}
			left--
		} else if which, was := seen[name]; !was || which != identityOf(&st) {
			p := NewPoller(path)
			appeared := p.open() == nil && p.peekArchive()
			p.Close()
			if appeared {
				return false
			}
		}
	}
	return left == 0
}

// decide says which files count.
func (p *Pass) decide() {
	type writer struct {
		owner uint32
		id    ID
	}
	folded := map[writer]bool{}
	first := map[writer]*File{}
	for _, f := range p.Files {
		f.Counts = true
		if f.State == StateArchive {
			for _, id := range f.Document.Folded {
				folded[writer{f.Owner, id}] = true
			}
		}
	}
	// V2-R8: an archive before another, else the first by name.
	for _, archives := range []bool{true, false} {
		for _, f := range p.Files {
			if f.Document.Version != version2 || (f.State == StateArchive) != archives {
				continue
			}
			w := writer{f.Owner, f.Document.Writer.ID}
			if first[w] == nil {
				first[w] = f
			} else {
				f.Counts = false
			}
			if folded[w] && !archives {
				f.Counts = false // V2-F2
			}
		}
	}
}
