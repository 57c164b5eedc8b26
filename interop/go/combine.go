// The totals of several writers (FORMAT.md 3.10). Folding (3.12) goes by the
// same rules, but for how it rounds and for what stands beside one another.

package mmstats

import (
	"math"
	"math/big"
	"sort"
	"strings"
)

// Conflict is a family that two files declare differently, so that it stays
// apart (V2-C3).
type Conflict struct{ Name, File, Other string }

// confirmedOrNot is a value without its mark.
func confirmedOrNot(v Value) Value {
	if u, ok := v.(Unconfirmed); ok {
		return u.Value
	}
	return v
}

// families are those of a document; of version 1 each label is one.
func (d *Document) families() []FamilySeries {
	if d.Version == version2 {
		return d.Families
	}
	last := map[string]int{} // V1-4
	for i := range d.Fields {
		last[d.Fields[i].Label] = i
	}
	var all []FamilySeries
	for i := range d.Fields {
		f := &d.Fields[i]
		if last[f.Label] != i {
			continue
		}
		family := &Family{Name: f.Label, Kind: KindUnknown, Combination: CombineAll}
		switch t, _ := typeOf(f.Signature); t.kind {
		case unsigned1:
			family.Type = TypeUnsigned
			if f.Signature == "Q" && f.Buffered {
				family.Kind, family.Combination = KindCounter, CombineSum
			}
		case signed1:
			family.Type = TypeSigned
		case float1:
			family.Type = TypeFloat
		case boolean1:
			family.Type = TypeBoolean
		case text1:
			family.Kind, family.Type, family.Capacity = KindText, TypeText, uint64(t.size)
		}
		all = append(all, FamilySeries{family, []Series{{nil, f.Value}}})
	}
	return all
}

// countsWhenGone is V2-C2: whether a family counts when its writer is dead.
func (f *Family) countsWhenGone() bool {
	switch f.Kind {
	case KindCounter, KindSummary, KindHistogram:
		return true
	}
	return f.Kept
}

// identity of a family (V2-C3): with another of these it is another.
func (f *Family) key() string {
	parts := append([]string{f.Name, f.Kind.String(), f.Type.String(), f.Combination.String(), f.Unit}, f.Labels...)
	return labelKey(parts)
}

// member is a family as one file has it.
type member struct {
	file *File
	FamilySeries
}

// group is the members that combine to one family, the oldest file first.
type group struct{ members []member }

// groups puts together what combines. The files are sorted: older ones first.
func groups(files []*File) (all []*group, conflicts []Conflict) {
	files = append([]*File(nil), files...)
	sort.SliceStable(files, func(i, j int) bool {
		if a, b := files[i].created(), files[j].created(); a != b {
			return a < b
		}
		return files[i].Name < files[j].Name
	})
	byKey := map[string]*group{}
	byName := map[string]*group{}
	for _, f := range files {
		for _, family := range f.Document.families() {
			if f.State.gone() && !family.countsWhenGone() {
				continue
			}
			key := family.key()
			g := byKey[key]
			if g == nil {
				g = &group{}
				byKey[key] = g
				all = append(all, g)
				if other := byName[family.Name]; other != nil {
					conflicts = append(conflicts, Conflict{family.Name, other.members[0].file.Name, f.Name})
				} else {
					byName[family.Name] = g
				}
			}
			g.members = append(g.members, member{f, family})
		}
	}
	return all, conflicts
}

// Totals combines the files of a pass that count.
func (p *Pass) Totals() ([]FamilySeries, []Conflict) {
	var files []*File
	for _, f := range p.Files {
		if f.Counts {
			files = append(files, f)
		}
	}
	all, conflicts := groups(files)
	totals := make([]FamilySeries, len(all))
	for i, g := range all {
		totals[i] = g.combine(summing{})
	}
	return totals, conflicts
}

// family is the declaration of a total.
func (g *group) family() *Family {
	f := *g.members[0].Family
	f.Bounds = append([]float64(nil), f.Bounds...)
	f.States = append([]string(nil), f.States...)
	known := map[string]bool{}
	for _, state := range f.States {
		known[state] = true
	}
	for _, m := range g.members[1:] {
		f.Kept = f.Kept || m.Kept
		if f.Help == "" {
			f.Help = m.Help
		}
		if m.Capacity > f.Capacity {
			f.Capacity = m.Capacity
		}
		f.Bounds = common(f.Bounds, m.Bounds)
		for _, state := range m.States {
			if !known[state] {
				known[state] = true
				f.States = append(f.States, state)
			}
		}
	}
	return &f
}

// common is the bounds that both have; both ascend.
func common(a, b []float64) []float64 {
	var both []float64
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0] < b[0]:
			a = a[1:]
		case b[0] < a[0]:
			b = b[1:]
		default:
			both = append(both, a[0])
			a, b = a[1:], b[1:]
		}
	}
	return both
}

// policy is what folding does differently.
type policy interface {
	sum(list []float64) float64
	// beside is the total of what is combined by all, older files first.
	beside(list Members) Value
}

// summing is the policy of readers.
type summing struct{}

func (summing) sum(list []float64) float64 { return exactSum(list) }
func (summing) beside(list Members) Value  { return list }

// given is a value of one file.
type given struct {
	member *member
	value  Value
}

// combine is V2-C1 for each of the series of a group.
func (g *group) combine(p policy) FamilySeries {
	total := FamilySeries{Family: g.family()}
	index := map[string]int{}
	var values [][]given
	for i := range g.members {
		m := &g.members[i]
		for _, s := range m.Series {
			key := labelKey(s.Labels)
			at, known := index[key]
			if !known {
				at = len(values)
				index[key] = at
				values = append(values, nil)
				total.Series = append(total.Series, Series{Labels: s.Labels})
			}
			values[at] = append(values[at], given{m, s.Value})
		}
	}
	for i := range total.Series {
		total.Series[i].Value = total.Family.total(values[i], p)
	}
	return total
}

// total combines values, older files first. It is unconfirmed where one is.
func (f *Family) total(all []given, p policy) Value {
	unconfirmed := false
	set := all[:0:0]
	for _, g := range all {
		if u, ok := g.value.(Unconfirmed); ok {
			unconfirmed = true
			g.value = u.Value
		}
		if t, ok := g.value.(Timed); ok && t.Value == nil {
			continue // unset by itself
		}
		if g.value != nil {
			set = append(set, g)
		}
	}
	var v Value
	if len(set) > 0 {
		v = f.totalOfSet(set, p)
	}
	if unconfirmed {
		return Unconfirmed{v}
	}
	return v
}

func (f *Family) totalOfSet(set []given, p policy) Value {
	switch f.Kind {
	case KindSummary:
		return totalSummary(set, p)
	case KindHistogram:
		return f.totalHistogram(set, p)
	}
	switch f.Combination {
	case CombineSum:
		return f.totalSum(set, p)
	case CombineLast:
		last := set[0].value.(Timed)
		for _, g := range set[1:] {
			if t := g.value.(Timed); t.Time >= last.Time {
				last = t
			}
		}
		return last
	case CombineAll:
		list := make(Members, len(set))
		for i, g := range set {
			list[i] = Member{g.member.file.Name, g.value}
		}
		return p.beside(list)
	}
	best := set[0].value
	for _, g := range set[1:] {
		if better(g.value, best, f.Combination == CombineMax) {
			best = g.value
		}
	}
	return best
}

// better says whether a is less than b, or greater. A NaN counts only where
// there is nothing else.
func better(a, b Value, greater bool) bool {
	if greater {
		a, b = b, a
	}
	switch a := a.(type) {
	case Unsigned:
		return a < b.(Unsigned)
	case Signed:
		return a < b.(Signed)
	case Boolean:
		return !bool(a) && bool(b.(Boolean))
	case Float:
		b := b.(Float)
		if a != a || b != b {
			old := b
			if greater {
				old = a
			}
			return old != old
		}
		return a < b
	}
	return false
}

func (f *Family) totalSum(set []given, p policy) Value {
	switch f.Type {
	case TypeFloat:
		list := make([]float64, len(set))
		for i, g := range set {
			list[i] = float64(g.value.(Float))
		}
		return Float(p.sum(list))
	case TypeSigned:
		var sum int64
		for _, g := range set {
			sum += int64(g.value.(Signed))
		}
		return Signed(sum)
	}
	var sum uint64
	for _, g := range set {
		sum += uint64(g.value.(Unsigned))
	}
	return Unsigned(sum)
}

func totalSummary(set []given, p policy) Value {
	none := math.Float64frombits(unsetFloat)
	total := Summary{Min: none, Max: none, Last: none}
	sums := make([]float64, len(set))
	for i, g := range set {
		s := g.value.(Summary)
		total.Count += s.Count
		sums[i] = s.Sum
		if isSet(s.Min) && (!isSet(total.Min) || better(Float(s.Min), Float(total.Min), false)) {
			total.Min = s.Min
		}
		if isSet(s.Max) && (!isSet(total.Max) || better(Float(s.Max), Float(total.Max), true)) {
			total.Max = s.Max
		}
		if s.Count != 0 {
			total.Last = s.Last
		}
	}
	total.Sum = p.sum(sums)
	return total
}

func isSet(f float64) bool { return math.Float64bits(f) != unsetFloat }

// totalHistogram is V2-C4: the buckets at the bounds that all have.
func (f *Family) totalHistogram(set []given, p policy) Value {
	total := Histogram{Counts: make([]uint64, len(f.Bounds)+1)}
	sums := make([]float64, len(set))
	for i, g := range set {
		h := g.value.(Histogram)
		sums[i] = h.Sum
		to := 0
		for j, n := range h.Counts {
			// A bucket goes to the first bound that is not below its own.
			for j < len(g.member.Bounds) && to < len(f.Bounds) && f.Bounds[to] < g.member.Bounds[j] {
				to++
			}
			if j == len(g.member.Bounds) {
				to = len(f.Bounds)
			}
			total.Counts[to] += n
		}
	}
	total.Sum = p.sum(sums)
	return total
}

// exactPrecision holds every sum of floats: from 2^-1074 to 2^1024, and as many
// of the largest as there can be files.
const exactPrecision = 1074 + 1024 + 64

// exactSum is the sum, rounded once, so that the order does not matter.
func exactSum(list []float64) float64 {
	if len(list) <= 2 {
		sum := list[0]
		for _, f := range list[1:] {
			sum += f
		}
		return sum
	}
	sum := new(big.Float).SetPrec(exactPrecision)
	var special float64
	isSpecial := false
	for i, f := range list {
		switch {
		case math.IsInf(f, 0) || f != f:
			if isSpecial {
				special += f // infinities of both signs are no number
			} else {
				special, isSpecial = f, true
			}
		case i == 0:
			sum.SetFloat64(f)
		default:
			sum.Add(sum, new(big.Float).SetFloat64(f))
		}
	}
	if isSpecial {
		return special
	}
	rounded, _ := sum.Float64()
	return rounded
}

// String tells of a conflict.
func (c Conflict) String() string {
	return strings.Join([]string{"the families", c.Name, "of", c.File, "and", c.Other, "differ and stay apart"}, " ")
}
