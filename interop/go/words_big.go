//go:build armbe || arm64be || mips || mips64 || mips64p32 || ppc || ppc64 || s390 || s390x || sparc || sparc64

package mmstats

// Values are stored as the machine has them, and the format is little-endian.
var _ = bigEndianMachinesAreNotSupported // does not compile, and that is meant
