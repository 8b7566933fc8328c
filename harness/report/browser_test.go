package report

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"umlab/harness/report/doc"
)

// browsers are the names that Chromium goes by.
var browsers = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "headless-shell"}

// complaints is a script that says what is wrong with how a page looks.
//
//go:embed testdata/complaints.js
var complaints string

// TestPagesInBrowser: in Chromium, on a desk and on a telephone, by day and by night, no
// element of any page is wider than that, what scrolls says so, every verdict is to be
// seen beside the name of what it is of, and all words stand out from what is behind them.
func TestPagesInBrowser(t *testing.T) {
	at := slices.IndexFunc(browsers, func(name string) bool { _, err := exec.LookPath(name); return err == nil })
	if testing.Short() {
		t.Skip("-short: how pages look is not tested")
	}
	if at < 0 {
		t.Skipf("no Chromium on PATH (%s): how pages look is not tested; apt-get install chromium", strings.Join(browsers, ", "))
	}
	path, _ := exec.LookPath(browsers[at])
	// As root, and in containers, Chromium's own sandbox does not start; it sees only our pages.
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.WSURLReadTimeout(2*time.Minute)) // builds may run beside it
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	if err := chromedp.Do(ctx); err != nil {
		t.Skipf("%s does not start, so that how pages look is not tested: %v", path, err)
	}
	dir := t.TempDir()
	all := allPages(t)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		file := filepath.Join(dir, name+".html")
		if err := os.WriteFile(file, all[name], 0o644); err != nil {
			t.Fatal(err)
		}
		if err := chromedp.Do(ctx, chromedp.Navigate("file://"+file)); err != nil {
			t.Fatal(err)
		}
		for _, width := range []int64{390, 1280} {
			for _, scheme := range []string{"light", "dark"} {
				for _, c := range looked(t, ctx, name, width, scheme) {
					t.Errorf("%s, %d px, %s: %s", name, width, scheme, c)
				}
			}
		}
	}
}

// looked returns what is wrong with the page that is open. Set UMLAB_PNG to a directory
// to look at it.
func looked(t *testing.T, ctx context.Context, page string, width int64, scheme string) (wrong []string) {
	t.Helper()
	mobile := chromedp.EmulateViewportOption(func(*emulation.SetDeviceMetricsOverrideParams, *emulation.SetTouchEmulationEnabledParams) {})
	if width < 500 {
		mobile = chromedp.EmulateMobile
	}
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
	err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 1400, mobile))
	if err == nil {
		_, err = chromedp.Call(ctx, emulation.SetEmulatedMedia, media)
	}
	if err == nil {
		wrong, err = chromedp.Run(ctx, chromedp.Evaluate[[]string](complaints, chromedp.EvalAwaitPromise))
	}
	if dir := os.Getenv("UMLAB_PNG"); dir != "" && err == nil {
		png, failed := chromedp.Run(ctx, chromedp.CaptureScreenshot())
		name := fmt.Sprintf("%s.%d.%s.png", page, width, scheme)
		err = errors.Join(failed, os.WriteFile(filepath.Join(dir, name), png, 0o644))
	}
	if err != nil {
		t.Fatalf("%s: %v", page, err)
	}
	return wrong
}

// allPages are pages of every kind, those of long and hostile words included.
func allPages(t *testing.T) map[string][]byte {
	pages := map[string][]byte{"explain": written(t, Form(Explanation, doc.HTML), explanation())}
	add := func(name string, page []byte) { pages[name] = page }
	for name, v := range fixtures() {
		add("matrix-"+name, written(t, Form(Matrix, doc.HTML), v))
	}
	for name, v := range sweeps(t) {
		add("sweep-"+name, written(t, Form(Sweep, doc.HTML), v))
	}
	for name, v := range verifications() {
		add("verify-"+name, written(t, verificationPage, v))
	}
	for name, v := range bisections() {
		add("bisect-"+name, written(t, Form(Bisection, doc.HTML), v))
	}
	for name, v := range nights() {
		add("nightly-"+name, written(t, Form(Nightly, doc.HTML), v))
	}
	add("zoo", written(t, Form(Zoo, doc.HTML), zoo()))
	add("history", written(t, Form(History, doc.HTML), chronicled()))
	add("history-unchanged", written(t, Form(History, doc.HTML), unchanged()))
	add("history-series", written(t, Form(History, doc.HTML), serial()))
	add("history-uneven", written(t, Form(History, doc.HTML), uneven()))
	for _, long := range []string{strings.Repeat("wide", 60), strings.Repeat("many words ", 30)} {
		add("long-matrix-"+long[:4], written(t, Form(Matrix, doc.HTML), spoiled(long)))
		add("long-sweep-"+long[:4], written(t, Form(Sweep, doc.HTML), spoiledSweep(long)))
		add("long-zoo-"+long[:4], written(t, Form(Zoo, doc.HTML), spoiledZoo(long)))
		add("long-verify-"+long[:4], written(t, verificationPage, spoiledVerification(long)))
	}
	return pages
}
