package debian

import (
	"bytes"
	"cmp"
	"fmt"
	"hash/maphash"
	"io"
	"slices"
	"strings"

	"github.com/klauspost/compress/s2"
)

// An index holds the packages of one suite, kept small: Debian's have 70000 and
// a resolution looks at a few hundred. Records, of the fields in fieldOf's order
// joined by newlines, are packed into compressed chunks; two sorted lists lead
// from the hash of a name to the records that have it or provide it.
type index struct {
	suite, base string
	chunks      [][]byte // s2
	spans       []span   // of record i
	names       []ref
	provides    []ref
	seed        maphash.Seed

	open     []byte // the chunk that is being filled
	last     int    // number of the chunk in unpacked, when not empty
	unpacked []byte
}

type span struct{ chunk, start, end uint32 }

type ref struct {
	hash   uint64
	record uint32
}

// chunkSize is that of a chunk before compression, in bytes.
const chunkSize = 64 << 10

func newIndex(suite, base string) *index {
	return &index{suite: suite, base: base, seed: maphash.MakeSeed()}
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
	record := uint32(len(x.spans))
	start := len(x.open)
	for i, v := range values {
		if i > 0 {
			x.open = append(x.open, '\n')
		}
		x.open = append(x.open, v...)
	}
	x.spans = append(x.spans, span{uint32(len(x.chunks)), uint32(start), uint32(len(x.open))})
	x.names = append(x.names, ref{maphash.Bytes(x.seed, values[fName]), record})
	for p := range bytes.SplitSeq(values[fProvides], []byte(",")) {
		if name, _, _ := bytes.Cut(bytes.TrimSpace(p), []byte(" ")); len(name) > 0 {
			name, _, _ = bytes.Cut(name, []byte("("))
			name, _, _ = bytes.Cut(name, []byte(":"))
			x.provides = append(x.provides, ref{maphash.Bytes(x.seed, name), record})
		}
	}
	if len(x.open) >= chunkSize {
		x.flush()
	}
}

func (x *index) flush() {
	if len(x.open) > 0 {
		x.chunks = append(x.chunks, s2.Encode(nil, x.open))
		x.open = x.open[:0]
	}
}

// finish makes the index ready to be searched.
func (x *index) finish() {
	x.flush()
	x.open = nil
	byHash := func(a, b ref) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.record, b.record))
	}
	slices.SortFunc(x.names, byHash)
	slices.SortFunc(x.provides, byHash)
}

// record returns the fields of record i.
func (x *index) record(i uint32) ([]string, error) {
	s := x.spans[i]
	if x.unpacked == nil || x.last != int(s.chunk) {
		b, err := s2.Decode(x.unpacked[:cap(x.unpacked)], x.chunks[s.chunk])
		if err != nil {
			return nil, fmt.Errorf("index of %s in memory: %w", x.suite, err)
		}
		x.unpacked, x.last = b, int(s.chunk)
	}
	return strings.Split(string(x.unpacked[s.start:s.end]), "\n"), nil
}

// lookup returns the records that refs lists for name, in their order in the
// suite. A hash collision can add others.
func (x *index) lookup(refs []ref, name string) []uint32 {
	h := maphash.String(x.seed, name)
	i, _ := slices.BinarySearchFunc(refs, h, func(r ref, h uint64) int { return cmp.Compare(r.hash, h) })
	var records []uint32
	for ; i < len(refs) && refs[i].hash == h; i++ {
		if n := len(records); n == 0 || records[n-1] != refs[i].record {
			records = append(records, refs[i].record)
		}
	}
	return records
}
