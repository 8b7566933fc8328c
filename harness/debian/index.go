package debian

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// An index holds the packages of one suite. Debian's have 70000, and a resolution
// looks at a few hundred: only those are read.
type index struct {
	suite, base string
	arch        string              // that is read, beside "all"
	records     []string            // the fields of kept, joined by newlines
	named       map[string][]uint32 // by a package's name
	provided    map[string][]uint32 // by a name that it provides
}

func newIndex(suite, base, arch string) *index {
	return &index{suite: suite, base: base, arch: arch, named: map[string][]uint32{}, provided: map[string][]uint32{}}
}

// read adds the stanzas of a Packages file.
func (x *index) read(r io.Reader) error {
	s := newScanner(r)
	var values [fieldCount][]byte
	for {
		for i := range values {
			values[i] = values[i][:0]
		}
		current := -1
		err := s.stanza(func(name, value []byte) error {
			if name != nil {
				current = fieldOf(name)
				if current >= 0 && len(values[current]) > 0 {
					return fmt.Errorf("field %s occurs twice", name)
				}
			} else if current >= 0 {
				values[current] = append(values[current], ' ')
			}
			if current >= 0 {
				values[current] = append(values[current], value...)
			}
			return nil
		})
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if len(values[fName]) == 0 || len(values[fVersion]) == 0 || len(values[fFilename]) == 0 || len(values[fSHA256]) == 0 {
			return fmt.Errorf("line %d: a stanza without Package, Version, Filename or SHA256", s.line)
		}
		x.add(&values)
	}
}

func (x *index) add(values *[fieldCount][]byte) {
	record := uint32(len(x.records))
	x.records = append(x.records, string(bytes.Join(values[:], []byte("\n"))))
	name := string(values[fName])
	x.named[name] = append(x.named[name], record)
	for p := range strings.SplitSeq(string(values[fProvides]), ",") {
		name, _, _ := strings.Cut(strings.TrimSpace(p), " ")
		name, _, _ = strings.Cut(name, "(")
		name, _, _ = strings.Cut(name, ":")
		if had := x.provided[name]; name != "" && (len(had) == 0 || had[len(had)-1] != record) {
			x.provided[name] = append(had, record)
		}
	}
}

// record returns the fields of record i.
func (x *index) record(i uint32) []string { return strings.Split(x.records[i], "\n") }
