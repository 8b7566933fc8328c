// Schema writes the published schemas of umlab's documents from the types of
// package result: their fields, the comments there, and the struct tags named
// jsonschema. It is no part of umlab itself, and imports result and outcome.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

//go:generate go run .

func main() {
	if err := write(); err != nil {
		fmt.Fprintln(os.Stderr, "schema:", err)
		os.Exit(1)
	}
}

func write() error {
	docs, err := documents()
	if err != nil {
		return err
	}
	for file, text := range docs {
		if err := os.WriteFile(filepath.Join(published, file), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
