package patch

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"mime/quotedprintable"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// change is a diff of one line of arch/um/Kconfig.
const change = `diff --git a/arch/um/Kconfig b/arch/um/Kconfig
index 1111111..2222222 100644
--- a/arch/um/Kconfig
+++ b/arch/um/Kconfig
@@ -1,2 +1,2 @@
 config UML
-	select HAVE_RUST
+	select HAVE_RUST if X86
`

// mailOf is what git format-patch writes.
func mailOf(subject, body, diff string) string {
	return "From 1234567890123456789012345678901234567890 Mon Sep 17 00:00:00 2001\nFrom: umlab test <umlab@localhost>\n" +
		"Date: Sun, 22 Nov 2026 12:00:00 +0000\nSubject: " + subject + "\n\n" + body + "---\n arch/um/Kconfig | 2 +-\n\n" + diff + "-- \n2.47.0\n\n"
}

func encoded(t *testing.T, encoding, text string) string {
	t.Helper()
	var b bytes.Buffer
	if encoding == "base64" {
		s := base64.StdEncoding.EncodeToString([]byte(text))
		for len(s) > 76 {
			b.WriteString(s[:76] + "\n")
			s = s[76:]
		}
		b.WriteString(s + "\n")
	} else {
		w := quotedprintable.NewWriter(&b)
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func TestRead(t *testing.T) {
	body := "Because it is so.\n\nSigned-off-by: umlab test <umlab@localhost>\n"
	message := strings.TrimSpace(body)
	crlf := strings.ReplaceAll
	second := strings.ReplaceAll(change, "if X86", "if ARM")
	type want struct {
		Subject, From, Message string
		Number, Of, Line       int
	}
	plain := want{Line: 1}
	one := want{Subject: "um: change it", From: "umlab test <umlab@localhost>", Message: message}
	at := func(w want, line int) want { w.Line = line; return w }
	numbered := func(n, of, line int, subject string) want {
		return want{subject, one.From, message, n, of, line}
	}
	for _, tc := range []struct {
		name, text string
		want       []want
	}{
		{"diff", change, []want{plain}},
		{"diff without its last newline", strings.TrimSuffix(change, "\n"), []want{plain}},
		{"diff below a text", "Some words.\n\n" + change, []want{{Message: "Some words.", Line: 3}}},
		{"diff -u", "--- linux.orig/arch/um/Kconfig\t2026-01-01\n+++ linux/arch/um/Kconfig\t2026-01-02\n" + change[strings.Index(change, "@@"):], []want{plain}},
		{"git show", "commit 1234567890123456789012345678901234567890\nAuthor: A B <a@b>\nDate:   Sun Nov 22 12:00:00 2026 +0000\n\n    um: change it\n\n    Why.\n\n" + change,
			[]want{{Subject: "um: change it", From: "A B <a@b>", Message: "Why.", Line: 9}}},
		{"format-patch", mailOf("[PATCH] um: change it", body, change), []want{at(one, 12)}},
		{"a mail without From_", strings.SplitAfterN(mailOf("[PATCH] um: change it", body, change), "\n", 2)[1], []want{at(one, 11)}},
		{"tags and a reply's prefix", mailOf("[RFC] [PATCH v2 net-next] um: change it", body, change), []want{at(one, 12)}},
		{"CRLF", crlf(mailOf("[PATCH] um: change it", body, change), "\n", "\r\n"), []want{at(one, 12)}},
		{"in-body author and subject", mailOf("[PATCH] x", "From: Else <e@localhost>\nSubject: um: change it\n\n"+body, change),
			[]want{{"um: change it", "Else <e@localhost>", message, 0, 0, 15}}},
		{"folded and encoded headers", strings.Replace(mailOf("[PATCH 1/1] =?UTF-8?q?um:_gr=C3=BC=C3=9F?=\n =?utf-8?B?ZQ==?= it", body, change), "umlab test <", "=?ISO-8859-1?Q?J=F6rg?= <", 1),
			[]want{{"um: grüße it", "Jörg <umlab@localhost>", message, 1, 1, 13}}},
		{"quoted-printable", mailHead("quoted-printable") + encoded(t, "quoted-printable", body+"---\n"+change), []want{one}},
		{"base64", mailHead("base64") + encoded(t, "base64", body+"---\n"+change), []want{one}},
		{"base64 of CRLF", mailHead("base64") + encoded(t, "base64", crlf(body+"---\n"+change, "\n", "\r\n")), []want{one}},
		{"attachment", "From: umlab test <umlab@localhost>\nSubject: um: change it\nContent-Type: multipart/mixed; boundary=xx\n\n--xx\nContent-Type: text/plain\n\n" + body +
			"--xx\nContent-Type: application/octet-stream\nContent-Disposition: attachment; filename=a.patch\nContent-Transfer-Encoding: base64\n\n" + encoded(t, "base64", change) + "--xx--\n", []want{one}},
		{"a series out of order, with cover and replies",
			mailOf("Re: [PATCH 2/2] um: two", "> quoted\n", "") + mailOf("[PATCH 2/2] um: two", body, second) + mailOf("[PATCH 0/2] both", body, change) + mailOf("[PATCH 1/2] um: one", body, change),
			[]want{numbered(1, 2, 68, "um: one"), numbered(2, 2, 24, "um: two")}},
		{"the same mail twice", mailOf("[PATCH] um: change it", body, change) + mailOf("[PATCH] um: change it", body, change), []want{at(one, 12)}},
		{"two patches that do not count", mailOf("um: change it", body, change) + mailOf("um: two", body, second), []want{at(one, 12), {"um: two", one.From, message, 0, 0, 34}}},
		{"a terminal's own language", mailOf("[PATCH] um: \x1b[31mchange it", body, change), []want{{"um: [31mchange it", one.From, message, 0, 0, 12}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Read("x.patch", []byte(tc.text))
			if err != nil {
				t.Fatal(err)
			}
			var w []want
			for _, p := range got {
				w = append(w, want{p.Subject, p.From, p.Message, p.Number, p.Of, p.Line})
				if d := cmp.Diff([]string{"arch/um/Kconfig"}, Touched([]Patch{p})); d != "" {
					t.Error(d)
				}
				if data := string(p.Data); !strings.Contains(tc.name, "-u") && data != change && data != second {
					t.Errorf("data is %q", data)
				}
				if p.Line > 0 && !strings.HasPrefix(strings.Split(tc.text, "\n")[p.Line-1], strings.TrimRight(strings.SplitAfter(string(p.Data), "\n")[0], "\n")) {
					t.Errorf("line %d is not where the diff begins", p.Line)
				}
			}
			if d := cmp.Diff(tc.want, w); d != "" {
				t.Error(d)
			}
		})
	}
}

func mailHead(encoding string) string {
	return "From: umlab test <umlab@localhost>\nSubject: [PATCH]\n um: change it\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: " + encoding + "\n\n"
}

func TestFilesOfAPatch(t *testing.T) {
	text := `diff --git a/new.c b/new.c
new file mode 100755
index 0000000..257cc56
--- /dev/null
+++ b/new.c
@@ -0,0 +1 @@
+foo
diff --git a/gone.c b/gone.c
deleted file mode 100644
index 257cc56..0000000
--- a/gone.c
+++ /dev/null
@@ -1 +0,0 @@
-foo
diff --git a/from.c b/to.c
similarity index 100%
rename from from.c
rename to to.c
diff --git a/mode.sh b/mode.sh
old mode 100644
new mode 100755
diff --git "a/with\303\244 space" "b/with\303\244 space"
index 257cc56..5716ca5 100644
--- "a/with\303\244 space"
+++ "b/with\303\244 space"
@@ -1 +1 @@
-foo
\ No newline at end of file
+bar
\ No newline at end of file
`
	got, err := Read("x", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, f := range got[0].Files {
		files = append(files, fmt.Sprintf("%s>%s %o +%d -%d @%d", f.Old, f.New, f.Mode, f.Added, f.Removed, f.Line))
	}
	want := []string{">new.c 100755 +1 -0 @1", "gone.c> 0 +0 -1 @8", "from.c>to.c 0 +0 -0 @15", "mode.sh>mode.sh 100755 +0 -0 @19", "withä space>withä space 0 +1 -1 @22"}
	if d := cmp.Diff(want, files); d != "" {
		t.Error(d)
	}
}

func TestRefusedPatches(t *testing.T) {
	path := func(p string) string { return strings.ReplaceAll(change, "arch/um/Kconfig", p) }
	for _, tc := range []struct{ name, text, want string }{
		{"empty", " \n", "x.patch: is empty"},
		{"no diff", "hello\nworld\n", "x.patch: holds no diff"},
		{"mail without a diff", mailOf("[PATCH] a", "b\n", ""), "x.patch: holds mail, but no diff"},
		{"a part of a series without a diff", mailOf("[PATCH 1/2] a", "b\n", "") + mailOf("[PATCH 2/2] b", "b\n", change), "x.patch:1: patch 1/2 (a) holds no diff"},
		{"two series", mailOf("[PATCH 1/2] a", "b\n", change) + mailOf("[PATCH 1/3] b", "b\n", strings.ReplaceAll(change, "X86", "ARM")), "parts of two series"},
		{"an answer that quotes", mailOf("Re: [PATCH] a", "> "+strings.ReplaceAll(change, "\n", "\n> "), ""), "what an answer quotes is not applied"},
		{"interrupted base64", mailHead("base64") + strings.Replace(encoded(t, "base64", change), "\n", "\n??\n", 1), "is interrupted by"},
		{"git log", "commit 1234567890123456789012345678901234567890\n\n" + change + "\ncommit 1234567890123456789012345678901234567891\n\n" + change, "x.patch:12: a second commit"},
		{"up", path("../../etc/passwd"), `x.patch:1: "../../etc/passwd" leaves the tree`},
		{"inner dots", path("arch/../../x"), "leaves the tree"},
		{"absolute", strings.ReplaceAll(change[strings.Index(change, "---"):], "a/arch", "/arch"), ""},
		{"absolute of diff -u", "text\n--- /etc/passwd\n+++ /etc/passwd\n@@ -1 +1 @@\n-a\n+b\n", `x.patch:2: "/etc/passwd" is an absolute path`},
		{".git", path(".git/config"), "lies in the repository's own data"},
		{".GIT below", path("arch/.GIT/hooks/post-checkout"), "lies in the repository's own data"},
		{"noprefix", strings.NewReplacer("a/arch", "arch", "b/arch", "arch").Replace(change), "diff.noprefix"},
		{"no directory", "--- Makefile\n+++ Makefile\n@@ -1 +1 @@\n-a\n+b\n", "no directory to strip"},
		{"binary without content", "diff --git a/x.png b/x.png\nindex 1111111..2222222 100644\nBinary files a/x.png and b/x.png differ\n", "x.patch:3: x.png is a binary file"},
		{"submodule", "diff --git a/sub b/sub\nnew file mode 160000\nindex 0000000..1234567\n--- /dev/null\n+++ b/sub\n@@ -0,0 +1 @@\n+Subproject commit 1\n", "mode 160000"},
		{"cut off", change[:len(change)-30], "x.patch:"},
		{"wrapped", strings.Replace(change, " config UML\n", " config\nUML\n", 1), "the diff is damaged"},
		{"hunk alone", change[strings.Index(change, "@@"):], "x.patch:1: a hunk without the name of its file"},
		{"nothing changed", "diff --git a/x b/x\nindex 1..2 100644\n", "nothing in it is changed"},
		{"bad base64", mailHead("base64") + "!!!!\n", "cannot be decoded"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Read("x.patch", []byte(tc.text))
			if tc.want == "" {
				// Only one side is absolute: git takes the other, and so do we.
				if err == nil && !slices.Equal(Touched(got), []string{"arch/um/Kconfig"}) {
					t.Errorf("touches %v", Touched(got))
				}
				return
			}
			var e *Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, %v; want a Error with %q", got, err, tc.want)
			}
		})
	}
}

func TestMissing(t *testing.T) {
	stable := Patch{Number: 42, Of: 211}
	var odd []Patch
	for n := 1; n < 100; n += 2 {
		odd = append(odd, Patch{Number: n, Of: 100})
	}
	for _, tc := range []struct {
		patches []Patch
		want    string
	}{
		{[]Patch{{Number: 1, Of: 4}, {Number: 3, Of: 4}}, "patches 2, 4 of 4"},
		{[]Patch{{Number: 1, Of: 2}}, "patch 2 of 2"},
		{[]Patch{stable}, "patches 1-41, 43-211 of 211"},
		{[]Patch{{Number: 1, Of: 2}, {Number: 2, Of: 2}}, ""},
		{[]Patch{{}}, ""},
		{odd, "50 of 100 patches"},
	} {
		if got := Missing(tc.patches); got != tc.want {
			t.Errorf("%q, want %q", got, tc.want)
		}
	}
}

// TestPatchID holds patchID against git itself.
func TestPatchID(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("no git on this machine to compare with")
	}
	two := change + strings.ReplaceAll(change, "um/Kconfig", "um/Makefile")
	for _, text := range []string{
		change, two, mailOf("a", "b\n", two),
		"diff --git a/n b/n\nnew file mode 100644\nindex 0000000..257cc56\n--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+ä\xff\n\\ No newline at end of file\n",
		"diff --git a/m b/m\nold mode 100644\nnew mode 100755\n" + change,
		change + "diff --git a/x b/x\nindex 1111111..2222222 100644\nGIT binary patch\nliteral 4\nLcmYdfNKOF&0<r-q\n\nliteral 3\nKcmYdfNCE%>hycU@\n\n" + two,
		"diff --git a/from.c b/to.c\nsimilarity index 100%\nrename from from.c\nrename to to.c\n" + change,
	} {
		got, err := Read("x", []byte(text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		c := exec.Command("git", "patch-id", "--stable")
		c.Stdin = strings.NewReader(text)
		out, err := c.Output()
		if err != nil {
			t.Fatal(err)
		}
		if want, _, _ := strings.Cut(strings.TrimSpace(string(out)), " "); got[0].PatchID != want {
			t.Errorf("patch-id %s, git says %s of %q", got[0].PatchID, want, text)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(change))
	f.Add([]byte(mailOf("[PATCH 1/2] =?utf-8?q?a?=\n b", "b\n", change) + mailOf("[PATCH 2/2] b", "b\n", change)))
	f.Add([]byte(mailHead("base64") + base64.StdEncoding.EncodeToString([]byte(change))))
	f.Add([]byte("Subject: x\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\n" + change + "--x--\n"))
	f.Add([]byte("diff --git a/x b/x\nindex 1..2 100644\nGIT binary patch\nliteral 3\nKcmYdfNCE%>hycU@\n\n"))
	f.Add([]byte("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		patches, err := Read("x", b)
		var e *Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("an error of another type: %v", err)
		}
		if err == nil && len(patches) == 0 {
			t.Fatal("neither patches nor an error")
		}
		for _, p := range patches {
			for _, n := range Touched([]Patch{p}) {
				if BadPath(n) != "" {
					t.Fatalf("path %q was accepted", n)
				}
			}
			again, err := Read("x", p.Data)
			if err != nil || len(again) != 1 || again[0].Sum != p.Sum || !slices.Equal(Touched(again), Touched([]Patch{p})) {
				t.Fatalf("its data alone reads otherwise: %v, %v", again, err)
			}
		}
	})
}

// FuzzMisfit: whatever file and patch, the explanation names lines that both
// have.
func FuzzMisfit(f *testing.F) {
	f.Add("config UML\n\tselect HAVE_RUST if ARM\n", change)
	f.Add("", change)
	f.Add("a\nb\nc", "--- a/arch/um/Kconfig\n+++ b/arch/um/Kconfig\n@@ -9,2 +9 @@\n a\n-x\n@@ -1 +1 @@\n-c\n\\ No newline at end of file\n+d\n")
	f.Fuzz(func(t *testing.T, text, diff string) {
		ps, err := Read("x", []byte(diff))
		if err != nil {
			return
		}
		dir := t.TempDir()
		file := filepath.Join(dir, "arch/um/Kconfig")
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
		for _, p := range ps {
			e := Misfit(dir, p, map[string]string{"arch/um/Kconfig": ""})
			if e.Error() == "" || len(e.Wanted) > maxWanted || len(e.Nearest) > len(e.Wanted) {
				t.Fatalf("%+v", e)
			}
			if len(e.Nearest) > 0 && len(ps) == 1 && len(p.Files) == 1 && e.Hunk == 1 && !strings.Contains(text, strings.Join(e.Nearest, "")) {
				t.Fatalf("%q is not in %q", e.Nearest, text)
			}
		}
	})
}
