// Going through the steps of a scenario (CONFORMANCE.md P-11, P-12). What the
// library refuses is passed over.

package main

import (
	"bufio"
	"errors"
	"os"
	"strconv"
	"strings"

	"mmstats"
)

type declared struct{ mmstats.Family }

type runner struct {
	worker *worker
	file   interface {
		Path() string
		Close()
	}
	v2       *mmstats.Writer
	v1       *mmstats.Writer1
	fields   map[string]fieldJSON
	families map[string]declared
	input    *bufio.Reader
}

func (r *runner) create(s *scenario, path string) error {
	r.input = bufio.NewReader(os.Stdin)
	switch s.Version {
	case 1:
		fields := make([]mmstats.Field1, len(s.Fields))
		r.fields = map[string]fieldJSON{}
		for i, f := range s.Fields {
			fields[i] = mmstats.Field1{Label: string(f.Label), Signature: string(f.Type), Buffered: f.Buffered}
			if f.Value.there && !f.Value.null {
				var err error
				if fields[i].Initial, err = fieldValue(string(f.Type), &f.Value, 0); err != nil {
					return err
				}
			}
			r.fields[string(f.Label)] = f
		}
		w, err := mmstats.Create1(path, fields)
		if err != nil {
			return err
		}
		r.v1, r.file = w, w
		return nil
	case 2:
		options := mmstats.Options{App: string(s.App), Host: string(s.Host), Thread: mmstats.CurrentThread()}
		for i := range s.Families {
			d, err := s.Families[i].declaration()
			if err != nil {
				return err
			}
			options.Families = append(options.Families, d)
			r.families[d.Name] = declared{d.Family}
		}
		w, err := mmstats.Create(path, options)
		if err != nil {
			return err
		}
		r.v2, r.file = w, w
		return nil
	}
	return errors.New("unknown version")
}

// run goes through steps in the turn of the innermost loop. Where none hands
// the file over all is done in the file's thread, else what is between.
func (r *runner) run(steps []*step, turn uint64) {
	for _, s := range steps {
		s := s
		switch {
		case s.Do == "hand-over":
			r.worker.end()
			r.worker = newWorker()
			if r.v2 != nil {
				r.worker.do(func() { r.v2.HandOver(mmstats.CurrentThread()) })
			}
		case s.Do == "loop" && handsOver(s.Steps):
			for n := uint64(1); s.Times == 0 || n <= s.Times; n++ {
				r.run(s.Steps, n)
			}
		default:
			r.worker.do(func() { r.step(s, turn) })
		}
	}
}

func handsOver(steps []*step) bool {
	for _, s := range steps {
		if s.Do == "hand-over" || handsOver(s.Steps) {
			return true
		}
	}
	return false
}

func (r *runner) step(s *step, turn uint64) {
	switch s.Do {
	case "inc", "set", "observe":
		if s.update == nil {
			s.update = r.updateOf(s)
		}
		if s.update != nil {
			s.update(turn)
		}
	case "series":
		r.series(string(s.Name), plain(s.Labels))
	case "each":
		for n := s.From; n <= s.To; n++ {
			labels := plain(s.Labels)
			for i := range labels {
				labels[i] = strings.ReplaceAll(labels[i], "#", strconv.FormatInt(n, 10))
			}
			r.series(string(s.Name), labels)
		}
	case "declare":
		if d, err := s.Family.declaration(); err == nil && r.v2 != nil && r.v2.Declare(d) == nil {
			r.families[d.Name] = declared{d.Family}
		}
	case "loop":
		for n := uint64(1); s.Times == 0 || n <= s.Times; n++ {
			for _, inner := range s.Steps {
				r.step(inner, n)
			}
		}
	case "wait":
		out.Encode(map[string]any{"waiting": string(s.Name)})
		r.input.ReadString('\n')
	case "close":
		r.file.Close()
	}
}

func (r *runner) series(name string, labels []string) (any, error) {
	if r.v2 == nil {
		return nil, errValue
	}
	return r.v2.Series(name, labels...)
}

// updateOf finds the series of a step, once, and says what to do with it; nil
// where there is none.
func (r *runner) updateOf(s *step) func(turn uint64) {
	if r.v1 != nil {
		return r.updateField(s)
	}
	series, err := r.series(string(s.Name), plain(s.Labels))
	if err != nil {
		return nil
	}
	v := &s.Value
	f := r.families[string(s.Name)]
	switch s.Do {
	case "inc":
		if f.Kind == mmstats.KindUnknown {
			return nil
		}
		return increment(series, v)
	case "set":
		if v.null {
			if g, ok := series.(interface{ Unset() }); ok {
				return func(uint64) { g.Unset() }
			}
			return nil
		}
		return setting(series, v, &f.Family)
	}
	if o, ok := series.(interface{ Observe(float64) bool }); ok {
		return func(turn uint64) {
			if amount, err := v.float(turn); err == nil {
				o.Observe(amount)
			}
		}
	}
	return nil
}

func increment(series any, v *value) func(turn uint64) {
	switch c := series.(type) {
	case *mmstats.Counter:
		return func(turn uint64) {
			if n, negative, err := v.integer(turn); err == nil && !negative {
				c.Add(n)
			}
		}
	case *mmstats.Gauge[uint64]:
		return func(turn uint64) {
			if n, negative, err := v.integer(turn); err == nil && negative {
				c.Sub(-n)
			} else if err == nil {
				c.Add(n)
			}
		}
	case *mmstats.Gauge[int64]:
		return func(turn uint64) {
			if n, negative, err := v.integer(turn); err == nil && negative == (int64(n) < 0) {
				c.Add(int64(n))
			}
		}
	case interface{ Add(float64) bool }:
		return func(turn uint64) {
			if amount, err := v.float(turn); err == nil {
				c.Add(amount)
			}
		}
	}
	return nil
}

func setting(series any, v *value, f *mmstats.Family) func(turn uint64) {
	switch g := series.(type) {
	case *mmstats.Gauge[uint64]:
		return func(turn uint64) {
			if n, negative, err := v.integer(turn); err == nil && !negative {
				g.Set(n)
			}
		}
	case *mmstats.Gauge[int64]:
		return func(turn uint64) {
			if n, negative, err := v.integer(turn); err == nil && negative == (int64(n) < 0) {
				g.Set(int64(n))
			}
		}
	case *mmstats.Gauge[float64]:
		return func(turn uint64) {
			if amount, err := v.float(turn); err == nil {
				g.Set(amount)
			}
		}
	case *mmstats.BooleanGauge:
		return func(turn uint64) {
			if truth, err := v.truth(turn); err == nil {
				g.Set(truth)
			}
		}
	case *mmstats.StateSet:
		return func(turn uint64) {
			if n, ok := v.number(turn); ok && n < uint64(len(f.States)) {
				g.Set(f.States[n])
			} else if v.text != nil {
				g.Set(*v.text)
			}
		}
	case *mmstats.TextGauge:
		return func(turn uint64) {
			if t, err := v.repeated(turn, int(f.Capacity)); err == nil {
				g.Set(t)
			}
		}
	}
	return nil
}

func (r *runner) updateField(s *step) func(turn uint64) {
	field, err := r.v1.Field(string(s.Name))
	if err != nil || s.Do == "observe" {
		return nil
	}
	signature := string(r.fields[string(s.Name)].Type)
	update := field.Set
	if s.Do == "inc" {
		update = field.Add
	}
	return func(turn uint64) {
		if v, err := fieldValue(signature, &s.Value, turn); err == nil {
			update(v)
		}
	}
}

// fieldValue is a value for a field of version 1.
func fieldValue(signature string, v *value, turn uint64) (mmstats.Value, error) {
	typ, size, ok := mmstats.Signature1(signature)
	if !ok {
		return nil, errValue
	}
	switch typ {
	case mmstats.TypeUnsigned, mmstats.TypeSigned:
		n, _, err := v.integer(turn)
		return mmstats.Unsigned(n), err
	case mmstats.TypeFloat:
		f, err := v.float(turn)
		return mmstats.Float(f), err
	case mmstats.TypeBoolean:
		b, err := v.truth(turn)
		return mmstats.Boolean(b), err
	}
	t, err := v.repeated(turn, size)
	return mmstats.Text(t), err
}
