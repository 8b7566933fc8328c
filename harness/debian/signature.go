package debian

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// LoadKey reads the public keys of one file, armored or not. They vouch for
// nothing of Debian's.
func LoadKey(path string) (openpgp.EntityList, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	keys, err := readKeys(data)
	if err == nil && len(keys) == 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, fmt.Errorf("%s holds no OpenPGP public key: %w", path, err)
	}
	return keys, nil
}

func readKeys(data []byte) (openpgp.EntityList, error) {
	if bytes.HasPrefix(data, []byte("-----BEGIN ")) {
		return openpgp.ReadArmoredKeyRing(bytes.NewReader(data))
	}
	return openpgp.ReadKeyRing(bytes.NewReader(data))
}

// Signed returns the text of a clear-signed message that one of keys vouches
// for, and only that, with the fingerprint of the primary key. what names the
// message in errors. The key must be valid at the given time.
func Signed(what string, message []byte, keys openpgp.EntityList, at time.Time) (text []byte, by string, err error) {
	s, err := verify(what, message, keys, at)
	var bad *signatureError
	if errors.As(err, &bad) {
		return nil, "", fmt.Errorf("%s: bad signature: %s", what, bad.Reason)
	}
	if err != nil {
		return nil, "", err
	}
	if !s.expired.IsZero() {
		return nil, "", fmt.Errorf("%s: key %s has expired or was withdrawn since it signed on %s: get the key anew", what, s.by, day(s.expired))
	}
	return s.text, s.by, nil
}

// Detached verifies the detached signature, armored or not, of all that signed
// yields. what names it in errors.
func Detached(what string, signed io.Reader, signature []byte, keys openpgp.EntityList, at time.Time) (by string, err error) {
	var sig io.Reader = bytes.NewReader(signature)
	if bytes.HasPrefix(bytes.TrimSpace(signature), []byte("-----BEGIN ")) {
		block, err := armor.Decode(sig)
		if err != nil {
			return "", fmt.Errorf("%s: its signature cannot be read: %w", what, err)
		}
		sig = block.Body
	}
	_, entity, err := openpgp.VerifyDetachedSignature(keys, signed, sig, &packet.Config{Time: func() time.Time { return at }})
	if err == nil && entity == nil {
		err = errors.New("no key is known to have made it")
	}
	if err != nil {
		return "", fmt.Errorf("%s: bad signature: %w", what, err)
	}
	return fmt.Sprintf("%X", entity.PrimaryKey.Fingerprint), nil
}
