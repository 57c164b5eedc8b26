// The writer of version 2 (FORMAT.md 3.8): its file, its families and series,
// growth, hand-over and the end.
//
// A Writer and all its series belong to one goroutine at a time: one writer
// writes a file, and no update takes a lock. After the set-up no update makes a
// system call; a new series does when the file has to grow.

package mmstats

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"
)

// DefaultLimit is how many series a family has at most, if it does not say.
const DefaultLimit = 10000

const labelsJoined = 8 // room for a typical set of label values, in a key

// Declaration is a family that a writer has, and the most series that it may
// have beside the one of what is too much (V2-W14); 0 is DefaultLimit.
type Declaration struct {
	Family
	Limit int
}

// Options say what a file begins with.
type Options struct {
	App, Host string
	Families  []Declaration
	// Thread is what the header says of the thread: CurrentThread for a
	// goroutine that is locked to one, else 0.
	Thread uint32
}

var (
	errClosed     = errors.New("the file is closed")
	errRoom       = errors.New("the file cannot grow any more")
	errLabels     = errors.New("the label values do not fit the family")
	errNoFamily   = errors.New("there is no such family")
	errTwice      = errors.New("there is a family of this name")
	errOtherKind  = errors.New("the family is of another kind or type")
	errNotRefined = errors.New("application or host is too long, or no UTF-8")
)

// Writer publishes statistics in a file.
type Writer struct {
	path     string
	file     *newFile
	mapped   [][]byte
	header   []byte
	extents  []*grown
	families []*family
	byName   map[string]*family
	closed   bool
}

// grown is an extent as its writer sees it.
type grown struct {
	offset       uint64
	memory       []byte
	metadataSize uint64
	used         uint64 // bytes of records
	slotsUsed    uint64
}

func (e *grown) valuesOffset() uint64 { return metadataAreaOffset + e.metadataSize }
func (e *grown) size() uint64         { return uint64(len(e.memory)) }

type family struct {
	Family
	index    uint32
	limit    int
	children map[string]child
	overflow bool // the series of what is too much is there
}

// child is what the writer does to a series; its own methods are what programs do.
type child interface {
	detach()   // from the file: nothing more is published
	handOver() // to another thread (V2-W13)
}

// Create makes a file at the path, or at the next one that is free.
func Create(path string, options Options) (*Writer, error) {
	if !validText(options.App, options.Host) {
		return nil, errNotRefined
	}
	w := &Writer{byName: map[string]*family{}}
	group := []pending{{bytes: originRecord(options.App, options.Host)}}
	for i := range options.Families {
		more, err := w.declare(&options.Families[i])
		if err != nil {
			return nil, err
		}
		group = append(group, more...)
	}
	if err := w.create(path, &options, group); err != nil {
		return nil, err
	}
	return w, nil
}

// Path is the name that the file got.
func (w *Writer) Path() string { return w.path }

func (w *Writer) create(path string, options *Options, group []pending) (err error) {
	metadata, slots := sizes(group)
	page := uint64(os.Getpagesize())
	// A quarter more than is needed, for series to come.
	size := (headerSize + extentHeadSize + (metadata+slots)*5/4 + page - 1) / page * page
	if size > maxFileSize {
		return errRoom
	}
	w.file, err = createFile(filepath.Dir(path), size)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			w.unmap()
			w.file.discard()
		}
	}()
	info := WriterInfo{Created: uint64(time.Now().UnixNano()), Pid: uint64(os.Getpid()), Thread: uint64(options.Thread),
		Start: processStart(), Boot: bootID(), Namespace: pidNamespace()}
	if _, err = rand.Read(info.ID[:]); err != nil {
		return err
	}
	locked, err := w.file.takeLock()
	if err != nil {
		return err
	}
	var compatible uint32
	if !locked {
		compatible = featureNoLock
	}
	memory, err := mapFile(w.file.fd, 0, size)
	if err != nil {
		return err
	}
	w.mapped = append(w.mapped, memory)
	w.header = memory[:headerSize]
	copy(w.header, headerBytes(&info, 0, compatible, stateLive))
	w.append(firstExtent, memory[firstExtent:], metadata, slots)
	w.publish(group)
	w.path, err = w.file.link(path)
	return err
}

// pending is a record that is to be published, and what its series becomes.
type pending struct {
	bytes   []byte
	family  *family // of a series, else nil
	key     string
	initial []uint64 // content of its slot
}

func (p *pending) slot() uint64 {
	if p.family == nil {
		return 0
	}
	return p.family.slotSize()
}

func sizes(group []pending) (metadata, slots uint64) {
	for i := range group {
		metadata += uint64(len(group[i].bytes))
		slots += group[i].slot()
	}
	return metadata, slots
}

// append adds an extent of the memory given, divided as is needed.
func (w *Writer) append(offset uint64, memory []byte, metadata, slots uint64) {
	free := uint64(len(memory)) - extentHeadSize - metadata - slots
	// What is left is divided as what is needed, but half to slots at most:
	// a series has a record and a slot.
	share := free / 2
	if metadata+slots > 0 && slots > metadata {
		share = free * (metadata + 1) / (metadata + slots + 1)
	}
	e := &grown{offset: offset, memory: memory, metadataSize: metadata + share&^(wordSize-1)}
	copy(memory, extentHead(e.size(), e.metadataSize, 0, 0))
	w.extents = append(w.extents, e)
}

func (w *Writer) last() *grown { return w.extents[len(w.extents)-1] }

// room sees to it that the last extent has room.
func (w *Writer) room(metadata, slots uint64) error {
	e := w.last()
	if metadata <= e.metadataSize-e.used && slots <= e.size()-e.valuesOffset()-e.slotsUsed {
		return nil
	}
	return w.grow(metadata, slots)
}

// grow is V2-W4. Where it fails the file is as it was.
func (w *Writer) grow(metadata, slots uint64) error {
	page := uint64(os.Getpagesize())
	size := extentHeadSize + metadata + slots
	var before uint64
	for _, e := range w.extents {
		before += e.size()
	}
	if size < before {
		size = before // V2-W8
	}
	size = (size + page - 1) / page * page
	last := w.last()
	offset := last.offset + last.size()
	if len(w.extents) == maxExtents || offset+size > maxFileSize {
		return errRoom
	}
	if err := reserve(w.file.fd, offset, size); err != nil { // W4.1
		return err
	}
	memory, err := mapFile(w.file.fd, offset, size)
	if err != nil {
		return err
	}
	w.mapped = append(w.mapped, memory)
	w.append(offset, memory, metadata, slots)                                                  // W4.2
	atomic.StoreUint64(&words(last.memory[offNext:])[0], controlWord(uint32(offset/wordSize))) // W4.3, W4.4
	return nil
}

// publish is V2-W3 for records that fit into the last extent.
func (w *Writer) publish(group []pending) {
	e := w.last()
	for i := range group {
		p := &group[i]
		if p.family != nil {
			slot := words(e.memory[e.valuesOffset()+e.slotsUsed:])[:p.slot()/wordSize]
			initialise(slot, p.initial, p.family.latched()) // W3.1
			p.family.children[p.key] = newChild(&p.family.Family, slot, p.initial)
			e.slotsUsed += p.slot()
		}
		copy(e.memory[metadataAreaOffset+e.used:], p.bytes) // W3.2
		e.used += uint64(len(p.bytes))
	}
	// W3.3, W3.4
	atomic.StoreUint64(&words(e.memory[offMetadataUsed:])[0], controlWord(uint32(e.used/wordSize)))
}

func initialise(slot, content []uint64, latched bool) {
	if !latched {
		slot[0] = content[0]
		return
	}
	slot[0] = 0
	copy(slot[1:], content)
	copy(slot[1+len(content):], content)
}

// Declare adds a family. One without labels has its series at once.
func (w *Writer) Declare(d Declaration) error {
	if w.closed {
		return errClosed
	}
	group, err := w.declare(&d)
	if err != nil {
		return err
	}
	metadata, slots := sizes(group)
	if err := w.room(metadata, slots); err != nil {
		w.families = w.families[:len(w.families)-1]
		delete(w.byName, d.Name)
		return err
	}
	w.publish(group)
	return nil
}

func (w *Writer) declare(d *Declaration) ([]pending, error) {
	if err := d.Validate(); err != nil {
		return nil, err
	}
	if w.byName[d.Name] != nil {
		return nil, errTwice
	}
	f := &family{Family: d.Family, index: uint32(len(w.families)), limit: d.Limit, children: map[string]child{}}
	if f.limit <= 0 {
		f.limit = DefaultLimit
	}
	w.families = append(w.families, f)
	w.byName[f.Name] = f
	group := []pending{{bytes: familyRecord(&f.Family)}}
	if len(f.Labels) == 0 {
		group = append(group, f.pendingSeries(nil, ""))
	}
	return group, nil
}

func (f *family) pendingSeries(labels []string, key string) pending {
	return pending{seriesRecord(f.index, &f.Family, labels), f, key, f.initial()}
}

func labelKey(labels []string) string {
	if len(labels) == 0 {
		return ""
	}
	return string(appendTexts(make([]byte, 0, labelsJoined*len(labels)), labels))
}

// series is the child of a family, made at its first use.
func (w *Writer) series(name string, labels []string) (child, error) {
	if w.closed {
		return nil, errClosed
	}
	f := w.byName[name]
	if f == nil {
		return nil, fmt.Errorf("%w: %s", errNoFamily, name)
	}
	if len(labels) != len(f.Labels) || !validText(labels...) {
		return nil, errLabels
	}
	key := labelKey(labels)
	if c := f.children[key]; c != nil {
		return c, nil
	}
	tooMuch := make([]string, len(labels))
	for i := range tooMuch {
		tooMuch[i] = overflowLabel
	}
	tooMuchKey := labelKey(tooMuch)
	count := len(f.children)
	if f.overflow {
		count--
	}
	if count >= f.limit && key != tooMuchKey {
		labels, key = tooMuch, tooMuchKey
		if c := f.children[key]; c != nil {
			return c, nil
		}
	}
	group := []pending{f.pendingSeries(labels, key)}
	metadata, slots := sizes(group)
	if err := w.room(metadata, slots); err != nil {
		return nil, err
	}
	w.publish(group)
	if key == tooMuchKey {
		f.overflow = true
	}
	return f.children[key], nil
}

// HandOver gives the file to another thread of the process (V2-W13). What this
// one set is unset; what it counted, and what is kept, goes on.
func (w *Writer) HandOver(thread uint32) {
	if w.closed {
		return
	}
	for _, f := range w.families {
		if f.Kept {
			continue
		}
		for _, c := range f.children {
			c.handOver()
		}
	}
	atomic.StoreUint64(&words(w.header[offThreadID:])[0], controlWord(thread))
}

// Close ends the file cleanly (V2-W11). It stays where it is. Series go on
// without it: what they are told is published nowhere.
func (w *Writer) Close() {
	if w.closed {
		return
	}
	w.closed = true
	for _, f := range w.families {
		for _, c := range f.children {
			c.detach()
		}
	}
	atomic.StoreUint64(&words(w.header[offState:])[0], controlWord(stateClosed))
	w.unmap()
	w.file.close()
}

func (w *Writer) unmap() {
	for _, memory := range w.mapped {
		syscall.Munmap(memory)
	}
	w.mapped = nil
}
