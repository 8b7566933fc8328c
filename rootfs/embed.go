// Package rootfs is what a guest's root directory is made of, for programs that run outside of umlab's checkout. It imports
// nothing of umlab and reads none of it.
package rootfs

import "embed"

// Files are the guest's init and the list of what stands beside it.
//
//go:embed init manifest
var Files embed.FS
