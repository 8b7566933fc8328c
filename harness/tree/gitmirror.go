package tree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"umlab/harness/progress"
	"umlab/harness/sandbox"
	"umlab/harness/store"
	"umlab/harness/tree/patch"
	"umlab/harness/usage"
)

// kindMirror is the store's kind of bare mirrors, keyed by their URL.
const kindMirror = "git"

// gitSchemes are those that need nobody's keys.
var gitSchemes = []string{"https", "http", "git"}

// mirrorRecord is what a ref was last known to be.
type mirrorRecord struct{ Commit string }

// mirrored brings the commit that s names into its mirror in the store. A commit
// that is given by its full name and is there already needs no network; a ref
// whose repository cannot be asked is what it last was, with a note.
func mirrored(
	ctx context.Context, st *store.Store, sink progress.Sink, s GitSource, git Git,
) (_ *repo, commit string, notes []string, err error) {
	if err := s.check(); err != nil {
		return nil, "", nil, err
	}
	key := store.Key("mirror", s.URL)
	unlock, err := st.Lock(ctx, "git-fetch-"+key)
	if err != nil {
		return nil, "", nil, err
	}
	defer unlock()
	if err := st.Grows(kindMirror, key); err != nil {
		return nil, "", nil, err
	}
	dir, _, err := st.Dir(ctx, kindMirror, key, func(_ context.Context, dir string) error { return emptyRepository(dir, false) })
	if err != nil {
		return nil, "", nil, err
	}
	r, err := openRepo(dir)
	if err != nil {
		return nil, "", nil, fmt.Errorf("open the mirror: %w (remove it and run again)", err)
	}
	m := &mirror{repo: r, url: s.URL, git: git}
	if objectName.MatchString(s.Ref) && m.has(s.Ref) {
		return r, s.Ref, nil, nil
	}
	m.task = sink.Start(fmt.Sprintf("fetch tree %s: %s of %s", s.Name, s.Ref, s.URL), progress.None, 0)
	refKey := store.Key("ref", s.URL, s.Ref)
	commit, err = m.fetch(ctx, s.Ref)
	if err == nil {
		err = st.Put("git-ref", refKey, mirrorRecord{commit})
	}
	var last mirrorRecord
	if err != nil && ctx.Err() == nil && !errors.Is(err, errNoRef) && st.Get("git-ref", refKey, &last) && m.has(last.Commit) {
		notes = append(notes, fmt.Sprintf("%s could not be asked (%v): %s is taken for what it last was", s.URL, err, s.Ref))
		commit, err = last.Commit, nil
	}
	m.task.Done(err)
	if err != nil {
		return nil, "", nil, fmt.Errorf("fetch %s of %s: %w", s.Ref, s.URL, err)
	}
	return r, commit, notes, nil
}

// mirror is a bare repository in the store with single commits of one elsewhere.
type mirror struct {
	*repo
	url  string
	git  Git
	task progress.Task
}

// refOf is the mirror's ref for a commit that it has whole.
func refOf(commit string) string { return "refs/umlab/" + commit }

func (m *mirror) has(commit string) bool {
	_, err := os.Stat(filepath.Join(m.common, refOf(commit)))
	return err == nil
}

// run runs git on the mirror, with no configuration but the mirror's own, which
// umlab wrote, and returns what it printed.
func (m *mirror) run(ctx context.Context, doing string, args ...string) ([]byte, error) {
	var out bytes.Buffer
	said := &fetchLog{task: m.task}
	status, err := m.git(ctx, sandbox.Command{
		Network: true,
		Mounts:  []sandbox.Mount{{Source: m.common, Target: atCommon}},
		Env: []string{"GIT_DIR=" + atCommon, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_NO_REPLACE_OBJECTS=1",
			"GIT_TERMINAL_PROMPT=0", "GIT_ALLOW_PROTOCOL=" + strings.Join(gitSchemes, ":")},
		Args: append([]string{"-c", "safe.directory=*", "-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0", "-c", "maintenance.auto=false",
			"-c", "fetch.fsckObjects=true", "-c", "http.sslCAInfo=" + sandbox.CertificateFile}, args...),
		Stdout: &out, Stderr: said,
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	if status != 0 {
		return nil, said.failed(doing)
	}
	return out.Bytes(), nil
}

var errNoRef = usage.Errorf("the repository has no such branch, tag or commit")

// askTime is how long a server may take to say what it has. What some say can keep
// git busy for ever, as symbolic refs in a ring do in protocol 0.
const askTime = 5 * time.Minute

// fetch gets the one commit that ref names, without its history.
func (m *mirror) fetch(ctx context.Context, ref string) (string, error) {
	get := func(spec string) error {
		_, err := m.run(ctx, "get it", "fetch", "--depth=1", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--progress",
			"--", m.url, spec)
		return err
	}
	if objectName.MatchString(ref) {
		return ref, get(ref + ":" + refOf(ref))
	}
	m.task.Status("ask what there is")
	asking, cancel := context.WithTimeoutCause(ctx, askTime, fmt.Errorf("it took more than %s", askTime))
	defer cancel()
	out, err := m.run(asking, "ask what there is", "ls-remote", "--symref", "--", m.url)
	if err != nil {
		return "", err
	}
	at, err := readRemote(out)
	if err != nil {
		return "", err
	}
	for _, name := range []string{ref, "refs/tags/" + ref, "refs/heads/" + ref, "refs/" + ref} {
		if _, ok := at[name]; !ok {
			continue
		}
		if name, err = followed(at, name); err != nil {
			return "", err
		}
		commit := at[name].object
		if peeled, ok := at[name+"^{}"]; ok {
			commit = peeled.object
		}
		if m.has(commit) {
			return commit, nil
		}
		if err := get("+" + name + ":refs/umlab-fetched"); err != nil {
			return "", err
		}
		// Only a commit that has its files is named.
		if _, err := m.run(ctx, "the repository did not send commit "+commit[:12], "cat-file", "-e", commit+"^{tree}"); err != nil {
			return "", err
		}
		_, err = m.run(ctx, "keep commit "+commit[:12], "update-ref", refOf(commit), commit)
		return commit, err
	}
	return "", errNoRef
}

// remoteRef is what a server says of one of its refs.
type remoteRef struct {
	object string // its name
	target string // the ref that this one stands for, "" where it is its own
}

// readRemote reads what git ls-remote --symref prints.
func readRemote(out []byte) (map[string]remoteRef, error) {
	at := map[string]remoteRef{}
	for l := range strings.Lines(string(out)) {
		what, name, ok := strings.Cut(strings.TrimSuffix(l, "\n"), "\t")
		ref := at[name]
		if target, symbolic := strings.CutPrefix(what, "ref: "); symbolic {
			ref.target = target
		} else if ref.object = what; !objectName.MatchString(what) {
			ok = false
		}
		if !ok {
			return nil, fmt.Errorf("git ls-remote printed %q", patch.OneLine(l))
		}
		at[name] = ref
	}
	return at, nil
}

// mostSymbolic is how many symbolic refs are followed to a commit, as many as git
// itself does (SYMREF_MAXDEPTH).
const mostSymbolic = 5

// followed is the ref that has the commit which name leads to. A server may say
// of its symbolic refs what it likes.
func followed(at map[string]remoteRef, name string) (string, error) {
	way := []string{name}
	for at[name].target != "" {
		name = at[name].target
		seen := slices.Contains(way, name)
		way = append(way, name)
		why := ""
		switch {
		case seen:
			why = "comes back to itself"
		case at[name] == remoteRef{} || !refName.MatchString(name):
			why = "ends where there is nothing"
		case len(way) > mostSymbolic+1:
			why = "is longer than git follows"
		default:
			continue
		}
		return "", fmt.Errorf("%w: %s %s", errNoRef, patch.OneLine(strings.Join(way, " → ")), why)
	}
	return name, nil
}

// fetchLog shows what git and the server say of their work, and keeps what went
// wrong.
type fetchLog struct {
	task  progress.Task
	begun []byte // a line without its end
	wrong []string
}

// Write takes a piece of git's standard error.
func (f *fetchLog) Write(p []byte) (int, error) {
	f.begun = append(f.begun, p...)
	for {
		end := bytes.IndexAny(f.begun, "\r\n")
		if end < 0 {
			break
		}
		line := patch.OneLine(string(f.begun[:end]))
		f.begun = f.begun[end+1:]
		if bad := strings.HasPrefix(line, "fatal: ") || strings.HasPrefix(line, "error: "); bad && len(f.wrong) < 8 {
			f.wrong = append(f.wrong, line)
		} else if line != "" {
			f.task.Status(line)
		}
	}
	if len(f.begun) > 64<<10 { // nobody's line
		f.begun = nil
	}
	return len(p), nil
}

// fetchAdvice is what helps where git says something.
var fetchAdvice = []struct{ said, do string }{
	{"certificate", "check the clock, install the CA certificates, or set SSL_CERT_FILE to a file of them"},
	{"ca cert", "install the CA certificates, or set SSL_CERT_FILE to a file of them"},
	{"could not resolve", "check the connection (and https_proxy, http_proxy)"},
	{"failed to connect", "check the connection (and https_proxy, http_proxy)"},
	{"prompts disabled", "it is not there, or wants credentials: clone it and give the clone's path#ref"},
	{"unadvertised object", "it gives no commit by its name: give the branch or the tag that it stands on"},
	{"not our ref", "it has no such commit, or gives none by its name: give the branch or the tag that it stands on"},
}

// failed is the error of a git that did not do what it was to.
func (f *fetchLog) failed(doing string) error {
	said := strings.Join(f.wrong, "; ")
	for _, a := range fetchAdvice {
		if strings.Contains(strings.ToLower(said), a.said) {
			said += " (" + a.do + ")"
			break
		}
	}
	return &gitError{doing, said}
}
