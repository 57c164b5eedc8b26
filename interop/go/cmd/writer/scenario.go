// Scenarios as JSON has them (CONFORMANCE.md P-8 to P-11).

package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"strconv"

	"mmstats"
)

type scenario struct {
	Version  int
	App      text
	Host     text
	Families []familyJSON
	Fields   []fieldJSON
	Steps    []*step
}

type step struct {
	Do     string
	Name   text
	Labels []text
	Value  value
	Family familyJSON
	Times  uint64
	Steps  []*step
	From   int64
	To     int64

	update func(turn uint64) // kept from the first time on
}

type familyJSON struct {
	Name, Kind, Type, Combination text
	Kept                          bool
	Unit, Help                    text
	Labels, Bounds, States        []text
	Capacity                      text
	Limit                         int
}

type fieldJSON struct {
	Label    text
	Type     text
	Buffered bool
	Value    value
}

// text is J-4: a string, or {"hex": DIGITS}.
type text string

func (t *text) UnmarshalJSON(b []byte) error {
	var s string
	err := json.Unmarshal(b, &s)
	if err != nil {
		var other struct{ Hex string }
		if err = json.Unmarshal(b, &other); err == nil {
			var bytes []byte
			bytes, err = hex.DecodeString(other.Hex)
			s = string(bytes)
		}
	}
	*t = text(s)
	return err
}

func plain(list []text) []string {
	all := make([]string, len(list))
	for i, t := range list {
		all[i] = string(t)
	}
	return all
}

// value is P-10.
type value struct {
	there   bool
	null    bool
	boolean *bool
	text    *string
	turn    *uint64
}

func (v *value) UnmarshalJSON(b []byte) error {
	v.there = true
	var turn struct{ Turn *uint64 }
	switch {
	case string(b) == "null":
		v.null = true
	case json.Unmarshal(b, &v.boolean) == nil:
	case json.Unmarshal(b, &turn) == nil && turn.Turn != nil:
		v.turn = turn.Turn
	default:
		var t text
		if err := json.Unmarshal(b, &t); err != nil {
			return err
		}
		s := string(t)
		v.text = &s
	}
	return nil
}

var errValue = errors.New("the value is not of the type")

// number is that of the turn, if the value stands for it.
func (v *value) number(turn uint64) (uint64, bool) {
	if v.turn == nil {
		return 0, false
	}
	if *v.turn != 0 {
		turn %= *v.turn
	}
	return turn, true
}

// integer is a number modulo 2^64, and whether it is negative.
func (v *value) integer(turn uint64) (bits uint64, negative bool, err error) {
	if n, ok := v.number(turn); ok {
		return n, false, nil
	}
	if v.text == nil {
		return 0, false, errValue
	}
	if n, err := strconv.ParseInt(*v.text, 10, 64); err == nil {
		return uint64(n), n < 0, nil
	}
	bits, err = strconv.ParseUint(*v.text, 10, 64)
	return bits, false, err
}

const floatDigits = 16

func (v *value) float(turn uint64) (float64, error) {
	if n, ok := v.number(turn); ok {
		return float64(n), nil
	}
	if v.text == nil || len(*v.text) != floatDigits {
		return 0, errValue
	}
	bits, err := strconv.ParseUint(*v.text, 16, 64)
	return math.Float64frombits(bits), err
}

// repeated is the text of a turn, as often as it fits.
func (v *value) repeated(turn uint64, capacity int) (string, error) {
	if n, ok := v.number(turn); ok {
		unit := strconv.FormatUint(n, 10) + " "
		b := make([]byte, 0, capacity)
		for len(b)+len(unit) <= capacity {
			b = append(b, unit...)
		}
		return string(b), nil
	}
	if v.text == nil {
		return "", errValue
	}
	return *v.text, nil
}

func (v *value) truth(turn uint64) (bool, error) {
	if n, ok := v.number(turn); ok {
		return n != 0, nil
	}
	if v.boolean == nil {
		return false, errValue
	}
	return *v.boolean, nil
}

func (f *familyJSON) declaration() (d mmstats.Declaration, err error) {
	d.Name, d.Unit, d.Help, d.Kept, d.Limit = string(f.Name), string(f.Unit), string(f.Help), f.Kept, f.Limit
	d.Labels, d.States = plain(f.Labels), plain(f.States)
	for k := mmstats.KindCounter; k <= mmstats.KindUnknown; k++ {
		if k.String() == string(f.Kind) {
			d.Kind = k
		}
	}
	for t := mmstats.TypeUnsigned; t <= mmstats.TypeText; t++ {
		if t.String() == string(f.Type) {
			d.Type = t
		}
	}
	for c := mmstats.CombineSum; c <= mmstats.CombineAll; c++ {
		if c.String() == string(f.Combination) {
			d.Combination = c
		}
	}
	for _, digits := range f.Bounds {
		s := string(digits)
		bound, err := (&value{text: &s}).float(0)
		if err != nil {
			return d, err
		}
		d.Bounds = append(d.Bounds, bound)
	}
	if f.Capacity != "" {
		d.Capacity, err = strconv.ParseUint(string(f.Capacity), 10, 64)
	}
	return d, err
}

func forks(steps []*step) bool {
	for _, s := range steps {
		if s.Do == "fork" || forks(s.Steps) {
			return true
		}
	}
	return false
}
