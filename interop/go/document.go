// What a file says, apart from how it says it (FORMAT.md 1.4): the document,
// its families, series and values, and their canonical JSON (J-1 to J-9).

package mmstats

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// Document is the content of a file: of version 1 its fields, of version 2
// all the rest.
type Document struct {
	Version  int
	Fields   []Field
	Features []string
	Closed   bool
	Writer   WriterInfo
	Families []FamilySeries
	Folded   []ID
}

// Field is one of version 1. Its label may be any bytes.
type Field struct {
	Label     string
	Signature string
	Buffered  bool
	Value     Value
}

// ID is that of a writer, or of a boot.
type ID [idSize]byte

func (id ID) String() string { return hex.EncodeToString(id[:]) }

// WriterInfo tells who writes a file of version 2.
type WriterInfo struct {
	ID        ID
	App, Host string
	Created   uint64 // Unix nanoseconds
	Pid       uint64
	Thread    uint64
	Start     uint64 // clock ticks since boot
	Boot      ID
	Namespace uint64
}

// Family declares a metric.
type Family struct {
	Name        string
	Kind        Kind
	Type        Type
	Combination Combination
	Kept        bool
	Unit, Help  string
	Labels      []string
	Bounds      []float64 // of a histogram
	States      []string  // of a state set
	Capacity    uint64    // of a text, in bytes
}

// FamilySeries is a family with what its series say.
type FamilySeries struct {
	*Family
	Series []Series
}

// Series is one child of a family: its label values, and its value.
type Series struct {
	Labels []string
	Value  Value
}

// Value is nil for what is unset, else one of Unsigned, Signed, Float, Boolean,
// Text (also that of a state), Timed, Summary, Histogram, Unconfirmed, Members.
type Value interface{ canonical() any }

type (
	Unsigned uint64
	Signed   int64
	Float    float64
	Boolean  bool
	Text     string // UTF-8 or not

	// Timed is the value of a gauge combined by last.
	Timed struct {
		Time  uint64 // Unix nanoseconds
		Value Value
	}

	// Summary has the unset float in Min, Max and Last while it is empty.
	Summary struct {
		Count               uint64
		Sum, Min, Max, Last float64
	}

	// Histogram has a count for each bound, and one for what is above the last.
	Histogram struct {
		Sum    float64
		Counts []uint64
	}

	// Unconfirmed wraps a value that a reader has not confirmed (J-9).
	Unconfirmed struct{ Value Value }

	// Members is the total of what is combined by all: a value for each file.
	Members []Member

	// Member is what one file says.
	Member struct {
		File  string
		Value Value
	}
)

func integer(n uint64) string { return strconv.FormatUint(n, 10) }

// float is J-3, and null for what is unset.
func float(f float64) any {
	bits := math.Float64bits(f)
	if bits == unsetFloat {
		return nil
	}
	return floatDigits(bits)
}

func floatDigits(bits uint64) string { return fmt.Sprintf("%016x", bits) }

// text is J-4.
func text(s string) any {
	if utf8.ValidString(s) {
		return s
	}
	return map[string]any{"hex": hex.EncodeToString([]byte(s))}
}

func texts(list []string) []any {
	all := make([]any, len(list))
	for i, s := range list {
		all[i] = text(s)
	}
	return all
}

func canonical(v Value) any {
	if v == nil {
		return nil
	}
	return v.canonical()
}

func (v Unsigned) canonical() any { return integer(uint64(v)) }
func (v Signed) canonical() any   { return strconv.FormatInt(int64(v), 10) }
func (v Float) canonical() any    { return floatDigits(math.Float64bits(float64(v))) }
func (v Boolean) canonical() any  { return bool(v) }
func (v Text) canonical() any     { return text(string(v)) }

func (v Timed) canonical() any {
	return map[string]any{"time": integer(v.Time), "value": canonical(v.Value)}
}

func (v Summary) canonical() any {
	return map[string]any{"count": integer(v.Count), "sum": floatDigits(math.Float64bits(v.Sum)),
		"min": float(v.Min), "max": float(v.Max), "last": float(v.Last)}
}

func (v Histogram) canonical() any {
	counts := make([]string, len(v.Counts))
	for i, n := range v.Counts {
		counts[i] = integer(n)
	}
	return map[string]any{"sum": floatDigits(math.Float64bits(v.Sum)), "counts": counts}
}

func (v Unconfirmed) canonical() any { return map[string]any{"unconfirmed": canonical(v.Value)} }

func (v Members) canonical() any {
	all := make([]any, len(v))
	for i, m := range v {
		all[i] = map[string]any{"file": text(m.File), "value": canonical(m.Value)}
	}
	return all
}

// Canonical is the document as a tree for encoding/json.
func (d *Document) Canonical() any {
	if d.Version == version1 {
		fields := make([]any, len(d.Fields))
		for i, f := range d.Fields {
			fields[i] = map[string]any{"label": text(f.Label), "type": f.Signature,
				"buffered": f.Buffered, "value": canonical(f.Value)}
		}
		return map[string]any{"version": version1, "fields": fields}
	}
	state := "live"
	if d.Closed {
		state = "closed"
	}
	folded := make([]string, len(d.Folded))
	for i, id := range d.Folded {
		folded[i] = id.String()
	}
	w := &d.Writer
	return map[string]any{
		"version":  version2,
		"features": append([]string{}, d.Features...),
		"state":    state,
		"writer": map[string]any{"id": w.ID.String(), "app": w.App, "host": w.Host, "created": integer(w.Created),
			"pid": integer(w.Pid), "thread": integer(w.Thread), "start": integer(w.Start),
			"boot": w.Boot.String(), "namespace": integer(w.Namespace)},
		"families": CanonicalFamilies(d.Families),
		"folded":   folded,
	}
}

// CanonicalFamilies is a list of families as a tree for encoding/json (J-7).
func CanonicalFamilies(families []FamilySeries) []any {
	all := make([]any, len(families))
	for i, f := range families {
		bounds := make([]string, len(f.Bounds))
		for j, b := range f.Bounds {
			bounds[j] = floatDigits(math.Float64bits(b))
		}
		series := make([]any, len(f.Series))
		for j, s := range f.Series {
			series[j] = map[string]any{"labels": texts(s.Labels), "value": canonical(s.Value)}
		}
		all[i] = map[string]any{"name": text(f.Name), "kind": f.Kind.String(), "type": f.Type.String(),
			"combination": f.Combination.String(), "kept": f.Kept, "unit": f.Unit, "help": f.Help,
			"labels": texts(f.Labels), "bounds": bounds, "states": texts(f.States),
			"capacity": integer(f.Capacity), "series": series}
	}
	return all
}

// MarshalJSON is the canonical JSON document.
func (d *Document) MarshalJSON() ([]byte, error) { return json.Marshal(d.Canonical()) }
