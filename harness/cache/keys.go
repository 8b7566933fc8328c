package cache

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"umlab/harness/usage"
)

// namespace is that of the signatures, so that no signature of anything else is one of an artifact.
const namespace = "umlab-cache"

// Keys are who signs what goes to a cache, and whose signatures are believed.
type Keys struct {
	own    ssh.Signer // nil: nothing is pushed
	agent  io.Closer  // that has it; may be nil
	signer []signer

	file    string // of the own key
	allowed string // file of the others
	now     func() time.Time
}

// signer is a line of allowed_signers.
type signer struct {
	who           string
	key           ssh.PublicKey
	after, before time.Time // zero: at any time
}

// LoadKeys reads the key that UMLAB_CACHE_KEY names, else cache_key in own, the user's own configuration; the file is one of
// ssh-keygen, or the public half of a key that ssh-agent has. Its signatures are believed, and those of the keys in
// allowed_signers, in own or where UMLAB_CACHE_SIGNERS says. The error is a *usage.Error, and says how to make a key where there is
// none of any. Without own, it is where that would be.
func LoadKeys(getenv func(string) string, own string, now func() time.Time) (*Keys, error) {
	k := &Keys{file: getenv("UMLAB_CACHE_KEY"), allowed: getenv("UMLAB_CACHE_SIGNERS"), now: now}
	wanted, wantedSigners := k.file != "", k.allowed != ""
	if own == "" {
		own = ownDir(getenv)
	}
	k.file = cmp.Or(k.file, filepath.Join(own, "cache_key"))
	k.allowed = cmp.Or(k.allowed, filepath.Join(own, "allowed_signers"))
	err := k.load(getenv)
	if errors.Is(err, fs.ErrNotExist) && !wanted {
		err = nil
	}
	if err != nil {
		return nil, usage.Errorf("the key that signs what goes to the cache: %w", err)
	}
	if k.own != nil {
		k.signer = append(k.signer, signer{who: "you", key: k.own.PublicKey()})
	}
	text, err := os.ReadFile(k.allowed)
	if errors.Is(err, fs.ErrNotExist) && !wantedSigners {
		err = nil
	}
	if err == nil {
		err = k.allow(text)
	}
	if err != nil {
		return nil, usage.Errorf("who may sign what is taken from the cache: %w", err)
	}
	if len(k.signer) == 0 {
		return nil, usage.Errorf("UMLAB_CACHE is set, and nothing says who is believed: make a key of your own\n  %s\n"+
			"or write the public keys of others, a line each (NAME ssh-ed25519 AAAA…), into %s", k.keygen(), k.allowed)
	}
	return k, nil
}

// load reads the own key.
func (k *Keys) load(getenv func(string) string) error {
	info, err := os.Stat(k.file)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(k.file)
	if err != nil {
		return err
	}
	if pub, _, _, _, err := ssh.ParseAuthorizedKey(text); err == nil {
		return k.fromAgent(getenv("SSH_AUTH_SOCK"), pub)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s may be read by others (%v): chmod 600 %s", k.file, info.Mode().Perm(), k.file)
	}
	k.own, err = ssh.ParsePrivateKey(text)
	if _, locked := errors.AsType[*ssh.PassphraseMissingError](err); locked {
		return fmt.Errorf("%s has a passphrase: ssh-add it, and set UMLAB_CACHE_KEY=%s.pub", k.file, k.file)
	}
	if err != nil {
		return fmt.Errorf("%s is no private key of ssh-keygen: %w", k.file, err)
	}
	return nil
}

// fromAgent finds the key in ssh-agent.
func (k *Keys) fromAgent(socket string, pub ssh.PublicKey) error {
	if socket == "" {
		return fmt.Errorf("%s is a public key, and there is no ssh-agent (SSH_AUTH_SOCK) that would have the other half: "+
			"start one and ssh-add the key, or name the private key", k.file)
	}
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return fmt.Errorf("ask ssh-agent (SSH_AUTH_SOCK) for %s: %w", k.file, err)
	}
	signers, err := agent.NewClient(conn).Signers()
	if err != nil {
		return errors.Join(fmt.Errorf("ask ssh-agent for %s: %w", k.file, err), conn.Close())
	}
	for _, s := range signers {
		if bytes.Equal(s.PublicKey().Marshal(), pub.Marshal()) {
			k.own, k.agent = s, conn
			return nil
		}
	}
	return errors.Join(fmt.Errorf("ssh-agent does not have %s: ssh-add it", k.file), conn.Close())
}

// Close ends the use of ssh-agent.
func (k *Keys) Close() error {
	if k.agent == nil {
		return nil
	}
	return k.agent.Close()
}

// allow reads the text of an allowed_signers file, see ssh-keygen(1). Lines for other namespaces are left out.
func (k *Keys) allow(text []byte) error {
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		s, ok, err := signerOf(line)
		if err != nil {
			return fmt.Errorf("%s:%d: %w", k.allowed, n, err)
		}
		if ok {
			k.signer = append(k.signer, s)
		}
	}
	return lines.Err()
}

// signerOf reads a line of allowed_signers; ok is false for one that is not for artifacts.
func signerOf(line string) (s signer, ok bool, err error) {
	var rest string
	if s.who, rest, ok = strings.Cut(line, " "); strings.HasPrefix(line, `"`) {
		s.who, rest, ok = strings.Cut(line[1:], `" `)
	}
	if !ok {
		return s, false, errors.New("write NAME ssh-ed25519 AAAA…")
	}
	key, _, options, more, err := ssh.ParseAuthorizedKey([]byte(rest))
	if err != nil || len(bytes.TrimSpace(more)) > 0 {
		return s, false, fmt.Errorf("there is no public key behind %q: write NAME ssh-ed25519 AAAA…", s.who)
	}
	if _, certificate := key.(*ssh.Certificate); certificate {
		return s, false, errors.New("certificates are not taken: write the key itself")
	}
	s.key, ok = key, true
	for _, o := range options {
		name, value, _ := strings.Cut(o, "=")
		value = strings.Trim(value, `"`)
		switch strings.ToLower(name) {
		case "namespaces":
			ok = ok && matches(value, namespace)
		case "valid-after":
			s.after, err = timeOf(value)
		case "valid-before":
			s.before, err = timeOf(value)
		case "cert-authority":
			return s, false, errors.New("cert-authority is not taken: write the keys themselves")
		default:
			return s, false, fmt.Errorf("option %q is not known", name)
		}
		if err != nil {
			return s, false, err
		}
	}
	return s, ok, nil
}

// matches reports whether a list of patterns, as ssh has them, matches name.
func matches(patterns, name string) (yes bool) {
	for p := range strings.SplitSeq(patterns, ",") {
		p, not := strings.CutPrefix(strings.TrimSpace(p), "!")
		if ok, err := path.Match(p, name); err == nil && ok {
			if not {
				return false
			}
			yes = true
		}
	}
	return yes
}

// timeOf reads a time of allowed_signers: YYYYMMDD[HHMM[SS]][Z].
func timeOf(text string) (time.Time, error) {
	in, zone := time.Local, text
	if digits, utc := strings.CutSuffix(text, "Z"); utc {
		in, zone = time.UTC, digits
	}
	for _, form := range []string{"20060102", "200601021504", "20060102150405"} {
		if t, err := time.ParseInLocation(form, zone, in); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time: write YYYYMMDD or YYYYMMDDHHMMSS, with Z for UTC", text)
}

// noKey says that there is no key to sign with, and how to make one.
func (k *Keys) noKey() error {
	return usage.Errorf("nothing can be pushed to a cache without a key that signs it: %s", k.keygen())
}

// keygen is the command that makes the own key.
func (k *Keys) keygen() string {
	command := "ssh-keygen -t ed25519 -N '' -C umlab -f " + k.file
	if _, err := os.Stat(filepath.Dir(k.file)); err != nil {
		command = fmt.Sprintf("mkdir -p %s && %s", filepath.Dir(k.file), command)
	}
	return command
}

// ownDir is where the user's own configuration would be, see README.
func ownDir(getenv func(string) string) string {
	base := getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(base) {
		base = filepath.Join(cmp.Or(getenv("HOME"), "/"), ".config")
	}
	return filepath.Join(base, "umlab")
}

// CanSign reports whether there is a key to sign with.
func (k *Keys) CanSign() bool { return k.own != nil }

// sign signs text.
func (k *Keys) sign(text []byte) ([]byte, error) {
	s, err := sshsig.Sign(bytes.NewReader(text), k.own, sshsig.HashSHA512, namespace)
	if err != nil {
		return nil, fmt.Errorf("sign by %s: %w", k.file, err)
	}
	return sshsig.Armor(s), nil
}

// verify says who signed text. The error says why that is not to be believed.
func (k *Keys) verify(text, signature []byte) (who string, err error) {
	s, err := sshsig.Unarmor(signature)
	if err != nil {
		return "", fmt.Errorf("its signature cannot be read: %w", err)
	}
	stranger := &strangerError{s.PublicKey, k.allowed}
	err = stranger
	for _, one := range k.signer {
		if !bytes.Equal(one.key.Marshal(), s.PublicKey.Marshal()) {
			continue
		}
		now := k.now()
		switch {
		case !one.after.IsZero() && now.Before(one.after), !one.before.IsZero() && !now.Before(one.before):
			err = fmt.Errorf("it was signed by %s, whom %s does not allow at this time", stranger.fingerprint(), k.allowed)
			continue
		}
		if err := sshsig.Verify(bytes.NewReader(text), s, one.key, s.HashAlgorithm, namespace); err != nil {
			return "", fmt.Errorf("its signature by %s is wrong: %w", one.who, err)
		}
		return one.who, nil
	}
	return "", err
}

// strangerError is of a signature by a key that is not known.
type strangerError struct {
	key  ssh.PublicKey
	file string // of those that are
}

func (e *strangerError) fingerprint() string {
	return e.key.Type() + " " + ssh.FingerprintSHA256(e.key)
}

func (e *strangerError) who() string {
	return fmt.Sprintf("it was signed by %s, which is not in %s", e.fingerprint(), e.file)
}

func (e *strangerError) Error() string {
	line := bytes.TrimSpace(ssh.MarshalAuthorizedKey(e.key))
	return fmt.Sprintf("%s: to take what that key signs, add the line NAME %s", e.who(), line)
}
