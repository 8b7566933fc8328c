package scenario

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// What mem= may be. Below the least a kernel with Rust does not reach its
// init; above the most User-Mode Linux runs out of address space.
const (
	leastMem = 16 << 20
	mostMem  = 64 << 30
)

var memSize = regexp.MustCompile(`^([1-9][0-9]{0,14})([KMGkmg]?)$`)

// ParseMem reads a value of mem= into bytes: digits, and K, M or G. See
// memparse, lib/cmdline.c.
func ParseMem(s string) (int64, error) {
	m := memSize.FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf(`%q is no memory size: write digits and K, M or G, as in "512M"`, s)
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no memory size: %w", s, err)
	}
	unit := map[string]int64{"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}[strings.ToUpper(m[2])]
	if n > mostMem/unit || n*unit < leastMem {
		return 0, fmt.Errorf("mem=%s is out of range: allowed is 16M to 64G", s)
	}
	if n*unit%4096 != 0 {
		return 0, fmt.Errorf("mem=%s is no multiple of the page size, 4096", s)
	}
	return n * unit, nil
}
