package cache

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"umlab/harness/store"
)

// An artifact is a manifest with a tag, "KIND-KEY". Its configuration is an About; its layer, if it has one, a tar archive, packed
// by zstd. The signature of the About is an annotation of the manifest: the About names the tag and the layer, so that neither can
// be exchanged.

// About is what an artifact says of itself, as JSON.
type About struct {
	Format int             `json:"format"`
	Kind   string          `json:"kind"`
	Key    string          `json:"key"`
	Of     string          `json:"of"`    // what it is, for people
	From   []string        `json:"from"`  // what it was made from
	Made   time.Time       `json:"made"`  // when it was packed
	By     string          `json:"by"`    // who: user and host
	Umlab  string          `json:"umlab"` // revision of umlab
	Go     string          `json:"go"`    // that it was compiled by
	Record json.RawMessage `json:"record,omitempty"`
	Over   *store.Entry    `json:"over,omitempty"` // a directory whose files it has, too, and which are not in the layer
	Needs  []store.Entry   `json:"needs,omitempty"`
	Layer  *Layer          `json:"layer,omitempty"`
}

// Layer is a tar archive.
type Layer struct {
	Digest  digest.Digest `json:"digest"` // of the bytes in the registry
	Size    int64         `json:"size"`
	Members int           `json:"members"`
	Bytes   int64         `json:"bytes"` // of its files, unpacked; of a tree, of the archive
}

// format is raised when artifacts are packed in another form; those of another are left alone.
const format = 1

// Media types.
const (
	mediaAbout = "application/vnd.umlab.artifact.v1+json"
	mediaLayer = "application/vnd.umlab.layer.v1.tar+zstd"
)

// signatureKey is the annotation with the signature.
const signatureKey = "umlab.signature"

// mostAbout is how many bytes a manifest and an About may have: the registries' own limit.
const mostAbout = 4 << 20

// mostBytes is how large a layer may be, packed and unpacked, whatever it says of itself.
const mostBytes = 64 << 30

// tagOf is the tag of an entry.
func tagOf(e store.Entry) string { return e.Kind + "-" + e.Key }

var tagged = regexp.MustCompile(`^([a-z][a-z-]*)-([0-9a-f]{64})$`)

// entryOf is the entry of a tag; ok is false for a tag that is not umlab's.
func entryOf(tag string) (e store.Entry, ok bool) {
	m := tagged.FindStringSubmatch(tag)
	if m == nil || shapes[m[1]] == none {
		return e, false
	}
	return store.Entry{Kind: m[1], Key: m[2]}, true
}

// annotations are what other tools show of an artifact; umlab itself reads the About.
func (a *About) annotations(signature []byte) map[string]string {
	from := slices.Clone(a.From)
	if a.Over != nil {
		from = append(from, tagOf(*a.Over))
	}
	for _, e := range a.Needs {
		from = append(from, tagOf(e))
	}
	all := map[string]string{
		ocispec.AnnotationCreated: a.Made.Format(time.RFC3339), ocispec.AnnotationTitle: a.Of, ocispec.AnnotationAuthors: a.By,
		ocispec.AnnotationRevision: a.Umlab, "umlab.go": a.Go, "umlab.kind": a.Kind, "umlab.key": a.Key,
		"umlab.from": strings.Join(from, "\n"), signatureKey: string(signature),
	}
	maps.DeleteFunc(all, func(_, v string) bool { return v == "" })
	return all
}

// describe is what names bytes in a registry.
func describe(mediaType string, b []byte) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(b), Size: int64(len(b))}
}

// manifest is the manifest of an About, whose bytes text are.
func (a *About) manifest(text, signature []byte) ocispec.Manifest {
	layers := []ocispec.Descriptor{ocispec.DescriptorEmptyJSON}
	if a.Layer != nil {
		layers[0] = ocispec.Descriptor{MediaType: mediaLayer, Digest: a.Layer.Digest, Size: a.Layer.Size}
	}
	return ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config: describe(mediaAbout, text), Layers: layers, Annotations: a.annotations(signature),
	}
}

// readManifest reads the manifest of an artifact as far as to its configuration, and the signature.
func readManifest(text []byte) (m *ocispec.Manifest, signature []byte, err error) {
	m = &ocispec.Manifest{}
	if err := json.Unmarshal(text, m); err != nil {
		return nil, nil, fmt.Errorf("its manifest is no JSON of one: %w", err)
	}
	switch {
	case m.MediaType != ocispec.MediaTypeImageManifest || m.Config.MediaType != mediaAbout:
		return nil, nil, errors.New("its manifest is none of umlab's")
	case m.Config.Size > mostAbout:
		return nil, nil, fmt.Errorf("its configuration has %d bytes, more than umlab's ever have", m.Config.Size)
	case m.Annotations[signatureKey] == "":
		return nil, nil, errors.New("nobody signed it")
	}
	return m, []byte(m.Annotations[signatureKey]), m.Config.Digest.Validate()
}

// readAbout reads the configuration of an artifact, of which the signature is known to be right, and holds it against what was
// asked for and against the manifest.
func readAbout(text []byte, want store.Entry, m *ocispec.Manifest) (*About, error) {
	a := &About{}
	if err := json.Unmarshal(text, a); err != nil {
		return nil, fmt.Errorf("its configuration is no JSON of one: %w", err)
	}
	switch {
	case a.Format != format:
		return nil, fmt.Errorf("it was packed in format %d, and this umlab reads %d", a.Format, format)
	case a.Kind != want.Kind || a.Key != want.Key:
		return nil, fmt.Errorf("it is %s %s, signed as that, under the tag of another", a.Kind, store.Short(a.Key))
	}
	if l := a.Layer; l != nil {
		if err := l.Digest.Validate(); err != nil {
			return nil, err
		}
		if l.Size < 0 || l.Bytes < 0 || l.Members < 0 || max(l.Size, l.Bytes) > mostBytes {
			return nil, fmt.Errorf("its layer is said to have %d bytes, and %d unpacked", l.Size, l.Bytes)
		}
	}
	is := a.manifest(text, []byte(m.Annotations[signatureKey]))
	if !slices.EqualFunc(is.Layers, m.Layers, func(x, y ocispec.Descriptor) bool { return x.Digest == y.Digest && x.Size == y.Size }) {
		return nil, errors.New("its manifest names another layer than was signed")
	}
	for name, value := range is.Annotations {
		if m.Annotations[name] != value {
			return nil, fmt.Errorf("the annotation %s of its manifest is not what was signed", name)
		}
	}
	return a, nil
}
