// OpenMetrics text of a directory (FORMAT.md 3.13): names, labels and samples.

package mmstats

import (
	"fmt"
	"io"
	"math"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// What the table of 3.13 and OpenMetrics append to a name, by kind.
var suffixes = map[Kind][]string{
	KindCounter:   {"_total", "_created"},
	KindText:      {"_info"},
	KindSummary:   {"_count", "_sum", "_created", "_min", "_max", "_last"},
	KindHistogram: {"_bucket", "_count", "_sum", "_created"},
}

// What is left out at the end of a name, since it is appended.
var ownEnding = map[Kind]string{KindCounter: "_total", KindText: "_info"}

var exportedTypes = map[Kind]string{KindCounter: "counter", KindGauge: "gauge", KindStateSet: "stateset",
	KindText: "info", KindSummary: "summary", KindHistogram: "histogram", KindUnknown: "unknown"}

// Labels of the writer of a value (V2-O4), of a text, and those that
// OpenMetrics keeps for itself.
const (
	pidName      = "pid"
	threadName   = "thread"
	fileName     = "file"
	valueName    = "value"
	boundName    = "le"
	quantileName = "quantile"
	threadLabel  = "sys.tid" // of version 1
)

// exported is a family under the name that OpenMetrics shows.
type exported struct {
	*FamilySeries
	base, unit string
	number     int
	labels     []string
}

func (e *exported) name() string {
	name := e.base
	if e.number > 1 {
		name += "_" + strconv.Itoa(e.number)
	}
	if e.unit != "" {
		name += "_" + e.unit
	}
	return name
}

// cleaned is V2-O1: what a name may have, digits not at its beginning.
func cleaned(name string, beginning bool) string {
	var b strings.Builder
	for i, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if letter || r >= '0' && r <= '9' && (i > 0 || !beginning) {
			b.WriteRune(r)
		} else {
			b.WriteByte('_')
		}
	}
	return b.String()
}

// oneUnderscore is V2-O3 for the beginning of a label's name.
func oneUnderscore(name string) string {
	if rest := strings.TrimLeft(name, "_"); len(rest) < len(name) {
		return "_" + rest
	}
	return name
}

func newExported(f *FamilySeries) *exported {
	e := &exported{FamilySeries: f, number: 1, base: cleaned(f.Name, true)}
	if f.Kind == KindStateSet {
		e.base = oneUnderscore(e.base)
	} else if f.Kind != KindText {
		e.unit = cleaned(f.Unit, false)
	}
	if ending := ownEnding[f.Kind]; ending != "" {
		for len(e.base) > len(ending) && strings.HasSuffix(e.base, ending) {
			e.base = strings.TrimSuffix(e.base, ending)
		}
	}
	if e.unit != "" {
		if base := strings.TrimSuffix(e.base, "_"+e.unit); base != "" {
			e.base = base
		}
	}
	return e
}

// taken are the names that are there, and what they have behind them.
type taken map[string]bool

// collides is V2-O2: equal, or one is the other with something behind it.
func (t taken) collides(e *exported) bool {
	name := e.name()
	if t[name] {
		return true
	}
	if e.Kind == KindStateSet && (name == pidName || name == threadName || name == fileName) {
		return true // V2-O3
	}
	for _, s := range suffixes[e.Kind] {
		if t[name+s] {
			return true
		}
	}
	return false
}

func (t taken) add(e *exported) {
	t[e.name()] = true
	for _, s := range suffixes[e.Kind] {
		t[e.name()+s] = true
	}
}

// exportedFamilies have their names: those that keep theirs first, then by what
// they are, never by the order of files.
func exportedFamilies(totals []FamilySeries) []*exported {
	all := make([]*exported, len(totals))
	for i := range totals {
		all[i] = newExported(&totals[i])
	}
	sort.SliceStable(all, func(i, j int) bool {
		a, b := all[i], all[j]
		if keepsA, keepsB := a.name() == a.Name, b.name() == b.Name; keepsA != keepsB {
			return keepsA
		}
		return lessFamily(a.Family, b.Family)
	})
	names := taken{}
	for _, e := range all {
		for names.collides(e) {
			e.number++
		}
		names.add(e)
		e.labels = e.labelNames()
	}
	return all
}

func lessFamily(a, b *Family) bool {
	switch {
	case a.Name != b.Name:
		return a.Name < b.Name
	case a.Kind != b.Kind:
		return a.Kind.String() < b.Kind.String()
	case a.Type != b.Type:
		return a.Type.String() < b.Type.String()
	case a.Combination != b.Combination:
		return a.Combination.String() < b.Combination.String()
	case a.Unit != b.Unit:
		return a.Unit < b.Unit
	}
	for i := 0; i < len(a.Labels) && i < len(b.Labels); i++ {
		if a.Labels[i] != b.Labels[i] {
			return a.Labels[i] < b.Labels[i]
		}
	}
	return len(a.Labels) < len(b.Labels)
}

// labelNames is V2-O3: the family's own labels come after those that are given.
func (e *exported) labelNames() []string {
	used := map[string]bool{boundName: true, quantileName: true}
	if e.Combination == CombineAll {
		used[pidName], used[threadName], used[fileName] = true, true, true
	}
	switch e.Kind {
	case KindText:
		used[valueName] = true
	case KindStateSet:
		used[e.name()] = true
	}
	names := make([]string, len(e.Labels))
	for i, label := range e.Labels {
		plain := oneUnderscore(cleaned(label, true))
		name := plain
		for number := 2; used[name]; number++ {
			name = plain + "_" + strconv.Itoa(number)
		}
		used[name] = true
		names[i] = name
	}
	return names
}

// exporter writes lines, and remembers the first error.
type exporter struct {
	w     io.Writer
	err   error
	files map[string]*File
}

func (x *exporter) print(parts ...string) {
	if x.err == nil {
		_, x.err = io.WriteString(x.w, strings.Join(parts, ""))
	}
}

// pair is a label of a sample.
type pair struct{ name, value string }

func (x *exporter) sample(name string, labels []pair, value string) {
	x.print(name)
	for i, l := range labels {
		before := ","
		if i == 0 {
			before = "{"
		}
		x.print(before, l.name, `="`, escaped(l.value), `"`)
	}
	if len(labels) > 0 {
		x.print("}")
	}
	x.print(" ", value, "\n")
}

var escapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func escaped(s string) string { return escapes.Replace(shown(s)) }

// shown is text as people see it: other bytes as \xNN (V1-4).
func shown(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, `\x%02x`, s[0])
		} else {
			b.WriteString(s[:size])
		}
		s = s[size:]
	}
	return b.String()
}

func number(f float64) string {
	switch {
	case f != f:
		return "NaN"
	case math.IsInf(f, 1):
		return "+Inf"
	case math.IsInf(f, -1):
		return "-Inf"
	}
	s := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

// scalar is a single number; false for what has no sample.
func scalar(v Value) (string, bool) {
	switch v := v.(type) {
	case Unsigned:
		return integer(uint64(v)), true
	case Signed:
		return strconv.FormatInt(int64(v), 10), true
	case Float:
		return number(float64(v)), true
	case Boolean:
		if v {
			return "1", true
		}
		return "0", true
	case Timed:
		return scalar(v.Value)
	}
	return "", false
}

// WriteOpenMetrics writes what a pass says.
func (p *Pass) WriteOpenMetrics(w io.Writer) error {
	x := &exporter{w: w, files: map[string]*File{}}
	for _, f := range p.Files {
		x.files[f.Name] = f
	}
	totals, _ := p.Totals()
	for _, e := range exportedFamilies(totals) {
		x.family(e)
	}
	x.print("# EOF\n")
	return x.err
}

func (x *exporter) head(name, kind, unit, help string) {
	x.print("# TYPE ", name, " ", kind, "\n")
	if unit != "" {
		x.print("# UNIT ", name, " ", unit, "\n")
	}
	if help != "" {
		x.print("# HELP ", name, " ", escaped(help), "\n")
	}
}

func (x *exporter) family(e *exported) {
	name := e.name()
	x.head(name, exportedTypes[e.Kind], e.unit, e.Help)
	same := x.sameWriters(e)
	for i := range e.Series {
		s := &e.Series[i]
		labels := make([]pair, len(e.labels))
		for j := range labels {
			labels[j] = pair{e.labels[j], s.Labels[j]}
		}
		switch v := confirmedOrNot(s.Value).(type) {
		case Members:
			for _, m := range v {
				x.member(e, name, labels, m, same)
			}
		case Summary:
			x.sample(name+"_count", labels, integer(v.Count))
			if v.Sum >= 0 { // V2-O5
				x.sample(name+"_sum", labels, number(v.Sum))
			}
		case Histogram:
			x.histogram(e, name, labels, v)
		default:
			if e.Kind != KindCounter {
				if value, ok := scalar(v); ok {
					x.sample(name, labels, value)
				}
				break
			}
			if f, isFloat := v.(Float); isFloat && !(f >= 0) {
				break // V2-O5
			}
			if value, ok := scalar(v); ok {
				x.sample(name+"_total", labels, value)
			}
		}
	}
	if e.Kind == KindSummary {
		x.extremes(e, name)
	}
}

// extremes are the gauges of a summary, families of their own.
func (x *exporter) extremes(e *exported, name string) {
	for _, gauge := range []struct {
		ending string
		value  func(s Summary) float64
	}{
		{"_min", func(s Summary) float64 { return s.Min }},
		{"_max", func(s Summary) float64 { return s.Max }},
		{"_last", func(s Summary) float64 { return s.Last }},
	} {
		x.head(name+gauge.ending, exportedTypes[KindGauge], "", e.Help)
		for i := range e.Series {
			s := &e.Series[i]
			v, ok := confirmedOrNot(s.Value).(Summary)
			if !ok || !isSet(gauge.value(v)) {
				continue
			}
			labels := make([]pair, len(e.labels))
			for j := range labels {
				labels[j] = pair{e.labels[j], s.Labels[j]}
			}
			x.sample(name+gauge.ending, labels, number(gauge.value(v)))
		}
	}
}

func (x *exporter) histogram(e *exported, name string, labels []pair, h Histogram) {
	var count uint64
	for i, n := range h.Counts {
		count += n
		bound := "+Inf"
		if i < len(e.Bounds) {
			bound = number(e.Bounds[i])
		}
		x.sample(name+"_bucket", append(labels[:len(labels):len(labels)], pair{boundName, bound}), integer(count))
	}
	// V2-O5: OpenMetrics forbids a sum here, and then a count without one.
	if h.Sum >= 0 && !(len(e.Bounds) > 0 && e.Bounds[0] < 0) {
		x.sample(name+"_count", labels, integer(count))
		x.sample(name+"_sum", labels, number(h.Sum))
	}
}

// writerOf is the pid and the thread of a file's writer.
func (x *exporter) writerOf(name string) (pid, thread string) {
	f := x.files[name]
	if f.Document.Version == version2 {
		return integer(f.Document.Writer.Pid), integer(f.Document.Writer.Thread)
	}
	pid, thread = "0", "0"
	for i := range f.Document.Fields {
		field := &f.Document.Fields[i]
		if value, ok := scalar(confirmedOrNot(field.Value)); ok {
			switch {
			case strings.HasSuffix(field.Label, pidLabel):
				pid = value
			case strings.HasSuffix(field.Label, threadLabel):
				thread = value
			}
		}
	}
	return pid, thread
}

// sameWriters is the pids and threads that several files of a family have.
func (x *exporter) sameWriters(e *exported) map[pair]bool {
	first := map[pair]string{}
	same := map[pair]bool{}
	for i := range e.Series {
		members, _ := confirmedOrNot(e.Series[i].Value).(Members)
		for _, m := range members {
			pid, thread := x.writerOf(m.File)
			w := pair{pid, thread}
			if other, there := first[w]; !there {
				first[w] = m.File
			} else if other != m.File {
				same[w] = true
			}
		}
	}
	return same
}

// member is V2-O4: a writer's value is a sample of its own.
func (x *exporter) member(e *exported, name string, labels []pair, m Member, same map[pair]bool) {
	pid, thread := x.writerOf(m.File)
	labels = append(labels[:len(labels):len(labels)], pair{pidName, pid}, pair{threadName, thread})
	if same[pair{pid, thread}] {
		labels = append(labels, pair{fileName, x.files[m.File].Path})
	}
	labels = labels[:len(labels):len(labels)]
	switch e.Kind {
	case KindText:
		if t, ok := m.Value.(Text); ok {
			x.sample(name+"_info", append(labels, pair{valueName, shown(string(t))}), "1")
		}
	case KindStateSet:
		active, _ := m.Value.(Text)
		for _, state := range e.States {
			value := "0"
			if state == string(active) {
				value = "1"
			}
			x.sample(name, append(labels, pair{name, state}), value)
		}
	default:
		if value, ok := scalar(m.Value); ok {
			x.sample(name, labels, value)
		}
	}
}
