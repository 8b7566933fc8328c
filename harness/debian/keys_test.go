package debian

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

func TestLoadKeys(t *testing.T) {
	var binary, armored bytes.Buffer
	one, two := newKey(t, testNow, 0), newKey(t, testNow, 0)
	if err := one.Serialize(&binary); err != nil {
		t.Fatal(err)
	}
	w, err := armor.Encode(&armored, openpgp.PublicKeyType, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(one.Serialize(w), two.Serialize(w), w.Close()); err != nil {
		t.Fatal(err)
	}
	keys, err := LoadKeys(fstest.MapFS{"a.gpg": {Data: binary.Bytes()}, "b.asc": {Data: armored.Bytes()}, "README": {Data: []byte("x")}})
	if err != nil || len(keys) != 2 {
		t.Errorf("%d keys, %v; want two, each once", len(keys), err)
	}
	for name, fsys := range map[string]fstest.MapFS{
		"no *.asc": {"README": {Data: []byte("x")}},
		"bad.gpg":  {"bad.gpg": {Data: []byte("nonsense")}},
		"bad.asc":  {"bad.asc": {Data: armored.Bytes()[:100]}},
	} {
		if _, err := LoadKeys(fsys); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The keys that ship must be readable, public only, and of the releases that
// umlab reads.
func TestShippedKeys(t *testing.T) {
	keys, err := LoadKeys(os.DirFS("../../configs/keys"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, k := range keys {
		if k.PrivateKey != nil {
			t.Errorf("%X is a private key", k.PrimaryKey.Fingerprint)
		}
		for name := range k.Identities {
			names = append(names, name)
		}
	}
	all := strings.Join(names, "\n")
	for _, want := range []string{"Archive Automatic Signing Key (12/bookworm)", "Archive Automatic Signing Key (13/trixie)",
		"Stable Release Key (13/trixie)", "Security Archive Automatic Signing Key (13/trixie)"} {
		if !strings.Contains(all, want) {
			t.Errorf("no %s in\n%s", want, all)
		}
	}
}

// Weak algorithms are refused, by known keys too. The files of testdata were
// made by GnuPG, since the library used here does not write what it refuses:
// two keys of 2025, an Ed25519 one that signed with SHA-1 and SHA-256, and an
// RSA one of 1024 bits.
func TestVerifyWeak(t *testing.T) {
	data, err := os.ReadFile("testdata/weak-keys.asc")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := LoadKeys(fstest.MapFS{"weak.asc": {Data: data}})
	if err != nil || len(keys) != 2 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	for name, want := range map[string]string{"sha256.txt": "", "sha1.txt": "insecure message hash", "rsa1024.txt": "minimum rsa length"} {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		_, err = verify("u", data, keys, testNow)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

func TestVerify(t *testing.T) {
	const text = "Suite: s\n- dashed\ntrailing space \n"
	year := func(n int) time.Time { return testNow.AddDate(n, 0, 0) }
	good, other := newKey(t, year(-5), 0), newKey(t, year(-5), 0)
	old := newKey(t, year(-5), 3*365*24*time.Hour) // expired two years ago
	revoked := newKey(t, year(-5), 0)
	if err := revoked.Revoke(packet.KeyCompromised, "lost", &packet.Config{Time: func() time.Time { return year(-1) }}); err != nil {
		t.Fatal(err)
	}
	keys := openpgp.EntityList{good, old, revoked}
	sign := func(at time.Time, keys ...*openpgp.Entity) []byte {
		return clearSign(t, text, at, packet.Config{}, keys...)
	}
	plain := sign(testNow, good)
	for _, tt := range []struct {
		name    string
		data    []byte
		err     string
		expired bool
	}{
		{"good", plain, "", false},
		{"a second signature by an unknown key", sign(testNow, other, good), "", false},
		{"the other way round", sign(testNow, good, other), "", false},
		{"tampered text", bytes.Replace(plain, []byte("Suite: s"), []byte("Suite: t"), 1), "invalid signature", false},
		{"unknown key", sign(testNow, other), "unknown key", false},
		{"key older than its expiry, signature newer", sign(year(-1), old), "expired", false},
		{"signed before the key expired", sign(year(-3), old), "", true},
		{"an old signature beside a valid one", sign(year(-3), old, good), "", false},
		{"revoked as lost", sign(year(-3), revoked), "revoked", false},
		{"signed in the future, for the date to tell", sign(year(1), good), "", false},
		{"not signed", []byte(text), "not a clear-signed message", false},
		{"text before", append([]byte("Suite: evil\n"), plain...), "outside the signed message", false},
		{"text after", append(bytes.Clone(plain), "Suite: evil\n"...), "outside the signed message", false},
		{"cut in the signature", plain[:len(plain)-60], "not a clear-signed message", false},
		{"empty", nil, "not a clear-signed message", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := verify("http://m/InRelease", tt.data, keys, testNow)
			if tt.err != "" {
				var bad *signatureError
				if !errors.As(err, &bad) || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("%v, want %s", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if string(s.text) != "Suite: s\n- dashed\ntrailing space\n" || !s.expired.IsZero() != tt.expired || len(s.by) != 40 {
				t.Errorf("%q by %s, expired %v", s.text, s.by, s.expired)
			}
		})
	}
}

func FuzzVerify(f *testing.F) {
	key, stranger := newKey(f, testNow, 0), newKey(f, testNow, 0)
	f.Add(clearSign(f, "Suite: s\n", testNow, packet.Config{}, key))
	f.Add(clearSign(f, "Suite: s\n", testNow, packet.Config{}, stranger))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := verify("u", data, openpgp.EntityList{key}, testNow)
		if err == nil && strings.TrimRight(string(s.text), " \t\r\n") != "Suite: s" {
			t.Errorf("%q passes as signed", s.text)
		}
	})
}
