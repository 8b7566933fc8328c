package usage

import (
	"fmt"
	"strings"
)

// Meant is "; did you mean "x"?" where one of names is near to what was given, else "".
func Meant(got string, names []string) string {
	if n := Nearest(got, names); n != "" {
		return fmt.Sprintf("; did you mean %q?", n)
	}
	return ""
}

// Nearest is the one of names that is near to what was given, "" where none is.
func Nearest(got string, names []string) string {
	limit := max(2, len(got)/3) // edits; two letters swapped are two
	limit = min(limit, len(got)-1) + 1
	best := ""
	for _, n := range names {
		if d := distance(got, n); d < limit {
			best, limit = n, d
		}
	}
	for _, n := range names {
		if best == "" && min(len(got), len(n)) >= shortest && (strings.HasPrefix(got, n) || strings.HasPrefix(n, got)) {
			best = n
		}
	}
	return best
}

// shortest is how much of a name must be there to say that it was begun.
const shortest = 3

// distance is the number of single-byte edits between a and b. A name that is
// far longer than any of ours is not compared.
func distance(a, b string) int {
	const longest = 100
	if len(a) > longest || len(b) > longest {
		return longest
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
