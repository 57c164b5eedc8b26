// Version 1 (FORMAT.md 2.2 to 2.4): fields, one after the other, and padding.

package mmstats

import (
	"encoding/binary"
	"math"
	"strings"
)

// type1 is a type of version 1's registry.
type type1 struct {
	kind byte // one of the following
	size int
}

const (
	boolean1  = '?'
	signed1   = 's'
	unsigned1 = 'u'
	float1    = 'f'
	text1     = 't'
)

var registry1 = map[string]type1{
	"?": {boolean1, 1}, "b": {signed1, 1}, "B": {unsigned1, 1}, "h": {signed1, 2}, "H": {unsigned1, 2},
	"i": {signed1, 4}, "I": {unsigned1, 4}, "l": {signed1, 8}, "L": {unsigned1, 8},
	"q": {signed1, 8}, "Q": {unsigned1, 8}, "f": {float1, 4}, "d": {float1, 8}, "c": {text1, 1},
}

// typeOf looks a signature up (V1-5, V1-12).
func typeOf(signature string) (type1, bool) {
	if t, ok := registry1[signature]; ok {
		return t, true
	}
	digits := strings.TrimSuffix(signature, "s")
	if len(digits) == len(signature) || len(digits) == 0 || len(digits) > 9 || digits[0] == '0' && len(digits) > 1 {
		return type1{}, false
	}
	size := 0
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return type1{}, false
		}
		size = size*10 + int(c-'0')
	}
	return type1{text1, size}, true
}

// field1 is a field with what the document does not show.
type field1 struct {
	label, signature string
	typ              type1
	index            byte
	published        []byte
}

func (f *field1) document() Field {
	return Field{f.label, f.signature, f.index != indexOneBuffer, f.typ.decode(f.published)}
}

// same is V1-R2: what two copies have to agree on.
func (f *field1) same(g *field1) bool {
	return f.label == g.label && f.signature == g.signature && f.index == g.index &&
		string(f.published) == string(g.published)
}

func parse1(data []byte) (*Document, error) {
	fields, err := parseFields(data)
	if err != nil {
		return nil, err
	}
	d := &Document{Version: version1, Fields: make([]Field, len(fields))}
	for i := range fields {
		d.Fields[i] = fields[i].document()
	}
	return d, nil
}

func parseFields(data []byte) ([]field1, error) {
	var fields []field1
	at := 1
	// take is the next element of the given size, or none where it does not lie whole in the file.
	take := func(size int) []byte {
		if len(data)-at < size {
			return nil
		}
		at += size
		return data[at-size : at : at]
	}
	truncated := func() error { return malformed(codeTruncated, uint64(at)) }
	for {
		// V1-8: where the fields end.
		if left := len(data) - at; left == 0 || left == 1 && data[at] == 0 {
			break
		}
		size := take(labelSizeBytes)
		if size == nil {
			return nil, truncated()
		}
		n := binary.LittleEndian.Uint16(size)
		if n == 0 {
			at -= labelSizeBytes
			break
		}
		var f field1
		label := take(int(n))
		if label == nil {
			return nil, truncated()
		}
		f.label = string(label)
		if size = take(signatureSizeBytes); size == nil {
			return nil, truncated()
		}
		signatureAt := uint64(at)
		n = binary.LittleEndian.Uint16(size)
		signature := take(int(n))
		if signature == nil && n > 0 {
			return nil, truncated()
		}
		f.signature = string(signature)
		var known bool
		if f.typ, known = typeOf(f.signature); !known {
			return nil, malformed(codeUnknownType, signatureAt)
		}
		index := take(1)
		if index == nil {
			return nil, truncated()
		}
		f.index = index[0]
		switch f.index {
		case indexOneBuffer:
			if f.published = take(f.typ.size); f.published == nil {
				return nil, truncated()
			}
		case 0, 1:
			buffers := take(2 * f.typ.size)
			if buffers == nil {
				return nil, truncated()
			}
			// V1-7: the buffer that the index does not name.
			begin := (1 - int(f.index)) * f.typ.size
			f.published = buffers[begin : begin+f.typ.size]
		default:
			return nil, malformed(codeBadIndex, uint64(at-1))
		}
		fields = append(fields, f)
	}
	for ; at < len(data); at++ {
		if data[at] != 0 {
			return nil, malformed(codeTrailingBytes, uint64(at))
		}
	}
	return fields, nil
}

func (t type1) decode(b []byte) Value {
	switch t.kind {
	case boolean1:
		return Boolean(b[0] != 0)
	case text1:
		return Text(strings.SplitN(string(b), "\x00", 2)[0])
	case float1:
		if t.size == 4 {
			return Float(widen(binary.LittleEndian.Uint32(b)))
		}
		return Float(math.Float64frombits(binary.LittleEndian.Uint64(b)))
	}
	var word [wordSize]byte
	copy(word[:], b)
	bits := binary.LittleEndian.Uint64(word[:])
	if t.kind == unsigned1 {
		return Unsigned(bits)
	}
	unused := 64 - 8*t.size
	return Signed(int64(bits<<unused) >> unused)
}

const (
	fraction32   = 1<<23 - 1
	fractionMore = 52 - 23 // bits of fraction that binary64 has beyond binary32
)

// widen is J-3: the bits of a NaN are moved by hand.
func widen(bits uint32) float64 {
	f := math.Float32frombits(bits)
	if f == f {
		return float64(f)
	}
	return math.Float64frombits(uint64(bits>>31)<<63 | 0x7FF<<52 | uint64(bits&fraction32)<<fractionMore)
}

// narrow is the way back; what is left of a NaN stays one.
func narrow(f float64) uint32 {
	if f == f {
		return math.Float32bits(float32(f))
	}
	bits := math.Float64bits(f)
	fraction := uint32(bits>>fractionMore) & fraction32
	if fraction == 0 {
		fraction = 1
	}
	return uint32(bits>>63)<<31 | 0xFF<<23 | fraction
}
