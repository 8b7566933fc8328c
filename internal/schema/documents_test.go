package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestFresh: the published schemas are those of the types.
func TestFresh(t *testing.T) {
	docs, err := documents()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range docs {
		if have, err := os.ReadFile(filepath.Join(published, name)); err != nil || !bytes.Equal(have, text) {
			t.Errorf("%s is not what the types say (%v); run: go generate ./internal/schema", name, err)
		}
	}
	files, err := filepath.Glob(filepath.Join(published, "*.json"))
	if err != nil || len(files) != len(docs) {
		t.Errorf("%d files for %d schemas: %v", len(files), len(docs), err)
	}
}
