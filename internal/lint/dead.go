package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// unreachable are the functions that deadcode finds no way to, from no command;
// what only tests call is among them. The targets of Mage are those of umlab and
// more, all described in package cli.
func unreachable() ([]string, error) {
	c := exec.Command("go", "tool", "deadcode", "./harness/umlab", "./harness/umlab-fleet", "./internal/schema", "./internal/lint")
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("deadcode: %w", err)
	}
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == '\n' }), nil
}
