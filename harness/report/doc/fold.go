package doc

import (
	"strings"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/text"
)

// fold says where s is cut into lines of at most width columns, the ones after the
// first two columns less, at spaces where there are some: from and to of each.
// Spaces inside a line stay as they are: evidence is quoted, not set. What is left
// of very narrow terminals is not cut, nor is an address.
func fold(s string, width int) (pieces [][2]int) {
	const least = 16
	from := 0
	for width >= least {
		rest := s[from:]
		cut, space, columns := 0, 0, 0
		for i, r := range rest {
			columns += text.RuneWidth(r)
			if r == ' ' && strings.TrimSpace(rest[:i]) != "" {
				space = i
			}
			if columns > width {
				break
			}
			cut = i + utf8.RuneLen(r)
		}
		if columns <= width {
			break
		}
		if space > 0 {
			cut = space
		} else if address := strings.TrimLeft(rest, " "); strings.HasPrefix(address, "https://") { // half of it leads nowhere
			if cut = strings.IndexByte(address, ' '); cut < 0 {
				break
			}
			cut += len(rest) - len(address)
		}
		pieces = append(pieces, [2]int{from, from + len(strings.TrimRight(rest[:cut], " "))})
		from = len(s) - len(strings.TrimLeft(rest[cut:], " "))
		if len(pieces) == 1 {
			width -= 2
		}
	}
	return append(pieces, [2]int{from, len(s)})
}
