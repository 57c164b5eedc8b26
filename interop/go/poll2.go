// Polling version 2 (FORMAT.md 3.9) with read calls: each is a set of aligned
// words in no order, and two calls stand in order. So a latch needs three: its
// sequence word, its buffers, its sequence word again (V2-R4); and for all
// latches of an extent three copies of its values area do.

package mmstats

type poll2 struct {
	file      *file
	layout    layout
	buffer    []byte
	areas     []areas
	confirmed []Value // of each series of a latch: what was confirmed last
}

// areas are an extent's three last copies of its values area, the latest last.
type areas [3][]byte

// The source of the layout: each at is a call of its own.

func (p *poll2) size() (uint64, error) { return p.file.size() }

func (p *poll2) at(offset, size uint64) ([]byte, error) {
	if uint64(cap(p.buffer)) < size {
		// What is asked for may be beyond the file: at most its own size is taken.
		whole, err := p.file.size()
		if err != nil {
			return nil, err
		}
		if size > whole {
			size = whole
		}
		p.buffer = make([]byte, size+extentHeadSize)
	}
	n, err := p.file.at(p.buffer[:size], offset)
	return p.buffer[:n], err
}

func (p *poll2) poll() (*Document, error) {
	l := &p.layout
	if err := l.update(p); err != nil {
		return nil, err
	}
	for len(p.areas) < len(l.extents) {
		p.areas = append(p.areas, areas{})
	}
	for len(p.confirmed) < len(l.series) {
		p.confirmed = append(p.confirmed, nil)
	}
	for i, e := range l.extents {
		copies := 1
		if e.latches {
			copies = 3
		}
		for ; copies > 0; copies-- {
			if err := p.copyArea(i); err != nil {
				return nil, err
			}
		}
	}
	values := make([]Value, len(l.series))
	var pending []int
	for i := range l.series {
		s := &l.series[i]
		f := l.families[s.family]
		if !f.latched() {
			values[i] = f.decodeWord(u64(p.areas[s.extent][2][s.slot:]))
		} else if !p.confirm(i) {
			pending = append(pending, i)
		}
	}
	pending, err := p.tryAgain(pending)
	if err != nil {
		return nil, err
	}
	unordered := l.compatible&featureUnordered != 0
	for i := range l.series {
		if l.families[l.series[i].family].latched() {
			values[i] = p.confirmed[i]
			if unordered {
				values[i] = Unconfirmed{values[i]} // V2-R6
			}
		}
	}
	if !unordered {
		for _, i := range pending {
			values[i] = Unconfirmed{values[i]} // V2-R5
		}
	}
	return l.with(func(i int) Value { return values[i] }), nil
}

// copyArea makes one more copy of an extent's values area.
func (p *poll2) copyArea(extent int) error {
	e := p.layout.extents[extent]
	a := &p.areas[extent]
	a[0], a[1], a[2] = a[1], a[2], a[0]
	if uint64(cap(a[2])) < e.slotsUsed {
		a[2] = make([]byte, e.slotsUsed)
	}
	a[2] = a[2][:e.slotsUsed]
	n, err := p.file.at(a[2], e.valuesAt())
	if err == nil && uint64(n) < e.slotsUsed {
		err = malformed(codeTruncated, e.offset) // made shorter meanwhile
	}
	return err
}

// confirm takes a latch's value from the last three copies, if it is confirmed.
func (p *poll2) confirm(i int) bool {
	s := &p.layout.series[i]
	a := &p.areas[s.extent]
	sequence := u64(a[0][s.slot:])
	if u64(a[2][s.slot:]) != sequence {
		return false
	}
	f := p.layout.families[s.family]
	p.confirmed[i] = f.decodeContent(f.buffer(a[1][s.slot:s.slot+s.size], sequence))
	return true
}

// tryAgain confirms what it can of the latches named, and returns the others.
func (p *poll2) tryAgain(pending []int) ([]int, error) {
	for round := 0; round < copyRounds && len(pending) > 0; round++ {
		last := -1
		for _, i := range pending {
			// Series stand in the order of their extents.
			if extent := p.layout.series[i].extent; extent != last {
				if err := p.copyArea(extent); err != nil {
					return nil, err
				}
				last = extent
			}
		}
		var left []int
		for _, i := range pending {
			if !p.confirm(i) {
				left = append(left, i)
			}
		}
		pending = left
	}
	var left []int
	for _, i := range pending {
		ok := false
		for try := 0; try < latchTries && !ok; try++ {
			var err error
			if ok, err = p.readLatch(i); err != nil {
				return nil, err
			}
		}
		if !ok {
			left = append(left, i)
		}
	}
	return left, nil
}

// readLatch is V2-R4 for one latch.
func (p *poll2) readLatch(i int) (bool, error) {
	s := &p.layout.series[i]
	f := p.layout.families[s.family]
	e := p.layout.extents[s.extent]
	at := e.valuesAt() + s.slot
	short := malformed(codeTruncated, e.offset)

	b, err := p.at(at, sequenceSize)
	if err != nil || len(b) < sequenceSize {
		return false, orElse(err, short)
	}
	sequence := u64(b)
	size := f.contentSize()
	b, err = p.at(at+sequenceSize+(sequence&1)*size, size)
	if err != nil || uint64(len(b)) < size {
		return false, orElse(err, short)
	}
	value := f.decodeContent(b)
	b, err = p.at(at, sequenceSize)
	if err != nil || len(b) < sequenceSize {
		return false, orElse(err, short)
	}
	if u64(b) != sequence {
		return false, nil
	}
	p.confirmed[i] = value
	return true, nil
}

func orElse(err, other error) error {
	if err != nil {
		return err
	}
	return other
}
