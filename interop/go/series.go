// Series: what a program updates. Each keeps its value in memory of its own
// (W2.1) and stores it by one atomic store, or by a latch; none looks anything
// up. What is refused changes nothing (V2-W14).

package mmstats

import (
	"math"
	"sort"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// Counter counts things.
type Counter struct {
	word  *uint64
	value uint64
}

// Add counts n more.
func (c *Counter) Add(n uint64) {
	c.value += n
	atomic.StoreUint64(c.word, c.value) // W1.1
}

// Inc counts one more.
func (c *Counter) Inc() { c.Add(1) }

func (c *Counter) detach()   { c.word = new(uint64) }
func (c *Counter) handOver() {}

// FloatCounter adds up amounts.
type FloatCounter struct {
	word  *uint64
	value float64
}

// Add refuses what is negative or not a number.
func (c *FloatCounter) Add(amount float64) bool {
	if !(amount >= 0) {
		return false
	}
	c.value += amount
	atomic.StoreUint64(c.word, math.Float64bits(c.value))
	return true
}

func (c *FloatCounter) detach()   { c.word = new(uint64) }
func (c *FloatCounter) handOver() {}

// cell is a single value that can be unset: a word, or, for what is combined
// by last, a latch with the time of the setting.
type cell struct {
	word   *uint64
	latch  *latch
	unset  uint64 // pattern
	summed bool
}

func (c *cell) store(bits uint64) {
	if c.latch == nil {
		atomic.StoreUint64(c.word, bits)
		return
	}
	c.latch.content[0] = uint64(time.Now().UnixNano())
	c.latch.content[1] = bits
	c.latch.publish()
}

func (c *cell) clear() {
	if c.latch == nil {
		atomic.StoreUint64(c.word, c.unset)
		return
	}
	c.latch.content[0] = emptyTimestamp
	c.latch.content[1] = c.unset
	c.latch.publish()
}

func (c *cell) detach() {
	if c.latch == nil {
		c.word = new(uint64)
	} else {
		c.latch.detach()
	}
}

// Number is the type of a gauge's values.
type Number interface{ uint64 | int64 | float64 }

// Gauge is a number that goes up and down, or one of unknown kind.
type Gauge[T Number] struct {
	cell
	value T
}

// Set sets the gauge.
func (g *Gauge[T]) Set(value T) {
	g.value = value
	g.store(bitsOf(value))
}

// Add refuses what leads beyond the type. An unset gauge counts from 0.
func (g *Gauge[T]) Add(amount T) bool {
	sum := g.value + amount
	if amount > 0 && sum < g.value || amount < 0 && sum > g.value {
		return false
	}
	g.Set(sum)
	return true
}

// Sub is the contrary of Add.
func (g *Gauge[T]) Sub(amount T) bool {
	difference := g.value - amount
	if amount > 0 && difference > g.value || amount < 0 && difference < g.value {
		return false
	}
	g.Set(difference)
	return true
}

// Unset says that there is no value.
func (g *Gauge[T]) Unset() {
	g.value = 0
	g.clear()
}

func (g *Gauge[T]) handOver() {
	if !g.summed {
		g.Unset()
	}
}

func bitsOf[T Number](value T) uint64 {
	switch v := any(value).(type) {
	case float64:
		if bits := math.Float64bits(v); bits != unsetFloat {
			return bits
		}
		return quietNaN // math.NaN() has the bits of what is unset
	case int64:
		return uint64(v)
	}
	return uint64(value)
}

// BooleanGauge is true or false, or of unknown kind.
type BooleanGauge struct{ cell }

// Set sets the gauge.
func (g *BooleanGauge) Set(value bool) {
	if value {
		g.store(1)
	} else {
		g.store(0)
	}
}

// Unset says that there is no value.
func (g *BooleanGauge) Unset()    { g.clear() }
func (g *BooleanGauge) handOver() { g.Unset() }

// StateSet is one of several states.
type StateSet struct {
	cell
	states []string
}

// Set refuses a state that the family does not have.
func (s *StateSet) Set(state string) bool {
	for i, name := range s.states {
		if name == state {
			s.store(uint64(i))
			return true
		}
	}
	return false
}

// Unset says that none is active.
func (s *StateSet) Unset()    { s.clear() }
func (s *StateSet) handOver() { s.Unset() }

// TextGauge is a text of limited size.
type TextGauge struct {
	latch
	capacity uint64
}

// Set cuts what is too long after a whole character.
func (t *TextGauge) Set(s string) {
	s = cutText(s, t.capacity)
	t.content[0] = uint64(len(s))
	var rest [wordSize]byte
	i := 1
	for ; len(s) >= wordSize; s = s[wordSize:] {
		copy(rest[:], s)
		t.content[i] = u64(rest[:])
		i++
	}
	if len(s) > 0 {
		rest = [wordSize]byte{}
		copy(rest[:], s)
		t.content[i] = u64(rest[:])
	}
	t.publish()
}

// cutText never cuts a UTF-8 sequence in two.
func cutText(s string, capacity uint64) string {
	if uint64(len(s)) <= capacity {
		return s
	}
	end := int(capacity)
	for back := 0; back < utf8.UTFMax && end-back >= 0; back++ {
		if utf8.RuneStart(s[end-back]) {
			return s[:end-back]
		}
	}
	return s[:end]
}

// Unset says that there is no text.
func (t *TextGauge) Unset() {
	t.content[0] = unsetLength
	t.publish()
}

func (t *TextGauge) handOver() { t.Unset() }

// SummarySeries keeps count, sum, least, greatest and last of what it observes.
type SummarySeries struct{ latch }

// Observe refuses what is not a number.
func (s *SummarySeries) Observe(value float64) bool {
	if value != value {
		return false
	}
	bits := math.Float64bits(value)
	c := s.content
	if c[0] == 0 || value < math.Float64frombits(c[2]) {
		c[2] = bits
	}
	if c[0] == 0 || value > math.Float64frombits(c[3]) {
		c[3] = bits
	}
	c[4] = bits
	c[0]++
	c[1] = math.Float64bits(math.Float64frombits(c[1]) + value)
	s.publish()
	return true
}

func (s *SummarySeries) handOver() {}

// HistogramSeries counts what it observes in buckets.
type HistogramSeries struct {
	latch
	bounds []float64
}

// Observe refuses what is not a number.
func (h *HistogramSeries) Observe(value float64) bool {
	if value != value {
		return false
	}
	h.content[1+bucket(h.bounds, value)]++
	h.content[0] = math.Float64bits(math.Float64frombits(h.content[0]) + value)
	h.publish()
	return true
}

const fewBounds = 16 // up to which a search by halves does not pay

// bucket is the number of the first bound that is not below the value.
func bucket(bounds []float64, value float64) int {
	if len(bounds) > fewBounds {
		return sort.SearchFloat64s(bounds, value)
	}
	for i, bound := range bounds {
		if value <= bound {
			return i
		}
	}
	return len(bounds)
}

func (h *HistogramSeries) handOver() {}

// newChild is the series of a slot whose content is as given.
func newChild(f *Family, slot, content []uint64) child {
	switch f.Kind {
	case KindCounter:
		if f.Type == TypeFloat {
			return &FloatCounter{word: &slot[0]}
		}
		return &Counter{word: &slot[0]}
	case KindText:
		return &TextGauge{newLatch(slot, content), f.Capacity}
	case KindSummary:
		return &SummarySeries{newLatch(slot, content)}
	case KindHistogram:
		return &HistogramSeries{newLatch(slot, content), f.Bounds}
	}
	c := cell{unset: f.unsetWord(), summed: f.Combination == CombineSum}
	if f.latched() {
		l := newLatch(slot, content)
		c.latch = &l
	} else {
		c.word = &slot[0]
	}
	switch {
	case f.Kind == KindStateSet:
		return &StateSet{c, f.States}
	case f.Type == TypeSigned:
		return &Gauge[int64]{cell: c}
	case f.Type == TypeFloat:
		return &Gauge[float64]{cell: c}
	case f.Type == TypeBoolean:
		return &BooleanGauge{c}
	}
	return &Gauge[uint64]{cell: c}
}

func seriesAs[T child](w *Writer, name string, labels []string) (series T, err error) {
	c, err := w.series(name, labels)
	if err != nil {
		return series, err
	}
	series, ok := c.(T)
	if !ok {
		return series, errOtherKind
	}
	return series, nil
}

// Counter is the series of the label values, of a counter of unsigned numbers.
func (w *Writer) Counter(name string, labels ...string) (*Counter, error) {
	return seriesAs[*Counter](w, name, labels)
}

// FloatCounter is a series of a counter of floats.
func (w *Writer) FloatCounter(name string, labels ...string) (*FloatCounter, error) {
	return seriesAs[*FloatCounter](w, name, labels)
}

// UnsignedGauge is a series of a gauge, or of what is unknown, of unsigned numbers.
func (w *Writer) UnsignedGauge(name string, labels ...string) (*Gauge[uint64], error) {
	return seriesAs[*Gauge[uint64]](w, name, labels)
}

// SignedGauge is one of signed numbers.
func (w *Writer) SignedGauge(name string, labels ...string) (*Gauge[int64], error) {
	return seriesAs[*Gauge[int64]](w, name, labels)
}

// FloatGauge is one of floats.
func (w *Writer) FloatGauge(name string, labels ...string) (*Gauge[float64], error) {
	return seriesAs[*Gauge[float64]](w, name, labels)
}

// BooleanGauge is one of booleans.
func (w *Writer) BooleanGauge(name string, labels ...string) (*BooleanGauge, error) {
	return seriesAs[*BooleanGauge](w, name, labels)
}

// StateSet is a series of a state set.
func (w *Writer) StateSet(name string, labels ...string) (*StateSet, error) {
	return seriesAs[*StateSet](w, name, labels)
}

// Text is a series of a text.
func (w *Writer) Text(name string, labels ...string) (*TextGauge, error) {
	return seriesAs[*TextGauge](w, name, labels)
}

// Summary is a series of a summary.
func (w *Writer) Summary(name string, labels ...string) (*SummarySeries, error) {
	return seriesAs[*SummarySeries](w, name, labels)
}

// Histogram is a series of a histogram.
func (w *Writer) Histogram(name string, labels ...string) (*HistogramSeries, error) {
	return seriesAs[*HistogramSeries](w, name, labels)
}

// Series is any series: one of the types above.
func (w *Writer) Series(name string, labels ...string) (any, error) {
	return w.series(name, labels)
}
