// Folding (FORMAT.md 3.12): what dead writers counted goes into an archive of
// their application, and their files go. The order of the steps of V2-F3 is
// what keeps a count from being there twice or not at all, wherever the folder
// is killed.

package mmstats

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"
)

const (
	archiveExtension = ".archive" + fileExtension
	archiveLimit     = 16 << 20 // bytes, below which an archive stays
	lockMode         = 0o600
	lockPatience     = 10 * time.Second
	lockPause        = 20 * time.Millisecond
	maxNameSize      = 255
	longestNumber    = len("-2147483648")
)

// ErrBusy is that another folder works there.
var ErrBusy = errors.New("another folder is at work")

// Folded tells what a folder did.
type Folded struct {
	Files    []string // whose counts went into an archive
	Removed  []string // all that were removed
	Archives []string // that changed
}

// Fold folds the files of dead writers of the process's own user.
func Fold(path string) (*Folded, error) {
	expectFileSizeLimit()
	if err := checkDirectory(path); err != nil {
		return nil, err
	}
	f := &folder{path: path, uid: uint32(os.Geteuid()), result: &Folded{}}
	lock, err := f.lock() // F3.1
	if err != nil {
		return nil, err
	}
	defer syscall.Close(lock)
	f.directory = OpenDirectory(path)
	defer f.directory.Close()
	if err := f.look(); err != nil { // F3.2
		return nil, err
	}
	f.choose() // F3.3
	for _, target := range f.targets {
		if len(target.files) > 0 {
			if err := f.write(target); err != nil { // F3.4 to F3.6
				return nil, err
			}
		}
	}
	f.remove() // F3.7
	return f.result, nil
}

type folder struct {
	path      string
	uid       uint32
	directory *Directory
	pass      *Pass
	present   map[ID]bool // writers whose files are in the list
	keepAll   bool        // it is not known of all files whose they are
	done      map[ID]bool // FOLDED already
	targets   []*target
	result    *Folded
}

// target is an archive that is there, or is to be.
type target struct {
	name  string            // empty for a new one
	file  *File             // what it says: what it said, and what was added
	names map[string]string // key of the family of each name
	files []*File
}

// lock takes the lock that all folders for this owner take. Its file stays.
func (f *folder) lock() (int, error) {
	name := filepath.Join(f.path, fmt.Sprintf(".mmstats-%d.fold", f.uid))
	fd, err := syscall.Open(name, syscall.O_RDWR|syscall.O_CREAT|syscall.O_NOFOLLOW|syscall.O_NONBLOCK|syscall.O_CLOEXEC, lockMode)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: name, Err: err}
	}
	var st syscall.Stat_t
	if err := syscall.Fstat(fd, &st); err != nil || !isRegular(&st) || st.Uid != f.uid {
		syscall.Close(fd)
		return -1, fmt.Errorf("%s is not a lock file of ours", name)
	}
	for end := time.Now().Add(lockPatience); ; time.Sleep(lockPause) {
		lock := syscall.Flock_t{Type: syscall.F_WRLCK}
		err := syscall.FcntlFlock(uintptr(fd), fOFDSetlk, &lock)
		if err == nil {
			return fd, nil
		}
		if err != syscall.EAGAIN && err != syscall.EACCES && err != syscall.EINTR {
			syscall.Close(fd)
			return -1, err
		}
		if time.Now().After(end) {
			syscall.Close(fd)
			return -1, ErrBusy
		}
	}
}

// look lists the files, and reads them. What it cannot read makes it careful.
func (f *folder) look() error {
	if err := syncDirectory(f.path); err != nil {
		return err
	}
	names, err := f.directory.list()
	if err != nil {
		return err
	}
	f.present, f.done = map[ID]bool{}, map[ID]bool{}
	// Files that appear from here on are nobody's whose counts are in an archive.
	for _, name := range names {
		f.note(filepath.Join(f.path, name))
	}
	complete := false
	for attempt := 0; attempt < passAttempts && !complete; attempt++ {
		f.pass, complete = f.directory.attempt(names)
	}
	if !complete {
		return ErrBusy // archives of ours stay as they are under the lock
	}
	for name, err := range f.pass.Errors {
		st, statErr := lookUp(filepath.Join(f.path, name))
		if statErr == nil && isRegular(&st) && st.Uid == f.uid && f.isArchive(name) {
			return fmt.Errorf("the archive %s cannot be read: %w", name, err)
		}
	}
	for _, file := range f.pass.Files {
		if file.State != StateArchive || file.Owner != f.uid {
			continue
		}
		for _, id := range file.Document.Folded {
			f.done[id] = true
		}
		f.targets = append(f.targets, newTarget(file.Name, file))
	}
	return nil
}

// note remembers whose file it is that is listed.
func (f *folder) note(path string) {
	st, err := lookUp(path)
	if err != nil || !isRegular(&st) {
		return
	}
	file, err := openRegular(path)
	if err != nil {
		f.keepAll = true
		return
	}
	defer file.Close()
	var b [peekSize]byte
	n, err := file.at(b[:], 0)
	switch {
	case err == nil && n > 0 && b[0] == version1:
	case err == nil && n == peekSize && string(b[:len(magic)]) == magic:
		var id ID
		copy(id[:], b[offWriterID:])
		f.present[id] = true
	default:
		f.keepAll = true
	}
}

// isArchive goes by the bit, and where the header cannot be trusted by the name.
func (f *folder) isArchive(name string) bool {
	p := NewPoller(filepath.Join(f.path, name))
	defer p.Close()
	return strings.HasSuffix(name, archiveExtension) || p.open() == nil && p.peekArchive()
}

func newTarget(name string, file *File) *target {
	t := &target{name: name, file: file, names: map[string]string{}}
	for i := range file.Document.Families {
		t.names[file.Document.Families[i].Name] = file.Document.Families[i].key()
	}
	return t
}

// choose is F3.3, and V2-F6: which file goes into which archive.
func (f *folder) choose() {
	var files []*File
	for _, file := range f.pass.Files {
		if file.Document.Version != version2 || !file.Counts || file.Owner != f.uid ||
			file.State != StateClosed && file.State != StateDead || f.done[file.Document.Writer.ID] {
			continue
		}
		if f.canRemove() && settled(file.Document) {
			files = append(files, file)
		}
	}
	sort.SliceStable(files, func(i, j int) bool { return files[i].created() < files[j].created() })
	for _, file := range files {
		f.assign(file)
	}
}

func (f *folder) canRemove() bool {
	const writeAndSearch = 2 | 1
	return syscall.Access(f.path, writeAndSearch) == nil
}

// settled takes the marks from a dead writer's values: what is marked since the
// writer's machine may reorder stores is at rest by now. Any other mark tells
// that somebody still writes.
func settled(d *Document) bool {
	unordered := d.hasFeature(featureUnordered)
	for i := range d.Families {
		for j := range d.Families[i].Series {
			s := &d.Families[i].Series[j]
			if u, marked := s.Value.(Unconfirmed); marked {
				if !unordered {
					return false
				}
				s.Value = u.Value
			}
		}
	}
	return true
}

func (f *folder) assign(file *File) {
	for _, t := range f.targets {
		if t.file.Document.Writer.App == file.Document.Writer.App && t.agrees(file) {
			if merged := merge(t.file, file); f.sizeWith(t, merged) < archiveLimit {
				t.add(merged, file)
				return
			}
		}
	}
	empty := &Document{Version: version2, Features: []string{incompatibleNames[0]}, Closed: true,
		Writer: WriterInfo{App: file.Document.Writer.App}}
	t := newTarget("", &File{State: StateArchive, Document: empty})
	t.add(merge(t.file, file), file)
	f.targets = append(f.targets, t)
}

func (t *target) agrees(file *File) bool {
	for i := range file.Document.Families {
		family := &file.Document.Families[i]
		if !family.countsWhenGone() {
			continue
		}
		if key, there := t.names[family.Name]; there && key != family.key() {
			return false
		}
	}
	return true
}

func (t *target) add(merged *Document, file *File) {
	whole := *t.file
	whole.Document = merged
	t.file = &whole
	t.files = append(t.files, file)
	for i := range merged.Families {
		t.names[merged.Families[i].Name] = merged.Families[i].key()
	}
}

// sizeWith is the size of the archive's file with one file more.
func (f *folder) sizeWith(t *target, merged *Document) uint64 {
	size := uint64(headerSize+extentHeadSize) + uint64(len(originRecord(merged.Writer.App, "")))
	for i := range merged.Families {
		family := &merged.Families[i]
		size += uint64(len(familyRecord(family.Family)))
		for _, s := range family.Series {
			record := uint64(offLabelValues)
			for _, label := range s.Labels {
				record += 2 + uint64(len(label))
			}
			size += roundUp(record) + family.slotSize()
		}
	}
	return size + uint64(len(merged.Folded)+len(t.files)+1)*(offFoldedID+idSize)
}

// merge is an archive with a file's counts.
func merge(archive, file *File) *Document {
	d := *archive.Document
	if created := file.created(); created > d.Writer.Created {
		d.Writer.Created = created
	}
	all, _ := groups([]*File{archive, file})
	// Families stay in the archive's order.
	order := map[string]int{}
	for i := range archive.Document.Families {
		order[archive.Document.Families[i].Name] = i
	}
	place := func(g *group) int {
		if i, there := order[g.members[0].Name]; there {
			return i
		}
		return len(order)
	}
	sort.SliceStable(all, func(i, j int) bool { return place(all[i]) < place(all[j]) })
	d.Families = make([]FamilySeries, len(all))
	for i, g := range all {
		d.Families[i] = g.combine(folding{})
	}
	return &d
}

// folding is how an archive combines: V2-F6.
type folding struct{}

// sum rounds up what is not exact, so that no total is less after the fold.
func (folding) sum(list []float64) float64 {
	sum := list[0]
	for _, f := range list[1:] {
		sum = addUp(sum, f)
	}
	return sum
}

func addUp(a, b float64) float64 {
	sum := a + b
	if math.IsInf(sum, -1) && !math.IsInf(a, 0) && !math.IsInf(b, 0) {
		return -math.MaxFloat64
	}
	if math.IsInf(sum, 0) || sum != sum {
		return sum
	}
	// What rounding took away, exactly.
	back := sum - a
	lost := (a - (sum - back)) + (b - back)
	if lost > 0 {
		return math.Nextafter(sum, math.Inf(1))
	}
	return sum
}

// beside is the value of the file that was created last.
func (folding) beside(list Members) Value { return list[len(list)-1].Value }

// content is the archive that a target becomes.
func (f *folder) content(t *target) *archive {
	d := t.file.Document
	a := &archive{app: d.Writer.App, id: d.Writer.ID, created: d.Writer.Created, families: d.Families}
	for _, id := range d.Folded {
		if f.keepAll || f.present[id] {
			a.folded = append(a.folded, id)
		}
	}
	for _, file := range t.files {
		a.folded = append(a.folded, file.Document.Writer.ID)
	}
	return a
}

// write is F3.4 to F3.6.
func (f *folder) write(t *target) error {
	a := f.content(t)
	if t.name == "" {
		if _, err := rand.Read(a.id[:]); err != nil {
			return err
		}
	}
	temporary, err := f.writeTemporary(a.bytes())
	if err != nil {
		return err
	}
	if t.name != "" {
		err = os.Rename(temporary, filepath.Join(f.path, t.name))
	} else {
		t.name, err = f.linkArchive(temporary, a.app)
		os.Remove(temporary)
	}
	if err == nil {
		err = syncDirectory(f.path)
	}
	if err != nil {
		os.Remove(temporary)
		return err
	}
	f.result.Archives = append(f.result.Archives, t.name)
	for _, file := range t.files {
		f.done[file.Document.Writer.ID] = true
		f.result.Files = append(f.result.Files, file.Name)
	}
	return nil
}

// temporary is the one name of a temporary archive: there is one folder at a time.
func (f *folder) temporary() string {
	return filepath.Join(f.path, fmt.Sprintf(".mmstats-%d.fold.new", f.uid))
}

func (f *folder) writeTemporary(content []byte) (string, error) {
	name := f.temporary()
	os.Remove(name) // what a killed folder left
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, fileMode)
	if err != nil {
		return "", err
	}
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync() // F3.5
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		os.Remove(name)
		return "", err
	}
	return name, nil
}

// linkArchive gives a new archive the first name that is free.
func (f *folder) linkArchive(temporary, app string) (string, error) {
	stem := archiveStem(app)
	for number := 0; ; number++ {
		name := stem + archiveExtension
		if number > 0 {
			name = stem + "-" + strconv.Itoa(number) + archiveExtension
		}
		err := os.Link(temporary, filepath.Join(f.path, name))
		if err == nil || !errors.Is(err, os.ErrExist) {
			return name, err
		}
	}
}

// archiveStem is the application as far as a file name can hold it. A name that
// begins with a dot would not be listed.
func archiveStem(app string) string {
	stem := strings.Map(func(r rune) rune {
		if r == '/' || unicode.IsControl(r) {
			return '_'
		}
		return r
	}, app)
	if stem == "" || stem[0] == '.' {
		stem = "_" + strings.TrimPrefix(stem, ".")
	}
	return cutText(stem, uint64(maxNameSize-len(archiveExtension)-longestNumber))
}

// remove is F3.7.
func (f *folder) remove() {
	for _, file := range f.pass.Files {
		if file.Owner != f.uid || file.State == StateArchive || file.Document.Version != version2 ||
			file.State == StateLive || !f.done[file.Document.Writer.ID] || !leadsTo(file.Path, file.which) {
			continue
		}
		if os.Remove(file.Path) == nil {
			f.result.Removed = append(f.result.Removed, file.Name)
		}
	}
	os.Remove(f.temporary())
}

func syncDirectory(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
