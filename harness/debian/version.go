package debian

import (
	"strings"

	version "github.com/knqyf263/go-deb-version"
)

// CompareVersions orders two versions as deb-version(7) does: negative where a
// is older than b, 0 where they are equal. What is no version is older than
// every version.
func CompareVersions(a, b string) int {
	if a == b {
		return 0
	}
	va, errA := version.NewVersion(a)
	vb, errB := version.NewVersion(b)
	switch {
	case errA != nil && errB != nil:
		return strings.Compare(a, b)
	case errA != nil:
		return -1
	case errB != nil:
		return 1
	}
	return va.Compare(vb)
}
