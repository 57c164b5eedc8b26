// The strict parser of a file at rest: which version it is (G-1), and then
// that version's rules.

package mmstats

// Parse is the document of a whole file, or its one error, a *FormatError.
func Parse(data []byte) (*Document, error) {
	if len(data) == 0 {
		return nil, malformed(codeTruncated, 0)
	}
	switch data[0] {
	case version1:
		return parse1(data)
	case version2:
		var l layout
		if err := l.update(atRest(data)); err != nil {
			return nil, err
		}
		return l.document(func(e *extent, _ int) []byte {
			return data[e.valuesAt() : e.valuesAt()+e.slotsUsed]
		}), nil
	}
	return nil, malformed(codeUnsupportedVersion, 0)
}

// ReadFile is the document of a file at rest.
func ReadFile(path string) (*Document, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := f.readAll(nil)
	if err != nil {
		return nil, err
	}
	return Parse(data)
}
