package debian

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// clockSkew is how far a mirror's clock may be ahead of this machine's.
const clockSkew = 24 * time.Hour

// LoadKeys reads every *.asc, *.gpg and *.pgp file at the root of fsys, armored
// or not, as public keys. A key that several files hold counts once.
func LoadKeys(fsys fs.FS) (openpgp.EntityList, error) {
	var keys openpgp.EntityList
	have := map[string]bool{}
	for _, pattern := range []string{"*.asc", "*.gpg", "*.pgp"} {
		names, err := fs.Glob(fsys, pattern)
		if err != nil {
			return nil, fmt.Errorf("archive keys: %w", err)
		}
		for _, name := range names {
			data, err := fs.ReadFile(fsys, name)
			if err != nil {
				return nil, fmt.Errorf("archive keys: %w", err)
			}
			list, err := readKeys(data)
			if err != nil {
				return nil, fmt.Errorf("archive keys: %s: %w; replace it by a key file of Debian's debian-archive-keyring", name, err)
			}
			for _, e := range list {
				if id := string(e.PrimaryKey.Fingerprint); !have[id] {
					have[id] = true
					keys = append(keys, e)
				}
			}
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("archive keys: no *.asc, *.gpg or *.pgp file; put those of Debian's debian-archive-keyring there")
	}
	return keys, nil
}

// A signed is the outcome of verifying a clear-signed file.
type signed struct {
	text    []byte
	by      string    // fingerprint of the primary key, upper-case hex
	expired time.Time // when set: the key was valid when it signed, but is not at the time asked about; when it signed
}

// verify checks a clear-signed file and returns what was signed, and only that.
// One good signature by a known key suffices; weak algorithms are refused. Keys
// must have been valid when they signed: only the caller knows whether one that
// has expired since is to be believed.
func verify(url string, data []byte, keys openpgp.EntityList, at time.Time) (signed, error) {
	block, rest := clearsign.Decode(data)
	if block == nil {
		return signed{}, &signatureError{url, "it is not a clear-signed message"}
	}
	if len(bytes.TrimSpace(rest)) > 0 || !bytes.HasPrefix(data, []byte("-----BEGIN PGP SIGNED MESSAGE-----")) {
		return signed{}, &signatureError{url, "there is text outside the signed message"}
	}
	// Each signature is tried by itself, so that one of an algorithm not yet
	// known here does not spoil the others.
	var reasons []string
	var old *signed
	packets := packet.NewOpaqueReader(block.ArmoredSignature.Body)
	for {
		op, err := packets.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			reasons = append(reasons, err.Error())
			break
		}
		var one bytes.Buffer
		if err := op.Serialize(&one); err != nil {
			reasons = append(reasons, err.Error())
			continue
		}
		// A signature of the future is let through: the date of what it signs is
		// compared with the clock, and the message is about the clock then.
		when := at
		if p, err := op.Parse(); err == nil {
			if sig, ok := p.(*packet.Signature); ok && sig.CreationTime.After(when) {
				when = sig.CreationTime
			}
		}
		config := &packet.Config{Time: func() time.Time { return when }}
		sig, by, err := openpgp.VerifyDetachedSignature(keys, bytes.NewReader(block.Bytes), &one, config)
		switch {
		case errors.Is(err, pgperrors.ErrUnknownIssuer):
			reasons = append(reasons, "a signature by an unknown key"+issuer(sig))
		case err != nil:
			reasons = append(reasons, err.Error()+issuer(sig))
		case sig == nil || by == nil || sig.IssuerKeyId == nil:
			reasons = append(reasons, "a signature that names no key")
		default:
			s := signed{text: block.Plaintext, by: fmt.Sprintf("%X", by.PrimaryKey.Fingerprint)}
			if _, valid := by.SigningKeyById(at, *sig.IssuerKeyId, config); valid {
				return s, nil
			}
			s.expired = sig.CreationTime
			old = &s
		}
	}
	if old != nil {
		return *old, nil
	}
	if len(reasons) == 0 {
		reasons = []string{"no signature"}
	}
	return signed{}, &signatureError{url, strings.Join(reasons, "; ")}
}

func issuer(sig *packet.Signature) string {
	if sig == nil || sig.IssuerKeyId == nil {
		return ""
	}
	return fmt.Sprintf(" (key %016X)", *sig.IssuerKeyId)
}
