// Version 2 (FORMAT.md 3.2 to 3.5): header, extents, records. The same code
// parses a file at rest and follows one that grows: what was decoded stays, and
// is only compared with what the file has now.
//
// The order of checks is V2-34. It is also the order that V2-R2 asks for:
// "metadata used" and "next" are loaded, with the extent's head, in a call of
// their own before what they lead to.

package mmstats

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"strings"
	"unicode/utf8"
)

// source is where the bytes come from. At may return less than was asked for
// where the file ends; its result holds until the next call.
type source interface {
	at(offset, size uint64) ([]byte, error)
	size() (uint64, error)
}

// atRest is a file that does not change.
type atRest []byte

func (b atRest) size() (uint64, error) { return uint64(len(b)), nil }

func (b atRest) at(offset, size uint64) ([]byte, error) {
	end := uint64(len(b))
	if offset > end {
		return nil, nil
	}
	if size > end-offset {
		size = end - offset
	}
	return b[offset : offset+size], nil
}

// errChanged tells that what never changes did: everything is read anew.
var errChanged = errors.New("the file is another")

// layout is what the header and the records say.
type layout struct {
	header        [headerCheckedSize]byte
	incompatible  uint32
	compatible    uint32
	state, thread uint32
	app, host     string
	extents       []*extent
	families      []*Family
	names         map[string]struct{}
	series        []place
	seen          map[string]struct{} // bodies of SERIES records, which hold family and label values
	folded        []ID
}

// place is where a series has its slot.
type place struct {
	family int
	labels []string
	extent int
	slot   uint64 // from the beginning of the values area
	size   uint64
}

type extent struct {
	offset       uint64
	head         [extentCheckedSize]byte
	size         uint64
	metadataSize uint64
	valuesOffset uint64
	valuesSize   uint64
	metadata     []byte // the records that were decoded
	slotsUsed    uint64
	latches      bool // some slot is one
}

func (e *extent) valuesAt() uint64 { return e.offset + e.valuesOffset }
func (e *extent) end() uint64      { return e.offset + e.size }

func u16(b []byte) uint16 { return binary.LittleEndian.Uint16(b) }
func u32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }
func u64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

// control is the number of a control word (V2-3).
func control(b []byte) (number uint32, ok bool) {
	low, high := u32(b), u32(b[4:])
	return low, high == ^low
}

// checksum is V2-4: the CRC's own bytes, at the place given, count as zero.
func checksum(b []byte, place int) uint32 {
	var none [4]byte
	sum := crc32.ChecksumIEEE(b[:place])
	sum = crc32.Update(sum, crc32.IEEETable, none[:])
	return crc32.Update(sum, crc32.IEEETable, b[place+4:])
}

// update brings the layout up to date with the file.
func (l *layout) update(src source) error {
	if err := l.updateHeader(src); err != nil {
		return err
	}
	offset := uint64(firstExtent)
	for number := 0; ; number++ {
		next, err := l.updateExtent(src, number, offset)
		if err != nil || next == 0 {
			return err
		}
		offset = next
	}
}

func (l *layout) updateHeader(src source) error {
	b, err := src.at(0, headerSize)
	if err != nil {
		return err
	}
	if len(b) < headerSize {
		return malformed(codeTruncated, 0)
	}
	if string(b[:len(magic)]) != magic {
		return malformed(codeBadMagic, 0)
	}
	if len(l.extents) == 0 || !bytes.Equal(b[:headerCheckedSize], l.header[:]) {
		if checksum(b[:headerCheckedSize], offHeaderCRC) != u32(b[offHeaderCRC:]) {
			return malformed(codeBadCRC, offHeaderCRC)
		}
		if u16(b[offHeaderSize:]) != headerSize {
			return malformed(codeBadHeader, offHeaderSize)
		}
		l.incompatible = u32(b[offIncompatible:])
		l.compatible = u32(b[offCompatible:])
		if l.incompatible&^knownIncompatible != 0 {
			return malformed(codeUnsupportedFeature, offIncompatible)
		}
		if len(l.extents) > 0 {
			return errChanged
		}
		copy(l.header[:], b)
	}
	var ok bool
	if l.state, ok = control(b[offState:]); !ok {
		return malformed(codeBadControl, offState)
	}
	if l.state != stateLive && l.state != stateClosed {
		return malformed(codeBadHeader, offState)
	}
	if l.thread, ok = control(b[offThreadID:]); !ok {
		return malformed(codeBadControl, offThreadID)
	}
	return nil
}

// updateExtent returns the offset of the next extent, or 0.
func (l *layout) updateExtent(src source, number int, offset uint64) (uint64, error) {
	b, err := src.at(offset, extentHeadSize)
	if err != nil {
		return 0, err
	}
	if len(b) < extentHeadSize {
		return 0, malformed(codeTruncated, offset)
	}
	var head [extentHeadSize]byte
	copy(head[:], b)
	known := number < len(l.extents)
	if known && (l.extents[number].offset != offset || !bytes.Equal(head[:extentCheckedSize], l.extents[number].head[:])) {
		return 0, errChanged
	}
	if !known {
		e, err := newExtent(head[:], offset)
		if err != nil {
			return 0, err
		}
		l.extents = append(l.extents, e)
	}
	e := l.extents[number]
	hasNext := number+1 < len(l.extents)
	if next, ok := control(head[offNext:]); ok && next != 0 && !hasNext {
		// R2.5: an extent that has a next one gains nothing more, but these words of one call have no order.
		again, err := src.at(offset+offMetadataUsed, wordSize)
		if err != nil {
			return 0, err
		}
		copy(head[offMetadataUsed:], again)
	}
	size, err := src.size()
	if err != nil {
		return 0, err
	}
	if offset > size || e.size > size-offset {
		return 0, malformed(codeTruncated, offset)
	}

	units, ok := control(head[offMetadataUsed:])
	if !ok {
		return 0, malformed(codeBadControl, offset+offMetadataUsed)
	}
	used := uint64(units) * wordSize
	if used > e.metadataSize {
		return 0, malformed(codeBadExtent, offset+offMetadataUsed)
	}
	if hasNext && used != uint64(len(e.metadata)) {
		return 0, errChanged
	}
	metadata, err := src.at(offset+metadataAreaOffset, used)
	if err != nil {
		return 0, err
	}
	if uint64(len(metadata)) < used {
		return 0, malformed(codeTruncated, offset)
	}
	if !bytes.HasPrefix(metadata, e.metadata) {
		return 0, errChanged
	}
	if err := l.records(metadata, number, e); err != nil {
		return 0, err
	}

	next, ok := control(head[offNext:])
	if !ok {
		return 0, malformed(codeBadControl, offset+offNext)
	}
	if next == 0 {
		if len(l.extents) > number+1 {
			return 0, errChanged
		}
		return 0, nil
	}
	if uint64(next)*wordSize < e.end() {
		return 0, malformed(codeBadExtent, offset+offNext)
	}
	if number+1 >= maxExtents {
		return 0, malformed(codeBadExtent, offset+offNext)
	}
	return uint64(next) * wordSize, nil
}

func newExtent(head []byte, offset uint64) (*extent, error) {
	if string(head[:len(extentTag)]) != extentTag {
		return nil, malformed(codeBadExtent, offset)
	}
	if checksum(head[:extentCheckedSize], offExtentCRC) != u32(head[offExtentCRC:]) {
		return nil, malformed(codeBadCRC, offset+offExtentCRC)
	}
	e := &extent{
		offset:       offset,
		size:         u64(head[offExtentSize:]),
		metadataSize: u64(head[offMetadataSize:]),
		valuesOffset: u64(head[offValuesOffset:]),
		valuesSize:   u64(head[offValuesSize:]),
	}
	copy(e.head[:], head)
	if e.size < extentHeadSize || e.size%wordSize != 0 {
		return nil, malformed(codeBadExtent, offset+offExtentSize)
	}
	if e.metadataSize > e.size-extentHeadSize || e.metadataSize%wordSize != 0 {
		return nil, malformed(codeBadExtent, offset+offMetadataSize)
	}
	if e.valuesOffset < metadataAreaOffset+e.metadataSize || e.valuesOffset > e.size || e.valuesOffset%wordSize != 0 {
		return nil, malformed(codeBadExtent, offset+offValuesOffset)
	}
	if e.valuesSize > e.size-e.valuesOffset || e.valuesSize%wordSize != 0 {
		return nil, malformed(codeBadExtent, offset+offValuesSize)
	}
	return e, nil
}

// records decodes what of the metadata is new.
func (l *layout) records(metadata []byte, number int, e *extent) error {
	base := e.offset + metadataAreaOffset
	if number == 0 && len(metadata) == 0 {
		return malformed(codeBadRecord, base) // V2-24
	}
	for at := uint64(len(e.metadata)); at < uint64(len(metadata)); {
		b := metadata[at:]
		if len(b) < recordHeadSize {
			return malformed(codeBadRecord, base+at)
		}
		size := u32(b)
		if uint64(size) > uint64(len(b)) || size < recordHeadSize || size%wordSize != 0 {
			return malformed(codeBadRecord, base+at)
		}
		first := number == 0 && at == 0
		if err := l.record(b[:size:size], base+at, number, e, first); err != nil {
			return err
		}
		at += uint64(size)
	}
	e.metadata = append(e.metadata, metadata[len(e.metadata):]...)
	return nil
}

func (l *layout) record(b []byte, at uint64, number int, e *extent, first bool) error {
	if checksum(b, offRecordCRC) != u32(b[offRecordCRC:]) {
		return malformed(codeBadCRC, at+offRecordCRC)
	}
	kind, slot := u16(b[offRecordType:]), uint64(u32(b[offSlot:]))
	if slot%wordSize != 0 || slot > e.valuesSize-e.slotsUsed {
		return malformed(codeBadRecord, at+offSlot)
	}
	if slot != 0 && (kind == recordOrigin || kind == recordFamily || kind == recordFolded) {
		return malformed(codeBadRecord, at+offSlot)
	}
	if first != (kind == recordOrigin) {
		return malformed(codeBadRecord, at)
	}
	switch kind {
	case recordOrigin:
		r := body{rest: b[recordHeadSize:]}
		l.app, l.host = r.text(), r.text()
		if !r.whole() {
			return malformed(codeBadRecord, at)
		}
		if !r.utf8() {
			return malformed(codeBadText, at)
		}
	case recordFamily:
		if err := l.family(b, at); err != nil {
			return err
		}
	case recordSeries:
		if err := l.child(b, at, number, e, slot); err != nil {
			return err
		}
	case recordFolded:
		if l.incompatible&featureArchive == 0 {
			return malformed(codeBadRecord, at)
		}
		if len(b) != offFoldedID+idSize {
			return malformed(codeBadRecord, at)
		}
		var id ID
		copy(id[:], b[offFoldedID:])
		l.folded = append(l.folded, id)
	default:
		if u16(b[offRecordFlags:])&flagCritical != 0 {
			return malformed(codeUnsupportedRecord, at)
		}
	}
	e.slotsUsed += slot
	return nil
}

// body takes the fields of a record's body one after the other (V2-22).
type body struct {
	rest  []byte
	short bool
	texts []string
}

func (r *body) take(size uint64) []byte {
	if r.short || uint64(len(r.rest)) < size {
		r.short = true
		return nil
	}
	b := r.rest[:size]
	r.rest = r.rest[size:]
	return b
}

func (r *body) text() string {
	size := r.take(2)
	if r.short {
		return ""
	}
	s := string(r.take(uint64(u16(size))))
	if !r.short {
		r.texts = append(r.texts, s)
	}
	return s
}

// list is as many texts. It allocates for no more than the body can hold.
func (r *body) list(count int) []string {
	if count == 0 || len(r.rest) < 2*count {
		r.short = r.short || count > 0
		return nil
	}
	all := make([]string, 0, count)
	for i := 0; i < count && !r.short; i++ {
		all = append(all, r.text())
	}
	return all
}

// whole says whether nothing is missing, and nothing but padding left.
func (r *body) whole() bool {
	if r.short || len(r.rest) >= wordSize {
		return false
	}
	for _, b := range r.rest {
		if b != 0 {
			return false
		}
	}
	return true
}

func (r *body) utf8() bool {
	for _, s := range r.texts {
		if !utf8.ValidString(s) {
			return false
		}
	}
	return true
}

func (l *layout) family(b []byte, at uint64) error {
	if len(b) < offBounds {
		return malformed(codeBadRecord, at)
	}
	f := &Family{Kind: Kind(b[offKind]), Type: Type(b[offType]), Combination: Combination(b[offCombination]),
		Kept: b[offFamilyFlags]&flagKept != 0, Capacity: uint64(u32(b[offCapacity:]))}
	parts := int(u16(b[offParts:]))
	r := body{rest: b[offBounds:]}
	if f.Kind == KindHistogram {
		bounds := r.take(uint64(parts) * wordSize)
		for ; len(bounds) > 0; bounds = bounds[wordSize:] {
			f.Bounds = append(f.Bounds, math.Float64frombits(u64(bounds)))
		}
	}
	f.Name, f.Unit, f.Help = r.text(), r.text(), r.text()
	f.Labels = r.list(int(b[offLabelCount]))
	if f.Kind == KindStateSet {
		f.States = r.list(parts)
	}
	if !r.whole() {
		return malformed(codeBadRecord, at)
	}
	if !r.utf8() {
		return malformed(codeBadText, at)
	}
	if place, ok := f.checkTypes(); !ok {
		return malformed(codeBadFamily, at+uint64(place))
	}
	if !f.checkNames() {
		return malformed(codeBadFamily, at)
	}
	if _, twice := l.names[f.Name]; twice {
		return malformed(codeBadFamily, at)
	}
	if parts != len(f.Bounds)+len(f.States) || !f.checkParts() {
		return malformed(codeBadFamily, at)
	}
	if l.names == nil {
		l.names = map[string]struct{}{}
	}
	l.names[f.Name] = struct{}{}
	l.families = append(l.families, f)
	return nil
}

// checkTypes is V2-26: the offset of the first of the three that does not fit
// those before it.
func (f *Family) checkTypes() (place int, ok bool) {
	if f.Kind < KindCounter || f.Kind > KindUnknown {
		return offKind, false
	}
	combinations := allowed(f.Kind, f.Type)
	if combinations == nil {
		return offType, false
	}
	for _, c := range combinations {
		if c == f.Combination {
			return 0, true
		}
	}
	return offCombination, false
}

// checkNames is V2-25, but for what other families there are.
func (f *Family) checkNames() bool {
	return f.Name != "" && len(f.Name) <= maxTextSize && !strings.Contains(f.Name, "\x00") && distinct(f.Labels)
}

// checkParts is V2-27.
func (f *Family) checkParts() bool {
	if f.Kind != KindHistogram && len(f.Bounds) > 0 || f.Kind != KindStateSet && len(f.States) > 0 {
		return false
	}
	if f.Kind == KindStateSet && len(f.States) == 0 || !distinct(f.States) {
		return false
	}
	for i, bound := range f.Bounds {
		if math.IsInf(bound, 0) || bound != bound || i > 0 && bound <= f.Bounds[i-1] {
			return false
		}
	}
	if f.Kind == KindText {
		return f.Capacity >= 1 && f.Capacity <= maxCapacity
	}
	return f.Capacity == 0
}

// distinct says whether all are different from one another, and none is empty.
func distinct(list []string) bool {
	if len(list) == 0 {
		return true
	}
	seen := make(map[string]struct{}, len(list))
	for _, s := range list {
		if _, twice := seen[s]; twice || s == "" {
			return false
		}
		seen[s] = struct{}{}
	}
	return true
}

func (l *layout) child(b []byte, at uint64, number int, e *extent, slot uint64) error {
	if len(b) < offLabelValues {
		return malformed(codeBadRecord, at)
	}
	family := u32(b[offFamilyIndex:])
	if uint64(family) >= uint64(len(l.families)) {
		return malformed(codeBadSeries, at+offFamilyIndex)
	}
	f := l.families[family]
	r := body{rest: b[offLabelValues:]}
	labels := r.list(len(f.Labels))
	if !r.whole() {
		return malformed(codeBadRecord, at)
	}
	if !r.utf8() {
		return malformed(codeBadText, at)
	}
	if slot != f.slotSize() {
		return malformed(codeBadSeries, at+offSlot)
	}
	key := string(b[offFamilyIndex:])
	if _, twice := l.seen[key]; twice {
		return malformed(codeBadSeries, at)
	}
	if l.seen == nil {
		l.seen = map[string]struct{}{}
	}
	l.seen[key] = struct{}{}
	l.series = append(l.series, place{int(family), labels, number, e.slotsUsed, slot})
	e.latches = e.latches || f.latched()
	return nil
}

// document puts what the slots say to the layout; slots gives the values area
// of an extent as far as it is used.
func (l *layout) document(slots func(e *extent, number int) []byte) *Document {
	areas := make([][]byte, len(l.extents))
	for i, e := range l.extents {
		areas[i] = slots(e, i)
	}
	return l.with(func(i int) Value {
		p := &l.series[i]
		return l.families[p.family].decodeSlot(areas[p.extent][p.slot : p.slot+p.size])
	})
}

// with is the document whose series have the values given.
func (l *layout) with(value func(i int) Value) *Document {
	d := &Document{Version: version2, Closed: l.state == stateClosed, Folded: l.folded[:len(l.folded):len(l.folded)]}
	for bit, name := range incompatibleNames {
		if l.incompatible>>bit&1 != 0 {
			d.Features = append(d.Features, name)
		}
	}
	for bit, name := range compatibleNames {
		if l.compatible>>bit&1 != 0 {
			d.Features = append(d.Features, name)
		}
	}
	h := l.header[:]
	d.Writer = WriterInfo{App: l.app, Host: l.host, Created: u64(h[offCreated:]), Pid: u64(h[offPid:]),
		Thread: uint64(l.thread), Start: u64(h[offProcessStart:]), Namespace: u64(h[offPidNamespace:])}
	copy(d.Writer.ID[:], h[offWriterID:])
	copy(d.Writer.Boot[:], h[offBootID:])

	counts := make([]int, len(l.families))
	for i := range l.series {
		counts[l.series[i].family]++
	}
	all := make([]Series, len(l.series))
	d.Families = make([]FamilySeries, len(l.families))
	for i, f := range l.families {
		d.Families[i] = FamilySeries{f, all[:0:counts[i]]}
		all = all[counts[i]:]
	}
	for i := range l.series {
		p := &l.series[i]
		f := &d.Families[p.family]
		f.Series = append(f.Series, Series{p.labels, value(i)})
	}
	return d
}
