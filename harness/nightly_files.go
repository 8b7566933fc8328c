package harness

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"umlab/harness/kcidb"
	"umlab/harness/report"
	"umlab/harness/report/doc"
	"umlab/harness/result"
	"umlab/harness/store"
	"umlab/harness/usage"
)

// latestNight is the link in a directory of nights to the newest of them.
const latestNight = "latest"

// kcidbOrigin is who submits to KCIDB: UMLAB_KCIDB_ORIGIN, else umlab.
func kcidbOrigin(getenv func(string) string) (string, error) {
	origin := getenv("UMLAB_KCIDB_ORIGIN")
	if origin == "" {
		return kcidb.DefaultOrigin, nil
	}
	if err := kcidb.CheckOrigin(origin); err != nil {
		return "", usage.Errorf("$UMLAB_KCIDB_ORIGIN: %w", err)
	}
	return origin, nil
}

// checkNights says before a night whether its reports can be written below dir,
// which it makes.
func checkNights(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return usage.Errorf("-dir=%s cannot be written: %w", dir, err)
	}
	probe, err := os.CreateTemp(dir, halfNight)
	if err != nil {
		return usage.Errorf("-dir=%s cannot be written: %w", dir, err)
	}
	sweepNights(dir)
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// halfNight is how the names of what is not finished begin in a directory of nights.
const halfNight = ".night-"

// sweepNights removes what nights that were killed left half-written: after a day, nobody writes it any more.
func sweepNights(dir string) {
	entries, _ := os.ReadDir(dir) // what cannot be read is not swept
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && strings.HasPrefix(e.Name(), halfNight) && time.Since(info.ModTime()) > 24*time.Hour {
			_ = store.RemoveAll(filepath.Join(dir, e.Name())) // else the next night does
		}
	}
}

// writeNight writes all reports of a night to a directory of its own in dir, and
// lets dir/latest name it. The directory is called by the date, "2026-11-23"; a
// further run of that day gets "2026-11-23.2", for what it finds unchanged is
// what the first found changed. It is there with all files or not at all.
//
// z is the night's zoo, nil for none.
func writeNight(dir, origin string, p private, n *result.Nightly, z *result.Zoo) (made string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("write the night's reports: %w; give -dir= a directory that you can write to", err)
	}
	tmp, err := os.MkdirTemp(dir, halfNight)
	if err != nil {
		return "", fmt.Errorf("write the night's reports: %w; give -dir= a directory that you can write to", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, store.RemoveAll(tmp))
		}
	}()
	if err := os.Chmod(tmp, 0o755); err != nil {
		return "", err
	}
	at := func(name string) string { return filepath.Join(tmp, name) }
	files := ofNight().files(map[string]string{"md": at("report.md"), "html": at("report.html"), "json": at("results.json"),
		"junit": at("junit.xml"), "ktap": at("ktap.txt")})
	err = writeOutputs(nil, p, append(files, []format[result.Nightly]{
		{"dir", at("report.txt"), func(w io.Writer, n *result.Nightly) error {
			return doc.Terminal(w, report.Nightly(n), doc.Options{Width: 100})
		}},
		{"dir", at("kcidb.json"), func(w io.Writer, n *result.Nightly) error { return kcidb.Write(w, origin, n.Results()...) }},
	}...), n)
	if z != nil {
		err = errors.Join(err, writeOutputs(nil, p, ofZoo().files(map[string]string{"md": at("zoo.md"), "html": at("zoo.html"),
			"json": at("zoo.json"), "junit": at("zoo-junit.xml"), "ktap": at("zoo-ktap.txt")}), z))
	}
	if err != nil {
		return "", err
	}
	name := n.Date
	for i := 2; ; i++ {
		made = filepath.Join(dir, name)
		err = renameNew(tmp, made)
		if !errors.Is(err, os.ErrExist) {
			break
		}
		name = fmt.Sprintf("%s.%d", n.Date, i)
	}
	if err != nil {
		return "", fmt.Errorf("write the night's reports: %w", err)
	}
	if err := renameio.Symlink(name, filepath.Join(dir, latestNight)); err != nil {
		// The reports are there: what is not is the way to them.
		return made, fmt.Errorf("the reports are in %s, but %s cannot name it: %w", made, filepath.Join(dir, latestNight), err)
	}
	return made, nil
}

// renameNew renames a directory to a name that nothing has, else to none:
// rename alone would replace an empty directory.
func renameNew(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if err == nil {
		return nil
	}
	if _, none := os.Lstat(to); none != nil && err != unix.EEXIST { // not every file system knows the flag
		return os.Rename(from, to)
	}
	return &os.LinkError{Op: "rename", Old: from, New: to, Err: unix.EEXIST}
}
