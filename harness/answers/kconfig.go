package answers

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"umlab/harness/buildlog"
	"umlab/harness/objtree"
	"umlab/harness/pattern"
	"umlab/harness/sandbox"
	"umlab/harness/shell"
	"umlab/harness/store"
)

// Whenever Kconfig reads its files it has a shell ask the tools some seventy questions ($(shell,…) in scripts/Kconfig.include and
// elsewhere): the same ones whatever is requested, for two seconds and more, and a build that is configured reads them twice. What a
// question was answered is remembered, and given again to the same command where the tools, the files of the tree that it may run and
// what the tree's Makefiles export are the same. A shell that lies over the sandbox's own does that, for Kconfig alone.

const (
	kindQuestions    = "kconfig-questions"
	questionsVersion = "1"

	realShell  = "/umlab/sh"    // where the sandbox's own shell is meanwhile
	heardFile  = "/umlab/heard" // what was answered that was not known
	environ    = "/umlab/env"   // what Kconfig sees of its surroundings
	mostAnswer = 4000           // bytes; Kconfig reads 4095
	enough     = 2              // how often an answer was the same before it is believed: the machine can spoil one
)

// heard is what a question was answered, and how often it was that.
type heard struct {
	Answer string `json:"answer"`
	Times  int    `json:"times"`
}

// Kconfig is what is known of Kconfig's questions while a build directory is made.
type Kconfig struct {
	store  *store.Store
	dir    string // of the host
	shell  string // the sandbox's own, on the host
	source fs.FS  // the tree
	keys   [2]string
	known  [2]map[string]heard // by the command: what asks the C side alone, and the others
	remove func()
}

// The shell reads itself line by line: what is not Kconfig's is over soon. NUL ends each part of what is written down.
const questionsShell = "#!" + realShell + `
case $1 in -c) ;; *) exec ` + realShell + ` "$@";; esac
read -r umlab_by </proc/$PPID/comm
case $umlab_by in conf) ;; *) exec ` + realShell + ` "$@";; esac
[ -s ` + environ + ` ] || cat /proc/$PPID/environ >` + environ + `
case $2 in --) umlab_asked=$3;; *) umlab_asked=$2;; esac
case $umlab_asked in
`

const questionsAsk = `esac
umlab_answer=$(` + realShell + ` "$@")
umlab_status=$?
printf '%s\0%s\0' "$umlab_asked" "$umlab_answer" >>` + heardFile + `
printf '%s\n' "$umlab_answer"
exit $umlab_status
`

// Tools are whom Kconfig asks, and for what.
type Tools struct {
	Root     string // of the sandbox: its sysroot on the host
	C, All   string // digests, without Rust and with it; "" where nobody knows the one without
	Compiler string
	Subarch  string
}

// Ask prepares what remembers the questions of the Kconfig of source. It is nil, which may be used, where the sandbox's shell cannot
// be told.
func Ask(st *store.Store, source fs.FS, t Tools) (_ *Kconfig, err error) {
	real, ok := shellOf(t.Root)
	if !ok {
		return nil, nil
	}
	files, err := asksWith(source)
	if err != nil {
		return nil, err
	}
	q := &Kconfig{store: st, shell: real, source: source}
	for i, tools := range []string{t.C, t.All} {
		q.known[i] = map[string]heard{}
		if tools == "" {
			continue
		}
		q.keys[i] = store.Key(kindQuestions, questionsVersion, tools, t.Compiler, t.Subarch, files)
		st.Get(kindQuestions, q.keys[i], &q.known[i])
	}
	if q.dir, q.remove, err = st.Scratch("questions"); err != nil {
		return nil, err
	}
	err = errors.Join(os.WriteFile(q.at("sh"), []byte(q.script()), 0o755), os.WriteFile(q.at("heard"), nil, 0o644),
		os.WriteFile(q.at("env"), nil, 0o644))
	if err != nil {
		q.remove()
		return nil, err
	}
	return q, nil
}

func (q *Kconfig) at(name string) string { return filepath.Join(q.dir, name) }

// Close removes what lies on the host.
func (q *Kconfig) Close() {
	if q != nil {
		q.remove()
	}
}

// Mounts put the shell over the sandbox's own.
func (q *Kconfig) Mounts() []sandbox.Mount {
	if q == nil {
		return nil
	}
	return []sandbox.Mount{{Source: q.shell, Target: realShell, ReadOnly: true}, {Source: q.at("heard"), Target: heardFile},
		{Source: q.at("env"), Target: environ}, {Source: q.at("sh"), Target: "/bin/sh", ReadOnly: true}}
}

// script is the shell, with what it knows.
func (q *Kconfig) script() string {
	var s strings.Builder
	s.WriteString(questionsShell)
	for _, known := range q.known {
		for asked, h := range known {
			if h.Times >= enough {
				s.WriteString(shell.Quote(asked) + ") printf '%s\\n' " + shell.Quote(h.Answer) + "; exit;;\n")
			}
		}
	}
	s.WriteString(questionsAsk)
	return s.String()
}

// Env is what Kconfig's program saw of its surroundings, as /proc/PID/environ has it; nothing where it asked nothing.
func (q *Kconfig) Env() ([]byte, error) {
	if q == nil {
		return nil, nil
	}
	return objtree.Read(q.dir, "env")
}

// Keep remembers what was answered while Kconfig was asked once.
func (q *Kconfig) Keep() error {
	if q == nil {
		return nil
	}
	text, err := objtree.Read(q.dir, "heard")
	if err != nil || len(text) == 0 {
		return err
	}
	now := q.take(string(text))
	for i, key := range q.keys {
		if len(now[i]) == 0 || key == "" {
			continue
		}
		all := map[string]heard{}
		q.store.Get(kindQuestions, key, &all) // others may have asked meanwhile
		for asked, answer := range now[i] {
			h := all[asked]
			if h.Answer != answer {
				h = heard{Answer: answer}
			}
			h.Times++
			all[asked] = h
		}
		if err := q.store.Put(kindQuestions, key, all); err != nil {
			return err
		}
	}
	return nil
}

// take reads what the shell wrote down: answers by question, of the C side alone and of all tools.
func (q *Kconfig) take(text string) (now [2]map[string]string) {
	now = [2]map[string]string{{}, {}}
	var changes []string // what asks for something that does not stay
	parts := strings.Split(text, "\x00")
	for i := 0; i+2 < len(parts); i += 2 { // behind the last NUL stands nothing
		asked, answer := parts[i], parts[i+1]
		of, ok := q.of(asked)
		if !ok || len(answer) > mostAnswer {
			continue
		}
		if was, twice := now[of][asked]; twice && was != answer {
			changes = append(changes, asked)
		}
		now[of][asked] = answer
	}
	for _, asked := range changes {
		delete(now[0], asked)
		delete(now[1], asked)
	}
	return now
}

var (
	rustWord  = pattern.New(`(?i)rust|bindgen`)
	namesTree = pattern.New(regexp.QuoteMeta(buildlog.Source) + `/([^\s'"` + "`" + `;|&<>()$]*)`)
)

// of says whose the answer to a question is: 0 the C side's alone, 1 any tool's. ok is false where it may be that of a file which the
// keys do not tell.
func (q *Kconfig) of(asked string) (of int, ok bool) {
	if q.keys[0] == "" || rustWord.MatchString(asked) {
		of = 1
	}
	for _, m := range namesTree.Regexp().FindAllStringSubmatch(asked, -1) {
		if !isAsksWith(m[1]) {
			return 0, false
		}
		text, err := fs.ReadFile(q.source, m[1])
		if err != nil {
			return 0, false
		}
		if rustWord.Regexp().Match(text) {
			of = 1
		}
	}
	return of, true
}

// isAsksWith tells the files of a tree that what Kconfig asks may rest on: the scripts that it runs, which run each other, and the
// makefiles that say with what.
func isAsksWith(name string) bool {
	dir, base := path.Split(name)
	switch dir {
	case "":
		return base == "Makefile"
	case "scripts/":
		return strings.HasSuffix(base, ".sh") || strings.HasSuffix(base, ".include") || strings.HasPrefix(base, "Makefile")
	case "arch/um/", "arch/x86/":
		return strings.HasPrefix(base, "Makefile")
	}
	return false
}

// asksWith is a digest of those files.
func asksWith(source fs.FS) (string, error) {
	sum := sha256.New()
	for _, dir := range []string{".", "scripts", "arch/um", "arch/x86"} {
		entries, err := fs.ReadDir(source, dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
		for _, e := range entries {
			name := path.Join(dir, e.Name())
			if !isAsksWith(name) || !e.Type().IsRegular() {
				continue
			}
			text, err := fs.ReadFile(source, name)
			if err != nil {
				return "", err
			}
			of := sha256.Sum256(text)
			sum.Write(append([]byte(name+"\x00"), of[:]...))
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// shellOf is the file that /bin/sh is below a sysroot.
func shellOf(root string) (string, bool) {
	dir, err := os.Open(root)
	if err != nil {
		return "", false
	}
	defer dir.Close()
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT}
	fd, err := unix.Openat2(int(dir.Fd()), "bin/sh", &how)
	if err != nil {
		return "", false
	}
	defer unix.Close(fd)
	at, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
	return at, err == nil
}
