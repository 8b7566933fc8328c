package tree

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const minTools = `#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
set -e
if [ $# != 1 ]; then
	echo "Usage: $0 toolname" >&2
	exit 1
fi
case "$1" in
binutils)
	echo 2.30.0
	;;
gcc)
	if [ "$ARCH" = parisc64 ]; then
		echo 12.0.0
	else
		echo 8.1.0
	fi
	;;
llvm)
	# the reason for this one
	if [ "$SRCARCH" = s390 ]; then
		echo 15.0.0
	elif [ "$SRCARCH" = um ]; then
		echo 17.0.1
	elif [ "$ARCH" != um ]; then
		echo 18.0.0
	else
		echo 19.0.0
	fi
	;;
rustc)
	echo 1.85.0
	;;
bindgen) echo 0.71.1 ;;
*)
	echo "$1: unknown tool" >&2
	exit 1
	;;
esac
`

func TestParseMinTools(t *testing.T) {
	arm := func(body string) string {
		return "case \"$1\" in\nrustc)\n" + body + "\n\t;;\nbindgen)\n\techo 0.71.1\n\t;;\nesac\n"
	}
	only := map[string]string{"bindgen": "0.71.1"}
	for name, c := range map[string]struct {
		text string
		want map[string]string
	}{
		"as it is":         {minTools, map[string]string{"binutils": "2.30.0", "gcc": "8.1.0", "llvm": "17.0.1", "rustc": "1.85.0", "bindgen": "0.71.1"}},
		"nothing":          {"", map[string]string{}},
		"then by itself":   {arm("if [ \"$SRCARCH\" = \"s390\" ]\nthen\necho 1.96.0\nelse\necho 1.85.0\nfi"), map[string]string{"rustc": "1.85.0", "bindgen": "0.71.1"}},
		"nested":           {arm("if [ $ARCH = um ]; then\nif [ $SRCARCH != um ]; then\necho 1.1.0\nelse\necho 1.2.0\nfi\nfi"), map[string]string{"rustc": "1.2.0", "bindgen": "0.71.1"}},
		"another variable": {arm("if [ $CONFIG = y ]; then\necho 1.1.0\nelse\necho 1.2.0\nfi"), only},
		"a command":        {arm("cat ../min\necho 1.2.0"), only},
		"two answers":      {arm("echo 1.2.0\necho 1.3.0"), only},
		"no end of the if": {arm("if [ $ARCH = um ]; then\necho 1.2.0"), only},
		"no answer":        {arm("if [ $ARCH = arm ]; then\necho 1.2.0\nfi"), only},
		"not a version":    {arm("echo newest"), only},
	} {
		if d := cmp.Diff(c.want, parseMinTools([]byte(c.text))); d != "" {
			t.Errorf("%s: -want +got\n%s", name, d)
		}
	}
}

func TestMinToolsOfADirectory(t *testing.T) {
	dir := t.TempDir()
	if got, err := MinTools(os.DirFS(dir)); err != nil || len(got) != 0 {
		t.Errorf("of a tree without the script: %v, %v", got, err)
	}
	if err := os.Mkdir(filepath.Join(dir, "scripts"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "scripts", "min-tool-version.sh"), []byte(minTools), 0o755); err != nil {
		t.Fatal(err)
	}
	if got, err := MinTools(os.DirFS(dir)); err != nil || got["rustc"] != "1.85.0" {
		t.Errorf("%v, %v", got, err)
	}
}

func FuzzParseMinTools(f *testing.F) {
	f.Add([]byte(minTools))
	f.Add([]byte("rustc)\nelse\nfi\n;;"))
	version := regexp.MustCompile(`^[0-9]+(\.[0-9]+)*$`)
	f.Fuzz(func(t *testing.T, text []byte) {
		for tool, v := range parseMinTools(text) {
			if tool == "" || !version.MatchString(v) {
				t.Errorf("%q: %q", tool, v)
			}
		}
	})
}
