// The constants of the file format: offsets, sizes, codes and names
// (FORMAT.md 1.2, 2.3, 3.3 to 3.7). Nothing else in the package spells a
// number of the layout.

package mmstats

const (
	version1 = 1
	version2 = 2

	wordSize = 8
	// What is made at most: every reader takes it (3.16).
	maxFileSize = 16 << 20
	// What a reader takes at most; FORMAT.md 3.16 asks for at least 16 MiB.
	maxReadSize = 64 << 20
)

// Version 1 (2.3).
const (
	labelSizeBytes     = 2
	signatureSizeBytes = 2
	indexOneBuffer     = 255
)

// Header of version 2 (3.3).
const (
	headerSize         = 128
	headerCheckedSize  = 96 // bytes that the CRC covers, and that never change
	magic              = "\x02MMSTATS"
	offHeaderSize      = 8
	offMinor           = 10
	offHeaderCRC       = 12
	offIncompatible    = 16
	offCompatible      = 20
	offWriterID        = 24
	offCreated         = 40
	offPid             = 48
	offProcessStart    = 56
	offBootID          = 64
	offPidNamespace    = 80
	offState           = 96
	offThreadID        = 104
	minorVersion       = 0
	stateLive          = 1
	stateClosed        = 2
	featureArchive     = 1 << 0 // incompatible
	knownIncompatible  = featureArchive
	featureRecordLock  = 1 << 0 // compatible, as are the following
	featureWriteCalls  = 1 << 1
	featureUnordered   = 1 << 2
	featureNoLock      = 1 << 3
	noLockToProbeFor   = featureRecordLock | featureNoLock
	peekSize           = offCreated // as much of a header as tells an archive and its writer id
	bitsOfFeatureField = 32
)

// Names of the feature bits, in the order of the bits (J-6).
var (
	incompatibleNames = []string{"archive"}
	compatibleNames   = []string{"record lock", "write calls", "unordered", "no lock"}
)

// Extent head (3.4); the offsets count from the extent's first byte.
const (
	firstExtent        = headerSize
	extentHeadSize     = 64
	extentCheckedSize  = 40 // bytes that the CRC covers, and that never change
	extentTag          = "XTNT"
	offExtentCRC       = 4
	offExtentSize      = 8
	offMetadataSize    = 16
	offValuesOffset    = 24
	offValuesSize      = 32
	offMetadataUsed    = 40
	offNext            = 48
	maxExtents         = 32
	metadataAreaOffset = extentHeadSize
)

// Record head and bodies (3.5); the offsets count from the record's first byte.
const (
	recordHeadSize = 16
	offRecordType  = 4
	offRecordFlags = 6
	offRecordCRC   = 8
	offSlot        = 12

	recordOrigin   = 1
	recordFamily   = 2
	recordSeries   = 3
	recordFolded   = 4
	flagCritical   = 1
	offKind        = 16
	offType        = 17
	offCombination = 18
	offFamilyFlags = 19
	offLabelCount  = 20
	offParts       = 22
	offCapacity    = 24
	offBounds      = 32
	flagKept       = 1
	offFamilyIndex = 16
	offLabelValues = 20
	offFoldedID    = 16
	idSize         = 16
	maxTextSize    = 65535
	maxLabels      = 255
	maxParts       = 65535
	maxCapacity    = 1 << 20
)

// Latches and unset values (3.7).
const (
	sequenceSize   = wordSize
	unsetFloat     = 0x7FF8000000000001
	quietNaN       = 0x7FF8000000000000
	unsetSigned    = 1 << 63 // the bits of -2^63
	unsetUnsigned  = 1<<64 - 1
	unsetBoolean   = 2
	unsetLength    = 1<<64 - 1
	overflowLabel  = "__overflow__"
	emptyTimestamp = 0
)

// Kind is what sort of metric a family is (3.6).
type Kind uint8

// The kinds, with their codes.
const (
	KindCounter   Kind = 1
	KindGauge     Kind = 2
	KindStateSet  Kind = 3
	KindText      Kind = 4
	KindSummary   Kind = 5
	KindHistogram Kind = 6
	KindUnknown   Kind = 7
)

// Type is the type of a family's values (3.6).
type Type uint8

// The value types, with their codes.
const (
	TypeUnsigned Type = 1
	TypeSigned   Type = 2
	TypeFloat    Type = 3
	TypeBoolean  Type = 4
	TypeText     Type = 5
)

// Combination is how the values of several writers become one (3.6).
type Combination uint8

// The combinations, with their codes.
const (
	CombineSum  Combination = 1
	CombineMin  Combination = 2
	CombineMax  Combination = 3
	CombineLast Combination = 4
	CombineAll  Combination = 5
)

var (
	kindNames        = []string{"", "counter", "gauge", "state set", "text", "summary", "histogram", "unknown"}
	typeNames        = []string{"", "unsigned", "signed", "float", "boolean", "text"}
	combinationNames = []string{"", "sum", "min", "max", "last", "all"}
)

func (k Kind) String() string        { return nameOf(kindNames, int(k)) }
func (t Type) String() string        { return nameOf(typeNames, int(t)) }
func (c Combination) String() string { return nameOf(combinationNames, int(c)) }

func nameOf(names []string, code int) string {
	if code < len(names) {
		return names[code]
	}
	return ""
}

// allowed is the table of 3.6: which types a kind has, and which combinations
// a kind and a type.
func allowed(k Kind, t Type) []Combination {
	switch k {
	case KindCounter:
		if t == TypeUnsigned || t == TypeFloat {
			return []Combination{CombineSum}
		}
	case KindGauge:
		switch t {
		case TypeUnsigned, TypeSigned, TypeFloat:
			return []Combination{CombineSum, CombineMin, CombineMax, CombineLast, CombineAll}
		case TypeBoolean:
			return []Combination{CombineMin, CombineMax, CombineLast, CombineAll}
		}
	case KindStateSet:
		if t == TypeUnsigned {
			return []Combination{CombineAll}
		}
	case KindText:
		if t == TypeText {
			return []Combination{CombineAll}
		}
	case KindSummary, KindHistogram:
		if t == TypeFloat {
			return []Combination{CombineSum}
		}
	case KindUnknown:
		if t >= TypeUnsigned && t <= TypeBoolean {
			return []Combination{CombineAll}
		}
	}
	return nil
}

func roundUp(n uint64) uint64 { return (n + wordSize - 1) &^ (wordSize - 1) }
