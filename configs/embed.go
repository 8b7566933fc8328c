// Package configs is umlab's own configuration, for programs that run outside of its checkout: trees, toolchains, suites,
// limits, keys and fragments of kernel options. It imports nothing of umlab and reads none of it.
package configs

import "embed"

// Files are the files of this directory that umlab reads.
//
//go:embed *.toml *.config keys
var Files embed.FS
