package display

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"
)

// defaultWidth is the width of what is not a terminal, in columns.
const defaultWidth = 100

// Terminal says what f can show: tty is whether lines on it may be redrawn,
// color whether ANSI colours are wanted, width its columns (100 where it has
// none). TERM=dumb takes away both, NO_COLOR (https://no-color.org) the colours;
// COLUMNS sets the width of what is no terminal.
func Terminal(f *os.File, getenv func(string) string) (tty, color bool, width int) {
	width = defaultWidth
	if n, err := strconv.Atoi(getenv("COLUMNS")); err == nil && n > 0 {
		width = n
	}
	fd := int(f.Fd())
	if !term.IsTerminal(fd) {
		return false, false, width
	}
	if w, _, err := term.GetSize(fd); err == nil && w > 0 {
		width = w
	}
	if t := getenv("TERM"); t == "" || t == "dumb" {
		return false, false, width
	}
	return true, getenv("NO_COLOR") == "", width
}

// UTF8 reports whether the user's locale has the characters of UTF-8, see locale(7).
func UTF8(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := getenv(name); v != "" {
			return strings.Contains(strings.ToLower(strings.ReplaceAll(v, "-", "")), "utf8")
		}
	}
	return false
}
