package cache_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"umlab/harness/cache"
	"umlab/harness/cache/cachetest"
	"umlab/harness/cache/oci"
	"umlab/harness/store"
)

// publicOf is the public half of a private key.
func publicOf(t testing.TB, key []byte) string {
	t.Helper()
	s, err := ssh.ParsePrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(s.PublicKey())))
}

func TestLoadKeys(t *testing.T) {
	for name, test := range map[string]struct {
		make func(t *testing.T, own, pub string) (env map[string]string)
		want string // of the error; "" for none
	}{
		"nothing":     {func(_ *testing.T, own, _ string) map[string]string { return nil }, "ssh-keygen -t ed25519"},
		"only others": {func(t *testing.T, own, pub string) map[string]string { allow(t, own, "me "+pub); return nil }, ""},
		"comments and options": {func(t *testing.T, own, pub string) map[string]string {
			allow(t, own, "# who\n\n", `"me too" namespaces="git,umlab-*",valid-after="20200101" `+pub+" comment")
			return nil
		}, ""},
		"for git alone": {func(t *testing.T, own, pub string) map[string]string {
			allow(t, own, `me namespaces="git" `+pub)
			return nil
		}, "nothing says who is believed"},
		"no key in a line": {func(t *testing.T, own, pub string) map[string]string {
			allow(t, own, "# x", "me ssh-ed25519")
			return nil
		},
			"allowed_signers:2: there is no public key behind \"me\""},
		"a name alone": {func(t *testing.T, own, pub string) map[string]string { allow(t, own, "me"); return nil }, "write NAME"},
		"an option":    {func(t *testing.T, own, pub string) map[string]string { allow(t, own, "me no-pty "+pub); return nil }, `option "no-pty"`},
		"an authority": {func(t *testing.T, own, pub string) map[string]string {
			allow(t, own, "me cert-authority "+pub)
			return nil
		}, "cert-authority"},
		"a broken time": {func(t *testing.T, own, pub string) map[string]string {
			allow(t, own, `me valid-after="x" `+pub)
			return nil
		}, `"x" is no time`},
		"a missing file": {func(t *testing.T, own, pub string) map[string]string {
			return map[string]string{"UMLAB_CACHE_KEY": own + "/no"}
		}, "no such file"},
		"signers that are missing": {func(t *testing.T, own, pub string) map[string]string {
			cachetest.Key(t, filepath.Join(own, "cache_key"))
			return map[string]string{"UMLAB_CACHE_SIGNERS": own + "/no"}
		}, "no such file"},
		"no private key": {func(t *testing.T, own, pub string) map[string]string {
			if err := os.WriteFile(filepath.Join(own, "cache_key"), []byte("secret"), 0o600); err != nil {
				t.Fatal(err)
			}
			return nil
		}, "is no private key of ssh-keygen"},
		"a key that all can read": {func(t *testing.T, own, pub string) map[string]string {
			cachetest.Key(t, filepath.Join(own, "cache_key"))
			if err := os.Chmod(filepath.Join(own, "cache_key"), 0o644); err != nil {
				t.Fatal(err)
			}
			return nil
		}, "chmod 600"},
		"a public key without an agent": {func(t *testing.T, own, pub string) map[string]string {
			if err := os.WriteFile(filepath.Join(own, "cache_key"), []byte(pub), 0o600); err != nil {
				t.Fatal(err)
			}
			return nil
		}, "there is no ssh-agent"},
	} {
		t.Run(name, func(t *testing.T) {
			own := t.TempDir()
			pub := cachetest.Key(t, filepath.Join(t.TempDir(), "key"))
			env := test.make(t, own, pub)
			_, err := cache.LoadKeys(func(name string) string { return env[name] }, own, time.Now)
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("%v does not say %q", err, test.want)
			}
		})
	}
}

func allow(t testing.TB, own string, lines ...string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(own, "allowed_signers"), []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestWithoutConfiguration: what is to be made is named also where there is no directory for it yet.
func TestWithoutConfiguration(t *testing.T) {
	for _, env := range []map[string]string{{"HOME": "/home/me"}, {"XDG_CONFIG_HOME": "/home/me/.config"}} {
		_, err := cache.LoadKeys(func(name string) string { return env[name] }, "", time.Now)
		want := "mkdir -p /home/me/.config/umlab && ssh-keygen -t ed25519 -N '' -C umlab -f /home/me/.config/umlab/cache_key"
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "/home/me/.config/umlab/allowed_signers") {
			t.Errorf("%v: %v", env, err)
		}
	}
}

// TestKeysThatAreNotAllowedNow: the times of allowed_signers count.
func TestKeysThatAreNotAllowedNow(t *testing.T) {
	r := cachetest.New(t)
	author := newMachine(t, r.Address, nil)
	e := store.Entry{Kind: "baseline", Key: key(1)}
	author.make(t, store.Offered{Entry: e}, fill(t))
	text, err := os.ReadFile(filepath.Join(author.own, "cache_key"))
	if err != nil {
		t.Fatal(err)
	}
	for option, taken := range map[string]bool{
		`valid-before="20200101"`: false, `valid-after="29990101Z"`: false, `valid-after="20200101",valid-before="299901010000"`: true,
	} {
		reader := &machine{own: t.TempDir()}
		allow(t, reader.own, "author "+option+" "+publicOf(t, text))
		if m := newMachine(t, r.Address, reader); m.Pull(t.Context(), e.Kind, e.Key) != taken {
			t.Errorf("%s: taken is %v: %s", option, !taken, m.said.all())
		}
	}
}

// TestSSHKeygenAgrees: ssh-keygen verifies what umlab signs, with keys of every kind that it makes, and ssh-agent signs as well.
func TestSSHKeygenAgrees(t *testing.T) {
	keygen, err := exec.LookPath("ssh-keygen")
	if err != nil {
		t.Skip("there is no ssh-keygen on this machine")
	}
	run := func(in []byte, name string, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Stdin = bytes.NewReader(in)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s %v: %v: %s", name, args, err, out)
		}
	}
	for _, kind := range []string{"ed25519", "ecdsa", "rsa"} {
		r := cachetest.New(t)
		like := &machine{own: t.TempDir()}
		file := filepath.Join(like.own, "cache_key")
		run(nil, keygen, "-q", "-t", kind, "-N", "", "-C", "umlab", "-f", file)
		m := newMachine(t, r.Address, like)
		e := store.Entry{Kind: "baseline", Key: key(1)}
		m.make(t, store.Offered{Entry: e}, fill(t))
		manifest := r.Manifest("baseline-" + e.Key)
		if manifest == nil {
			t.Fatalf("%s: %s", kind, m.said.all())
		}
		about := r.Blobs[manifest["config"].(map[string]any)["digest"].(string)]
		dir := t.TempDir()
		signature := filepath.Join(dir, "signature")
		write(t, signature, manifest["annotations"].(map[string]any)["umlab.signature"].(string), 0o644, long)
		pub, err := os.ReadFile(file + ".pub")
		if err != nil {
			t.Fatal(err)
		}
		allow(t, dir, "me "+string(pub))
		run(about, keygen, "-Y", "verify", "-f", filepath.Join(dir, "allowed_signers"), "-I", "me", "-n", "umlab-cache", "-s", signature)
		if again := newMachine(t, r.Address, like); !again.Pull(t.Context(), e.Kind, e.Key) {
			t.Errorf("%s: %s", kind, again.said.all())
		}
	}
}

// TestAgent: the key of ssh-agent signs, without the private half.
func TestAgent(t *testing.T) {
	program, err := exec.LookPath("ssh-agent")
	if err != nil {
		t.Skip("there is no ssh-agent on this machine")
	}
	dir := t.TempDir()
	socket := filepath.Join(dir, "agent")
	cmd := exec.CommandContext(t.Context(), program, "-D", "-a", socket)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	pub := cachetest.Key(t, filepath.Join(dir, "key"))
	write(t, filepath.Join(dir, "cache_key"), pub+"\n", 0o644, long)
	env := map[string]string{"SSH_AUTH_SOCK": socket}
	load := func() (*cache.Keys, error) {
		return cache.LoadKeys(func(name string) string { return env[name] }, dir, time.Now)
	}
	for began := time.Now(); time.Since(began) < 20*time.Second; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(socket); err == nil {
			break
		}
	}
	if _, err := load(); err == nil || !strings.Contains(err.Error(), "ssh-agent does not have") {
		t.Errorf("%v", err)
	}
	add := exec.CommandContext(t.Context(), "ssh-add", "-q", filepath.Join(dir, "key"))
	add.Env = append(os.Environ(), "SSH_AUTH_SOCK="+socket)
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	keys, err := load()
	if err != nil || !keys.CanSign() {
		t.Fatal(err)
	}
	r := cachetest.New(t)
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	registry, err := oci.Open(r.Address)
	if err != nil {
		t.Fatal(err)
	}
	c := cache.New(cache.Options{Registry: registry, Keys: keys, Store: st, Sink: &notes{}, Now: time.Now})
	e := store.Entry{Kind: cache.Files, Key: key(1)}
	if err := st.Put(e.Kind, e.Key, "a record"); err != nil {
		t.Fatal(err)
	}
	if err := c.Put(t.Context(), store.Offered{Entry: e}); err != nil {
		t.Fatal(err)
	}
	if err := c.Take(t.Context(), e); err != nil {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
