package cache

import (
	"encoding/json"
	"testing"
	"time"

	"umlab/harness/store"
)

// FuzzArtifact: whatever a registry gives for manifest and configuration, nothing panics, and what is read names what was asked for
// and the layer that was signed.
func FuzzArtifact(f *testing.F) {
	a := &About{Format: format, Kind: "baseline", Key: store.Key("x"), Of: "x", Made: time.Unix(1e9, 0).UTC(), By: "me@here",
		Layer: &Layer{Digest: "sha256:" + "0000000000000000000000000000000000000000000000000000000000000000", Size: 1, Members: 2, Bytes: 3}}
	text, err := json.Marshal(a)
	if err != nil {
		f.Fatal(err)
	}
	m, err := json.Marshal(a.manifest(text, []byte("signature")))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(m, text)
	want := store.Entry{Kind: a.Kind, Key: a.Key}
	f.Fuzz(func(t *testing.T, m, text []byte) {
		read, _, err := readManifest(m)
		if err != nil {
			return
		}
		a, err := readAbout(text, want, read)
		if err != nil {
			return
		}
		if a.Kind != want.Kind || a.Key != want.Key {
			t.Errorf("it is %s %s", a.Kind, a.Key)
		}
		if a.Layer != nil && (len(read.Layers) != 1 || read.Layers[0].Digest != a.Layer.Digest) {
			t.Errorf("it has another layer")
		}
	})
}

// FuzzSigners: whatever stands in allowed_signers, nothing panics, and no key is believed that is none.
func FuzzSigners(f *testing.F) {
	f.Add("me ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1Vg0lGkkbUcbfOGnbMQn3kxNPyRFEjtwYhIbLyLpZy x")
	f.Add(`"a b" namespaces="x,!y",valid-after="20200101Z" ssh-rsa AAAA`)
	f.Fuzz(func(t *testing.T, line string) {
		if s, ok, err := signerOf(line); ok && (err != nil || s.key == nil || s.who == line) {
			t.Errorf("%+v: %v", s, err)
		}
	})
}
