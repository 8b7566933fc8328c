package tree

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"umlab/harness/progress"
)

// TestSymbolicRefs: whatever a server says of where its refs lead, they are
// followed to an end, and what leads to no commit is named.
func TestSymbolicRefs(t *testing.T) {
	git := hostGit(t)
	commit := strings.Repeat("a", 40)
	packet := func(text string) string { return fmt.Sprintf("%04x%s", len(text)+4, text) }
	var refs string // as protocol 2 lists them
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch {
		case r.URL.Path == "/info/refs":
			w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
			_, _ = io.WriteString(w, packet("# service=git-upload-pack\n")+"0000"+packet("version 2\n")+packet("ls-refs\n")+packet("fetch=shallow\n")+"0000")
		case strings.Contains(string(body), "command=ls-refs"):
			w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
			_, _ = io.WriteString(w, refs+"0000")
		default:
			http.NotFound(w, r)
		}
	}))
	defer srv.Close()
	for _, tt := range []struct{ name, ref, symrefs, want string }{
		{"two that lead to each other", "HEAD", "HEAD:refs/heads/a refs/heads/a:HEAD", "HEAD → refs/heads/a → HEAD comes back to itself"},
		{"a loop behind a way", "HEAD", "HEAD:refs/heads/a refs/heads/a:refs/heads/b refs/heads/b:refs/heads/a",
			"HEAD → refs/heads/a → refs/heads/b → refs/heads/a comes back to itself"},
		{"a ref that leads to itself", "a", "refs/heads/a:refs/heads/a", "refs/heads/a → refs/heads/a comes back to itself"},
		{"a HEAD to nowhere", "HEAD", "HEAD:refs/heads/gone", "HEAD → refs/heads/gone ends where there is nothing"},
		{"a way that is too long", "a", "refs/heads/a:b b:c c:d d:e e:f f:refs/heads/main", "refs/heads/a → b → c → d → e → f → refs/heads/main is longer"},
		{"the longest that git follows", "a", "refs/heads/a:b b:c c:d d:e e:refs/heads/main", "404"}, // the server gives no objects
		{"none of it is asked for", "other", "HEAD:refs/heads/a refs/heads/a:HEAD", "404"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			refs = packet(commit+" refs/heads/main\n") + packet(commit+" refs/heads/other\n")
			for s := range strings.FieldsSeq(tt.symrefs) {
				name, target, _ := strings.Cut(s, ":")
				refs += packet(commit + " " + name + " symref-target:" + target + "\n")
			}
			st := open(t)
			for range 2 { // the second finds the lock free
				_, err := FromGit(context.Background(), st, progress.Discard{}, GitSource{Name: "g", URL: srv.URL, Ref: tt.ref}, git)
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want %q", err, tt.want)
				}
			}
		})
	}
}
