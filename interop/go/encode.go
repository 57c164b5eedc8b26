// The bytes of headers, extent heads and records (FORMAT.md 3.3 to 3.5), for
// files that grow and for archives.

package mmstats

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"unicode/utf8"
)

func put16(b []byte, n uint16) { binary.LittleEndian.PutUint16(b, n) }
func put32(b []byte, n uint32) { binary.LittleEndian.PutUint32(b, n) }
func put64(b []byte, n uint64) { binary.LittleEndian.PutUint64(b, n) }

// headerBytes is a header; state and thread may change later, the rest never.
func headerBytes(info *WriterInfo, incompatible, compatible, state uint32) []byte {
	b := make([]byte, headerSize)
	copy(b, magic)
	put16(b[offHeaderSize:], headerSize)
	put16(b[offMinor:], minorVersion)
	put32(b[offIncompatible:], incompatible)
	put32(b[offCompatible:], compatible)
	copy(b[offWriterID:], info.ID[:])
	put64(b[offCreated:], info.Created)
	put64(b[offPid:], info.Pid)
	put64(b[offProcessStart:], info.Start)
	copy(b[offBootID:], info.Boot[:])
	put64(b[offPidNamespace:], info.Namespace)
	put32(b[offHeaderCRC:], crc32.ChecksumIEEE(b[:headerCheckedSize]))
	put64(b[offState:], controlWord(state))
	put64(b[offThreadID:], controlWord(uint32(info.Thread)))
	return b
}

// extentHead is that of an extent whose values follow its metadata without a gap.
func extentHead(size, metadataSize, used, next uint64) []byte {
	b := make([]byte, extentHeadSize)
	copy(b, extentTag)
	put64(b[offExtentSize:], size)
	put64(b[offMetadataSize:], metadataSize)
	put64(b[offValuesOffset:], metadataAreaOffset+metadataSize)
	put64(b[offValuesSize:], size-metadataAreaOffset-metadataSize)
	put32(b[offExtentCRC:], crc32.ChecksumIEEE(b[:extentCheckedSize]))
	put64(b[offMetadataUsed:], controlWord(uint32(used/wordSize)))
	put64(b[offNext:], controlWord(uint32(next/wordSize)))
	return b
}

// record is a whole one, with its CRC.
func record(kind, flags uint16, slot uint64, body []byte) []byte {
	b := make([]byte, roundUp(uint64(recordHeadSize+len(body))))
	copy(b[recordHeadSize:], body)
	put32(b, uint32(len(b)))
	put16(b[offRecordType:], kind)
	put16(b[offRecordFlags:], flags)
	put32(b[offSlot:], uint32(slot))
	put32(b[offRecordCRC:], crc32.ChecksumIEEE(b))
	return b
}

func appendText(b []byte, s string) []byte {
	b = append(b, byte(len(s)), byte(len(s)>>8))
	return append(b, s...)
}

func appendTexts(b []byte, list []string) []byte {
	for _, s := range list {
		b = appendText(b, s)
	}
	return b
}

func originRecord(app, host string) []byte {
	return record(recordOrigin, 0, 0, appendTexts(nil, []string{app, host}))
}

func familyRecord(f *Family) []byte {
	b := make([]byte, offBounds-recordHeadSize, 64)
	b[offKind-recordHeadSize] = byte(f.Kind)
	b[offType-recordHeadSize] = byte(f.Type)
	b[offCombination-recordHeadSize] = byte(f.Combination)
	if f.Kept {
		b[offFamilyFlags-recordHeadSize] = flagKept
	}
	b[offLabelCount-recordHeadSize] = byte(len(f.Labels))
	put16(b[offParts-recordHeadSize:], uint16(len(f.Bounds)+len(f.States)))
	put32(b[offCapacity-recordHeadSize:], uint32(f.Capacity))
	for _, bound := range f.Bounds {
		var word [wordSize]byte
		put64(word[:], math.Float64bits(bound))
		b = append(b, word[:]...)
	}
	b = appendTexts(b, []string{f.Name, f.Unit, f.Help})
	return record(recordFamily, 0, 0, appendTexts(appendTexts(b, f.Labels), f.States))
}

func seriesRecord(index uint32, f *Family, labels []string) []byte {
	b := make([]byte, offLabelValues-recordHeadSize, 32)
	put32(b, index)
	return record(recordSeries, 0, f.slotSize(), appendTexts(b, labels))
}

func foldedRecord(id ID) []byte { return record(recordFolded, flagCritical, 0, id[:]) }

func validText(list ...string) bool {
	for _, s := range list {
		if len(s) > maxTextSize || !utf8.ValidString(s) {
			return false
		}
	}
	return true
}

// Validate says why a family cannot be declared (V2-22, V2-23, V2-25 to V2-27).
func (f *Family) Validate() error {
	if !validText(f.Name, f.Unit, f.Help) || !validText(f.Labels...) || !validText(f.States...) {
		return errors.New("family " + f.Name + ": a text is too long, or no UTF-8")
	}
	if _, ok := f.checkTypes(); !ok {
		return errors.New("family " + f.Name + ": kind, type and combination do not fit")
	}
	if len(f.Labels) > maxLabels || len(f.Bounds) > maxParts || len(f.States) > maxParts {
		return errors.New("family " + f.Name + ": too many labels, bounds or states")
	}
	if !f.checkNames() || !f.checkParts() {
		return errors.New("family " + f.Name + ": its declaration makes no sense")
	}
	return nil
}
