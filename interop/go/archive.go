// Archives as bytes (FORMAT.md 3.12): one extent with all records and slots.

package mmstats

import "math"

// archive is the content of one.
type archive struct {
	app      string
	id       ID
	created  uint64
	families []FamilySeries
	folded   []ID
}

// bytes is the whole file.
func (a *archive) bytes() []byte {
	metadata := originRecord(a.app, "")
	var slots []byte
	for i := range a.families {
		metadata = append(metadata, familyRecord(a.families[i].Family)...)
	}
	for i := range a.families {
		f := &a.families[i]
		for _, s := range f.Series {
			metadata = append(metadata, seriesRecord(uint32(i), f.Family, s.Labels)...)
			slots = append(slots, f.slotBytes(s.Value)...)
		}
	}
	for _, id := range a.folded {
		metadata = append(metadata, foldedRecord(id)...)
	}
	used := uint64(len(metadata))
	b := headerBytes(&WriterInfo{ID: a.id, Created: a.created}, featureArchive, 0, stateClosed)
	b = append(b, extentHead(extentHeadSize+used+uint64(len(slots)), used, used, 0)...)
	return append(append(b, metadata...), slots...)
}

// slotBytes is a slot that says the value; of a latch both buffers do.
func (f *Family) slotBytes(v Value) []byte {
	content := f.content(v)
	slot := make([]uint64, f.slotSize()/wordSize)
	initialise(slot, content, f.latched())
	b := make([]byte, 0, f.slotSize())
	for _, w := range slot {
		var word [wordSize]byte
		put64(word[:], w)
		b = append(b, word[:]...)
	}
	return b
}

// content is a value as a word or buffer has it.
func (f *Family) content(v Value) []uint64 {
	content := f.initial()
	switch v := v.(type) {
	case nil:
	case Text:
		if f.Kind == KindStateSet {
			for i, state := range f.States {
				if state == string(v) {
					content[0] = uint64(i)
				}
			}
			break
		}
		b := make([]byte, roundUp(uint64(len(v))))
		copy(b, v)
		content[0] = uint64(len(v))
		for i := range content[1 : 1+len(b)/wordSize] {
			content[1+i] = u64(b[i*wordSize:])
		}
	case Timed:
		content[0] = v.Time
		if v.Value != nil {
			content[1] = wordOf(v.Value)
		}
	case Summary:
		content = []uint64{v.Count, math.Float64bits(v.Sum), math.Float64bits(v.Min), math.Float64bits(v.Max),
			math.Float64bits(v.Last)}
	case Histogram:
		content[0] = math.Float64bits(v.Sum)
		copy(content[1:], v.Counts)
	default:
		content[0] = wordOf(v)
	}
	return content
}

func wordOf(v Value) uint64 {
	switch v := v.(type) {
	case Unsigned:
		return uint64(v)
	case Signed:
		return uint64(v)
	case Float:
		return math.Float64bits(float64(v))
	case Boolean:
		if v {
			return 1
		}
	}
	return 0
}
