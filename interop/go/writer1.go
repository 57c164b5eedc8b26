// The writer of version 1 (FORMAT.md 2.5). The values lie at any offset and
// Go has atomic stores for aligned words alone, so these are plain stores, and
// the one of the index follows through an atomic operation, which keeps the two
// in order (2.8).

package mmstats

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
)

// Field1 declares a field of version 1. It begins as zeros, or with Initial.
type Field1 struct {
	Label     string
	Signature string
	Buffered  bool
	Initial   Value
}

var (
	errLabel     = errors.New("a label has 1 to 65535 bytes")
	errSignature = errors.New("there is no such type")
	errInitial   = errors.New("the initial value does not fit the type")
	errNoField   = errors.New("there is no such field")
)

// Writer1 publishes statistics in a file of version 1.
type Writer1 struct {
	path   string
	file   *newFile
	memory []byte
	fields map[string]*FieldSeries
	closed bool
}

// FieldSeries is a field that a program updates.
type FieldSeries struct {
	typ     type1
	index   *byte // nil for one buffer
	buffers [2][]byte
	bits    uint64 // of the published number, which wraps
	number  float64
	order   atomic.Uint64 // for nothing but the order of stores
}

// Create1 makes a file of version 1 at the path, or at the next that is free.
func Create1(path string, fields []Field1) (*Writer1, error) {
	content := []byte{version1}
	places := make([]int, len(fields)) // of the index bytes
	for i := range fields {
		f := &fields[i]
		t, ok := typeOf(f.Signature)
		if !ok {
			return nil, errSignature
		}
		if len(f.Label) == 0 || len(f.Label) > maxTextSize {
			return nil, errLabel
		}
		content = appendText(content, f.Label)
		content = appendText(content, f.Signature)
		places[i] = len(content)
		value := make([]byte, t.size)
		if f.Initial != nil {
			s := FieldSeries{typ: t}
			if tooLong, ok := f.Initial.(Text); ok && len(tooLong) > t.size {
				return nil, errInitial
			}
			if !s.encode(value, f.Initial) {
				return nil, errInitial
			}
		}
		index := byte(0) // V1-W1
		if f.Initial != nil {
			index = 1
		}
		if !f.Buffered {
			index = indexOneBuffer
		}
		content = append(content, index)
		content = append(content, value...)
		if f.Buffered {
			content = append(content, make([]byte, t.size)...)
		}
	}
	page := os.Getpagesize()
	size := (len(content) + page - 1) / page * page
	file, err := createFile(filepath.Dir(path), uint64(size))
	if err != nil {
		return nil, err
	}
	w := &Writer1{file: file, fields: map[string]*FieldSeries{}}
	if _, err = file.takeLock(); err == nil {
		w.memory, err = mapFile(file.fd, 0, uint64(size))
	}
	if err == nil {
		copy(w.memory, content)
		w.path, err = file.link(path)
	}
	if err != nil {
		if w.memory != nil {
			syscall.Munmap(w.memory)
		}
		file.discard()
		return nil, err
	}
	for i := range fields {
		s := &FieldSeries{}
		s.typ, _ = typeOf(fields[i].Signature)
		at, n := places[i]+1, s.typ.size
		s.buffers[0] = w.memory[at : at+n : at+n]
		if fields[i].Buffered {
			s.index = &w.memory[places[i]]
			s.buffers[1] = w.memory[at+n : at+2*n : at+2*n]
		}
		if fields[i].Initial != nil {
			s.encode(make([]byte, n), fields[i].Initial)
		}
		w.fields[fields[i].Label] = s
	}
	return w, nil
}

// Path is the name that the file got.
func (w *Writer1) Path() string { return w.path }

// Field is the last one of the label (V1-4).
func (w *Writer1) Field(label string) (*FieldSeries, error) {
	if w.closed {
		return nil, errClosed
	}
	if s := w.fields[label]; s != nil {
		return s, nil
	}
	return nil, errNoField
}

// Close ends the file. Fields go on without it.
func (w *Writer1) Close() {
	if w.closed {
		return
	}
	w.closed = true
	for _, s := range w.fields {
		for i, b := range s.buffers {
			s.buffers[i] = append([]byte(nil), b...)
		}
		if s.index != nil {
			index := *s.index
			s.index = &index
		}
	}
	syscall.Munmap(w.memory)
	w.file.close()
}

// Signature1 tells of a registry's type whether it is an integer, a float, a
// boolean or a text, and how many bytes it has.
func Signature1(signature string) (typ Type, size int, ok bool) {
	t, ok := typeOf(signature)
	switch t.kind {
	case signed1:
		return TypeSigned, t.size, ok
	case unsigned1:
		return TypeUnsigned, t.size, ok
	case float1:
		return TypeFloat, t.size, ok
	case boolean1:
		return TypeBoolean, t.size, ok
	}
	return TypeText, t.size, ok
}

// Set refuses a value of another type. Integers wrap at their width (V1-W3),
// texts are cut after a whole character.
func (s *FieldSeries) Set(value Value) bool { return s.update(value) }

// Add refuses what is no number.
func (s *FieldSeries) Add(amount Value) bool {
	switch a := amount.(type) {
	case Unsigned:
		return s.isInteger() && s.update(Unsigned(s.bits+uint64(a)))
	case Signed:
		return s.isInteger() && s.update(Unsigned(s.bits+uint64(a)))
	case Float:
		return s.typ.kind == float1 && s.update(Float(s.number+float64(a)))
	}
	return false
}

func (s *FieldSeries) isInteger() bool { return s.typ.kind == signed1 || s.typ.kind == unsigned1 }

// update is V1-W2: the buffer that the index names, then the other index.
func (s *FieldSeries) update(value Value) bool {
	if s.index == nil {
		return s.encode(s.buffers[0], value)
	}
	if !s.encode(s.buffers[*s.index&1], value) {
		return false
	}
	s.order.Store(0) // not before the value,
	s.order.Load()   // and the index not before this
	*s.index = 1 - *s.index&1
	return true
}

// encode stores a value, a number in one go.
func (s *FieldSeries) encode(to []byte, value Value) bool {
	switch v := value.(type) {
	case Unsigned:
		return s.encodeInteger(to, uint64(v))
	case Signed:
		return s.encodeInteger(to, uint64(v))
	case Float:
		if s.typ.kind != float1 {
			return false
		}
		if s.typ.size == 4 {
			bits := narrow(float64(v))
			s.number = widen(bits)
			put32(to, bits)
		} else {
			s.number = float64(v)
			put64(to, math.Float64bits(float64(v)))
		}
		return true
	case Boolean:
		if s.typ.kind != boolean1 {
			return false
		}
		var b byte
		if v {
			b = 1
		}
		to[0] = b
		return true
	case Text:
		if s.typ.kind != text1 {
			return false
		}
		n := copy(to, cutText(string(v), uint64(len(to))))
		for i := range to[n:] {
			to[n+i] = 0
		}
		return true
	}
	return false
}

func (s *FieldSeries) encodeInteger(to []byte, bits uint64) bool {
	if !s.isInteger() {
		return false
	}
	s.bits = bits
	switch s.typ.size {
	case 1:
		to[0] = byte(bits)
	case 2:
		put16(to, uint16(bits))
	case 4:
		put32(to, uint32(bits))
	default:
		put64(to, bits)
	}
	return true
}
