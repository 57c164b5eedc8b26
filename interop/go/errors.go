// Errors of parsing, with their codes and offsets (FORMAT.md 1.3).

package mmstats

import (
	"errors"
	"fmt"
)

// ErrUnreadable is what is no regular file, is not there, or is too large.
var ErrUnreadable = errors.New("unreadable")

// FormatError is the one error of a malformed input (G-2).
type FormatError struct {
	Code   string
	Offset uint64
}

func (e *FormatError) Error() string { return fmt.Sprintf("%s at offset %d", e.Code, e.Offset) }

// The codes, a closed list.
const (
	codeTruncated          = "truncated"
	codeUnsupportedVersion = "unsupported-version"
	codeUnknownType        = "unknown-type"
	codeBadIndex           = "bad-index"
	codeTrailingBytes      = "trailing-bytes"
	codeBadMagic           = "bad-magic"
	codeBadCRC             = "bad-crc"
	codeBadControl         = "bad-control"
	codeBadHeader          = "bad-header"
	codeUnsupportedFeature = "unsupported-feature"
	codeBadExtent          = "bad-extent"
	codeBadRecord          = "bad-record"
	codeUnsupportedRecord  = "unsupported-record"
	codeBadText            = "bad-text"
	codeBadFamily          = "bad-family"
	codeBadSeries          = "bad-series"
)

func malformed(code string, offset uint64) error { return &FormatError{code, offset} }

func isMalformed(err error) bool {
	var e *FormatError
	return errors.As(err, &e)
}
