package debian

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

func TestSigned(t *testing.T) {
	made := testNow.AddDate(-2, 0, 0)
	key, other, short := newKey(t, made, 0), newKey(t, made, 0), newKey(t, made, 30*24*time.Hour)
	message := func(k *openpgp.Entity) []byte {
		return clearSign(t, "abc  file\n", made.AddDate(0, 0, 7), packet.Config{}, k)
	}
	for name, c := range map[string]struct {
		message []byte
		keys    openpgp.EntityList
		want    string
	}{
		"good":            {message(key), openpgp.EntityList{other, key}, ""},
		"unknown key":     {message(key), openpgp.EntityList{other}, "by an unknown key"},
		"key of the past": {message(short), openpgp.EntityList{short}, "has expired"},
		"changed":         {bytes.Replace(message(key), []byte("abc"), []byte("abd"), 1), openpgp.EntityList{key}, "bad signature"},
		"not signed":      {[]byte("abc  file\n"), openpgp.EntityList{key}, "not a clear-signed message"},
		"text before it":  {append([]byte("x\n"), message(key)...), openpgp.EntityList{key}, "outside the signed message"},
	} {
		text, by, err := Signed("the list", c.message, c.keys, testNow)
		if c.want == "" {
			if err != nil || string(text) != "abc  file\n" || by == "" {
				t.Errorf("%s: %q, %q, %v", name, text, by, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "the list: ") || strings.Contains(err.Error(), "MIRROR") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestDetached(t *testing.T) {
	key, other := newKey(t, testNow.AddDate(-2, 0, 0), 0), newKey(t, testNow.AddDate(-2, 0, 0), 0)
	const content = "a tar"
	var binary, armored bytes.Buffer
	config := &packet.Config{Time: func() time.Time { return testNow.AddDate(-1, 0, 0) }}
	if err := openpgp.DetachSign(&binary, []*openpgp.Entity{key}, strings.NewReader(content), config); err != nil {
		t.Fatal(err)
	}
	w, err := armor.Encode(&armored, openpgp.SignatureType, nil)
	if err == nil {
		_, err = w.Write(binary.Bytes())
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, sig := range map[string][]byte{"binary": binary.Bytes(), "armored": armored.Bytes()} {
		if by, err := Detached("x", strings.NewReader(content), sig, openpgp.EntityList{key}, testNow); err != nil || by == "" {
			t.Errorf("%s: %q, %v", name, by, err)
		}
		if _, err := Detached("x", strings.NewReader(content+"."), sig, openpgp.EntityList{key}, testNow); err == nil {
			t.Errorf("%s: other content was accepted", name)
		}
		if _, err := Detached("x", strings.NewReader(content), sig, openpgp.EntityList{other}, testNow); err == nil {
			t.Errorf("%s: another's key was accepted", name)
		}
	}
	for _, sig := range []string{"", "text", "-----BEGIN PGP SIGNATURE-----\n"} {
		if _, err := Detached("x", strings.NewReader(content), []byte(sig), openpgp.EntityList{key}, testNow); err == nil {
			t.Errorf("%q was accepted as a signature", sig)
		}
	}
}

func TestLoadKey(t *testing.T) {
	key := newKey(t, testNow, 0)
	var b bytes.Buffer
	if err := key.Serialize(&b); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key.gpg")
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	if keys, err := LoadKey(file); err != nil || len(keys) != 1 || keys[0].PrimaryKey.KeyId != key.PrimaryKey.KeyId {
		t.Errorf("%v, %v", keys, err)
	}
	for _, text := range []string{"", "no key\n", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if keys, err := LoadKey(file); err == nil {
			t.Errorf("%q: %v", text, keys)
		}
	}
}
