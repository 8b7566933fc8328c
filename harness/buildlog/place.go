package buildlog

import (
	"path"
	"strings"

	"umlab/harness/pattern"
)

// Where a message names a file: what stands before the name, the name.
var (
	named = pattern.New(`^( *(?:-->|:::) |In file included from | +from |>>> (?:referenced by|defined at) )?` +
		`([^\s:()'"\x60]+)(:\d+|: In |: At top|: Assembler|:\()`)
	absolute = pattern.New(`(^|[\s"'\x60\[(=,:])(/[^\s"'\x60\]),:;]*)`)
)

// Told is the message in the names that the user has for the files. name says how the user calls the file of a path, which
// is absolute and clean, as the build saw it; "" where the user has none.
func (m Message) Told(name func(string) string) (lines []string) {
	for i, l := range m.Lines {
		lines = append(lines, told(l, m.Dirs[i], name))
	}
	return lines
}

func told(text, dir string, name func(string) string) string {
	if quoted.MatchString(text) {
		return text
	}
	if at := named.FindStringSubmatchIndex(text); at != nil && dir != "" && text[at[4]] != '/' {
		if own := name(path.Join(dir, text[at[4]:at[5]])); own != "" {
			return text[:at[4]] + own + told(text[at[5]:], "", name)
		}
	}
	return absolute.Regexp().ReplaceAllStringFunc(text, func(found string) string {
		m := absolute.FindStringSubmatch(found)
		own := name(path.Clean(m[2]))
		if own == "" {
			return found
		}
		if strings.HasSuffix(m[2], "/") && !strings.HasSuffix(own, "/") {
			own += "/"
		}
		return m[1] + own
	})
}
