package report

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/outcome"
	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// TestPublic: nothing of the sender's machine is in what is sent, whatever it stands in, and
// what was given stays as it was.
func TestPublic(t *testing.T) {
	v := verifications()["build-failed"]
	for _, side := range []*result.Results{v.Pairs[0].Before, v.Pairs[0].After} {
		side.Tree.Name, side.Tree.Package, side.Tree.Commit = "/home/jane/src/linux#topic", "", strings.Repeat("ab", 20)
		side.Notes = []string{"/home/jane/src/linux: the tree has uncommitted changes"}
	}
	v.Pairs[0].After.Cells[0].Build.Outcome = &outcome.Outcome{Kind: outcome.BuildFailed,
		Evidence: "/home/jane/src/linux/arch/um/Makefile:158: *** missing separator.  Stop.", Detail: "log (/home/jane/.cache/umlab/v1/files/ab/cd)"}
	v.Reason = "trixie: stock: /home/jane/src/linux/arch/um/Makefile:158: *** missing separator"
	v.Notes = []string{"a guest's /proc/modules and /dev/null are everybody's; </b> and 5/8 are no paths"}
	v.Command = "umlab verify /home/jane/fix.patch -tree=/home/jane/src/linux#topic -modules=lib/test_ida.ko,./hello,~/other -fragment=cfg/my.config"
	given := *v
	before := v.Pairs[0].Before.Tree.Name
	mail := string(written(t, Form(VerificationPublic, doc.Mail), v))
	for _, secret := range []string{"jane/", "/home", "hello/", "cfg/"} {
		if strings.Contains(mail, secret) {
			t.Errorf("the mail has %q:\n%s", secret, mail)
		}
	}
	words := strings.Join(strings.Fields(strings.ReplaceAll(mail, "\\\n", "")), " ")
	for _, want := range []string{
		"linux#topic (7.3.4), commit abababababab", "linux: the tree has uncommitted changes", "arch/um/Makefile:158: *** missing separator. Stop.",
		"a guest's /proc/modules and /dev/null are everybody's; </b> and 5/8 are no paths",
		"umlab verify fix.patch '-tree=linux#topic' -modules=lib/test_ida.ko,hello,other -fragment=my.config",
	} {
		if !strings.Contains(words, want) {
			t.Errorf("the mail lacks %q:\n%s", want, mail)
		}
	}
	if diff := cmp.Diff(&given, v); diff != "" || v.Pairs[0].Before.Tree.Name != before {
		t.Errorf("what was given is another: %s", diff)
	}
	v.Command = "umlab verify -range=origin/master..my/topic -tree=git+https://example.org/linux.git -toolchains=trixie"
	if got := Public(v).Command; got != v.Command {
		t.Errorf("%q became %q", v.Command, got)
	}
}

// The mail says what a maintainer asks: with what, which flags, what the words mean.
func TestVerificationMeaning(t *testing.T) {
	for name, want := range map[string][]string{
		"fixed": {"umlab 1a2b3c4d5e6f, in User-Mode Linux", "no flag is overridden", "User-Mode Linux booted with mem=1G",
			"before: -Crelocation-model=pie", "after: -Crelocation-model=static -Ccode-model=large"},
		"no-effect":    {"before and after: -Crelocation-model=pie"},
		"build-failed": {"before: -Crelocation-model=pie", "after: not built"},
	} {
		mail := strings.Join(strings.Fields(string(written(t, verificationMail, verifications()[name]))), " ")
		for _, w := range want {
			if !strings.Contains(mail, w) {
				t.Errorf("%s: the mail lacks %q:\n%s", name, w, mail)
			}
		}
		if strings.Contains(mail, "@@") || strings.Contains(mail, "-Cpanic") {
			t.Errorf("%s: the mail has the diff, or flags that did not change", name)
		}
	}
	old := verifications()["fixed"]
	old.Umlab = ""
	if mail := string(written(t, verificationMail, old)); strings.Contains(mail, "Tested with") {
		t.Error("who tested it is said where that is not known")
	}
}

// The page shows the diff, and no more of it than a page can.
func TestVerificationDiff(t *testing.T) {
	v := verifications()["fixed"]
	page := string(written(t, verificationPage, v))
	for _, want := range []string{`<span class="reject">-KBUILD_RUSTFLAGS += -Crelocation-model=pie</span>`,
		`<span class="good">+KBUILD_RUSTFLAGS += -Ccode-model=large # &lt;b&gt;&amp;</span>`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	v.Patches[0].Diff += strings.Repeat("+x\n", mostDiff)
	if page := string(written(t, verificationPage, v)); !strings.Contains(page, "and 6 more lines") {
		t.Error("a long diff is not cut")
	}
	if slices.ContainsFunc(v.Patches[1:], func(p result.Patch) bool { return p.Diff != "" }) {
		t.Error("the fixture's second patch has a diff")
	}
}
