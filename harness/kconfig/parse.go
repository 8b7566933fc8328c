package kconfig

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

var (
	optionName = regexp.MustCompile(`^CONFIG_[A-Za-z0-9_]+$`)
	notSet     = regexp.MustCompile(`^# (CONFIG_[A-Za-z0-9_]+) is not set$`)
	// nearlyNotSet is what a hand writes instead of notSet. Kconfig would take
	// it for a comment and the request would be lost without a word.
	nearlyNotSet = regexp.MustCompile(`(?i)^#\s*(CONFIG_\w+)\s+(is\s+)?not\s+set\W*$`)
)

// ParseFragment reads a fragment. file is the name that messages start with.
// Every bad line is reported, each with its place and the remedy; an option
// that one file sets to two values is a mistake, since no reader can tell
// which was meant.
func ParseFragment(file string, text []byte) (Fragment, error) {
	f := Fragment{File: file}
	var errs []error
	first := make(map[string]Option)
	for i, line := range lines(text) {
		if m := nearlyNotSet.FindStringSubmatch(line); m != nil && !notSet.MatchString(line) {
			errs = append(errs, lineError(file, i+1, "%q is only a comment to Kconfig: write %q", line, "# "+m[1]+" is not set"))
			continue
		}
		name, value, ok, err := parseLine(line)
		if err != nil {
			errs = append(errs, lineError(file, i+1, "%v", err))
			continue
		}
		if !ok {
			continue
		}
		o := Option{Name: name, Value: value, File: file, Line: i + 1}
		if was, dup := first[name]; dup {
			if !sameValue(was.Value, value) {
				errs = append(errs, lineError(file, i+1, "%s contradicts %s of line %d: keep one of them", o, was, was.Line))
			}
			continue
		}
		first[name] = o
		f.Options = append(f.Options, o)
	}
	return f, errors.Join(errs...)
}

// ParseConfig reads a resolved .config. Where it names an option twice the
// last holds, as for Kconfig.
func ParseConfig(file string, text []byte) (Config, error) {
	c := Config{values: make(map[string]string)}
	var errs []error
	for i, line := range lines(text) {
		name, value, ok, err := parseLine(line)
		switch {
		case err != nil:
			errs = append(errs, lineError(file, i+1, "%v", err))
		case ok && value == Unset:
			delete(c.values, name)
		case ok:
			c.values[name] = value
		}
	}
	if err := errors.Join(errs...); err != nil {
		return Config{}, err
	}
	return c, nil
}

// ValidName reports whether s can be the name of an option, "CONFIG_RUST".
func ValidName(s string) bool { return optionName.MatchString(s) }

// CheckValue returns nil where s is a value as a .config spells it: y, m, n, a
// decimal or 0x number, or a quoted string.
func CheckValue(s string) error {
	switch {
	case s == "":
		return fmt.Errorf(`has no value: write y, m, n, a number or a "string"`)
	case s == "y" || s == "m" || s == "n":
		return nil
	case s[0] == '"':
		return checkString(s)
	}
	if _, ok := number(s); ok {
		return nil
	}
	return fmt.Errorf(`has the value %q: write y, m, n, a decimal or 0x number, or a "string" in double quotes`, clip(s))
}

// Quote spells text as a Kconfig string.
func Quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// lines splits without the line ends; a CRLF file is read like any other.
func lines(text []byte) []string {
	all := strings.Split(string(text), "\n")
	for i, l := range all {
		all[i] = strings.TrimSuffix(l, "\r")
	}
	return all
}

// parseLine reads one line; ok is false for an empty line or a comment.
func parseLine(line string) (name, value string, ok bool, err error) {
	if !utf8.ValidString(line) || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return "", "", false, fmt.Errorf("%q holds bytes that are not text: is this a .config fragment?", clip(line))
	}
	if strings.TrimSpace(line) == "" {
		return "", "", false, nil
	}
	if strings.HasPrefix(line, "#") {
		if m := notSet.FindStringSubmatch(line); m != nil {
			return m[1], Unset, true, nil
		}
		return "", "", false, nil
	}
	name, value, found := strings.Cut(line, "=")
	switch {
	case !found:
		return "", "", false, fmt.Errorf(`%q is no option: write CONFIG_NAME=value, "# CONFIG_NAME is not set", or a comment after #`, clip(line))
	case strings.TrimSpace(name) != name || strings.TrimSpace(value) != value:
		return "", "", false, fmt.Errorf("%q has spaces that Kconfig does not take: write %q",
			clip(line), clip(strings.TrimSpace(name)+"="+strings.TrimSpace(value)))
	case !strings.HasPrefix(name, "CONFIG_"):
		return "", "", false, fmt.Errorf("%q lacks the prefix CONFIG_: write %q", clip(line), clip("CONFIG_"+line))
	case !optionName.MatchString(name):
		return "", "", false, fmt.Errorf("%q is no option name: after CONFIG_ come letters, digits and underscores", clip(name))
	}
	if err := CheckValue(value); err != nil {
		return "", "", false, fmt.Errorf("%s %w", name, err)
	}
	return name, value, true, nil
}

// checkString wants one closed string and nothing after it: Kconfig ignores
// what follows the closing quote, so a comment there would be lost.
func checkString(s string) error {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			if i == len(s)-1 {
				return nil
			}
			return fmt.Errorf("has %q after its string: put comments on a line of their own", clip(s[i+1:]))
		}
	}
	return fmt.Errorf(`has a string without its closing ": %s`, clip(s))
}

// clip keeps a message about a foreign line readable.
func clip(s string) string {
	const limit = 80
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}

func lineError(file string, line int, format string, args ...any) error {
	return fmt.Errorf("%s:%d: "+format, append([]any{file, line}, args...)...)
}
