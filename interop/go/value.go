// Slots (FORMAT.md 3.7): how large they are, what they hold before the first
// update, and what they say.

package mmstats

import "math"

// latched says whether the family's slots are latches; else they are words.
func (f *Family) latched() bool {
	switch f.Kind {
	case KindText, KindSummary, KindHistogram:
		return true
	}
	return f.Combination == CombineLast
}

// contentSize is the size of a word, or of each buffer of a latch.
func (f *Family) contentSize() uint64 {
	switch f.Kind {
	case KindText:
		return wordSize + roundUp(f.Capacity)
	case KindSummary:
		return 5 * wordSize
	case KindHistogram:
		return wordSize * uint64(len(f.Bounds)+2)
	}
	if f.Combination == CombineLast {
		return 2 * wordSize
	}
	return wordSize
}

func (f *Family) slotSize() uint64 {
	if f.latched() {
		return sequenceSize + 2*f.contentSize()
	}
	return wordSize
}

// unsetWord is V2-32 for what stands in a word.
func (f *Family) unsetWord() uint64 {
	if f.Kind == KindCounter {
		return 0
	}
	switch f.Type {
	case TypeSigned:
		return unsetSigned
	case TypeFloat:
		return unsetFloat
	case TypeBoolean:
		return unsetBoolean
	}
	return unsetUnsigned
}

// initial is the content before the first update (V2-31), in words.
func (f *Family) initial() []uint64 {
	content := make([]uint64, f.contentSize()/wordSize)
	switch f.Kind {
	case KindText:
		content[0] = unsetLength
	case KindSummary:
		content[2], content[3], content[4] = unsetFloat, unsetFloat, unsetFloat
	case KindHistogram:
	default:
		content[len(content)-1] = f.unsetWord()
	}
	return content
}

// decodeSlot is the value of a slot at rest.
func (f *Family) decodeSlot(slot []byte) Value {
	if !f.latched() {
		return f.decodeWord(u64(slot))
	}
	return f.decodeContent(f.buffer(slot, u64(slot)))
}

// buffer is the one that a sequence number publishes.
func (f *Family) buffer(slot []byte, sequence uint64) []byte {
	size := f.contentSize()
	begin := sequenceSize + (sequence&1)*size
	return slot[begin : begin+size]
}

func (f *Family) decodeWord(bits uint64) Value {
	if f.Kind == KindStateSet {
		if bits >= uint64(len(f.States)) {
			return nil
		}
		return Text(f.States[bits])
	}
	// A counter is never unset.
	if f.Kind != KindCounter && bits == f.unsetWord() {
		return nil
	}
	switch f.Type {
	case TypeUnsigned:
		return Unsigned(bits)
	case TypeSigned:
		return Signed(bits)
	case TypeFloat:
		return Float(math.Float64frombits(bits))
	}
	if bits > 1 {
		return nil
	}
	return Boolean(bits == 1)
}

// decodeContent is the value of a latch's buffer. It keeps nothing of it.
func (f *Family) decodeContent(b []byte) Value {
	at := func(i int) float64 { return math.Float64frombits(u64(b[i*wordSize:])) }
	switch f.Kind {
	case KindText:
		length := u64(b)
		if length == unsetLength {
			return nil
		}
		if length > f.Capacity {
			length = f.Capacity
		}
		return Text(b[wordSize : wordSize+length])
	case KindSummary:
		return Summary{u64(b), at(1), at(2), at(3), at(4)}
	case KindHistogram:
		counts := make([]uint64, len(f.Bounds)+1)
		for i := range counts {
			counts[i] = u64(b[(i+1)*wordSize:])
		}
		return Histogram{at(0), counts}
	}
	if time := u64(b); time != emptyTimestamp {
		return Timed{time, f.decodeWord(u64(b[wordSize:]))}
	}
	return nil
}
