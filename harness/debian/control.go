package debian

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"
)

// maxLine bounds one line of a control file, in bytes. The longest of Debian's
// indices, Provides of Rust crates, are some ten thousand.
const maxLine = 1 << 20

// A scanner reads the stanzas of a control file (deb822(5)) in one pass.
type scanner struct {
	lines *bufio.Scanner
	line  int // of the last line read, from 1
}

func newScanner(r io.Reader) *scanner {
	s := &scanner{lines: bufio.NewScanner(r)}
	s.lines.Buffer(make([]byte, 64<<10), maxLine)
	return s
}

// readLine returns the next line without its line end; it is valid until the
// next call.
func (s *scanner) readLine() ([]byte, error) {
	s.line++
	if s.lines.Scan() {
		return bytes.TrimRight(s.lines.Bytes(), "\r"), nil
	}
	switch err := s.lines.Err(); err {
	case nil:
		return nil, io.EOF
	case bufio.ErrTooLong:
		return nil, fmt.Errorf("line %d is longer than %d bytes", s.line, maxLine)
	default:
		return nil, err
	}
}

// stanza calls field for each line of the next stanza: with a name for its
// first line, with a nil name for each continuation line. The slices are valid
// during the call. It returns io.EOF where there is no further stanza.
func (s *scanner) stanza(field func(name, value []byte) error) error {
	seen := false
	for {
		b, err := s.readLine()
		if err == io.EOF && seen {
			return nil
		}
		if err != nil {
			return err
		}
		switch {
		case len(bytes.TrimLeft(b, " \t")) == 0:
			if seen {
				return nil
			}
			continue
		case b[0] == '#':
			continue
		case b[0] == ' ' || b[0] == '\t':
			if !seen {
				return fmt.Errorf("line %d: a continuation line without a field", s.line)
			}
			if err := field(nil, bytes.Trim(b, " \t")); err != nil {
				return fmt.Errorf("line %d: %w", s.line, err)
			}
			continue
		}
		name, value, ok := bytes.Cut(b, []byte(":"))
		if !ok || len(name) == 0 || bytes.ContainsAny(name, " \t") {
			return fmt.Errorf("line %d: not a field: %.80q", s.line, b)
		}
		seen = true
		if err := field(name, bytes.Trim(value, " \t")); err != nil {
			return fmt.Errorf("line %d: %w", s.line, err)
		}
	}
}

// fields returns the next stanza as a map from lower-case field names (they are
// not case-sensitive) to values, whose lines are joined by newlines.
func (s *scanner) fields() (map[string]string, error) {
	m := map[string]string{}
	var name string
	err := s.stanza(func(n, v []byte) error {
		if n == nil {
			m[name] += "\n" + string(v)
			return nil
		}
		name = strings.ToLower(string(n))
		if _, twice := m[name]; twice {
			return fmt.Errorf("field %s occurs twice", n)
		}
		m[name] = string(v)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}
