// Polling version 1 (FORMAT.md 2.6): a value is confirmed when two copies of
// the file agree on it (V1-R2).

package mmstats

func (p *Poller) poll1() (*Document, error) {
	copyOf := func(round int) ([]field1, error) {
		data, err := p.file.readAll(p.buffers[round%2])
		if err != nil {
			return nil, err
		}
		p.buffers[round%2] = data
		if len(data) == 0 || data[0] != version1 {
			_, err := Parse(data)
			if err == nil {
				err = errChanged // another version by now
			}
			return nil, err
		}
		return parseFields(data)
	}
	before, err := copyOf(0)
	if err != nil {
		return nil, err
	}
	var d *Document
	var confirmed []bool
	for round := 1; round <= copyRounds; round++ {
		now, err := copyOf(round)
		if err != nil {
			return nil, err
		}
		next := &Document{Version: version1, Fields: make([]Field, len(now))}
		nextConfirmed := make([]bool, len(now))
		all := true
		for i := range now {
			f := &now[i]
			switch {
			case i < len(before) && f.same(&before[i]):
				next.Fields[i], nextConfirmed[i] = f.document(), true
			case i < len(confirmed) && confirmed[i] && f.label == d.Fields[i].Label && f.signature == d.Fields[i].Signature:
				next.Fields[i], nextConfirmed[i] = d.Fields[i], true
			default:
				next.Fields[i], all = f.document(), false
			}
		}
		d, confirmed, before = next, nextConfirmed, now
		if all {
			return d, nil
		}
	}
	for i := range d.Fields {
		if !confirmed[i] {
			d.Fields[i].Value = Unconfirmed{d.Fields[i].Value} // V1-R3
		}
	}
	return d, nil
}
