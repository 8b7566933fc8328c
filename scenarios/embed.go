// Package scenarios is the bugs that umlab knows, with their patches, for programs that run outside of its checkout. It
// imports nothing of umlab and reads none of it.
package scenarios

import "embed"

// Files are the scenarios, and below the name of each its patches.
//
//go:embed *.toml */*
var Files embed.FS
