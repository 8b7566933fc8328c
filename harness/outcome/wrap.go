package outcome

import (
	"slices"
	"strings"

	"umlab/harness/kmsg"
	"umlab/harness/pattern"
)

// restRE is what a number, or the end of an overflow line, leaves on the next
// line when a terminal or a mail program breaks it.
var restRE = pattern.New(`^(?:[0-9a-f]{1,16}|(?:[0-9a-f]{0,16} ?)sec \d+ idx \d+|(?:\d* ?)idx \d+)$`)

// speakerRE is a line of the loader that was broken within the module's name.
var speakerRE = pattern.New(`^(?:subarch|module): [\w.-]*$`)

// unwrap joins lines that were broken on their way (mail programs break at
// spaces near column 72, terminals anywhere), where only the joined line says
// something. The joined line takes the place of the first part; the others
// stay, without text.
func unwrap(lines []line) {
	for i := 0; i < len(lines); i++ {
		l := &lines[i]
		for k := i; k+1 < len(lines) && softBreak(lines[k]) && !lines[k+1].kernel; k++ {
			l.text, l.joined = strings.TrimSuffix(l.text, "=")+lines[k+1].text, true
			lines[k+1].text = ""
		}
		if l.text == "" {
			continue
		}
		whole := says(l.text)
		if whole == saysNothing && (i+1 == len(lines) || !mayBegin(l.text)) {
			continue
		}
		if whole == saysAll && !mayGoOn(lines, i) {
			continue
		}
		text, n := join(lines, i, whole)
		if n == 0 {
			continue
		}
		l.text, l.joined = text, true
		for k := i + 1; k <= i+n; k++ {
			lines[k].text = ""
		}
		i += n
	}
}

// softBreak reports whether a line is one of quoted-printable that goes on, in a mail whose
// header is not there.
func softBreak(l line) bool {
	return len(l.raw) > 68 && len(l.raw) < 78 && strings.HasSuffix(l.raw, "=")
}

// join finds the shortest run of lines from i that says more than the first
// alone, which says whole.
func join(lines []line, i int, whole saying) (text string, n int) {
	spaced, tight := lines[i].text, strings.TrimSuffix(lines[i].text, "=") // quoted-printable without its header
	inName := speakerRE.MatchString(tight)
	for n = 1; n <= 3 && i+n < len(lines); n++ {
		next := lines[i+n]
		if next.text == "" || next.kernel || says(next.text) != saysNothing && !(inName && n == 1) || companionRE.MatchString(next.text) {
			return "", 0
		}
		spaced, tight = spaced+" "+next.text, tight+next.text
		if len(tight) > maxEvidence {
			return "", 0
		}
		if whole == saysAll && (n > 1 || !mayGoOn(lines, i)) {
			continue // the line is good as it is; only what plainly belongs to it is added
		}
		order := []string{spaced, tight}
		if inName {
			order = []string{tight, spaced}
		}
		for _, text := range order {
			if says(text) == saysAll {
				return text, n
			}
		}
	}
	return "", 0
}

// mayBegin reports whether a line can be the first part of a message that is
// looked for: it has a word of one, or is so short that the words come later.
func mayBegin(text string) bool {
	return len(text) < 24 || slices.ContainsFunc(beginnings, func(w string) bool { return strings.Contains(text, w) })
}

var beginnings = []string{
	"subarch:", "module", "elocation", "overflow", "Unknown", "nknown", "likely", "Kernel", "panic",
	"insmod", "rmmod", "modprobe", "insert", "umlab", "Linux",
	"Adding", "initcall", "version", "exports", "parameter", "Invalid", "ELF", "BUG", "Oops", "not syncing", " - ",
}

// mayGoOn reports whether the next line is nothing but the end of a number, or
// of an overflow line.
func mayGoOn(lines []line, i int) bool {
	if i+1 >= len(lines) || lines[i+1].kernel || !strings.Contains(lines[i].text, "relocation") {
		return false
	}
	next := lines[i+1].text
	return restRE.MatchString(next) && strings.ContainsAny(next, "0123456789")
}

// saying is how much a line says.
type saying int

const (
	saysNothing saying = iota
	saysPart           // the rest may follow
	saysAll
)

func says(text string) saying {
	if len(text) < 5 {
		return saysNothing
	}
	if e, ok, complete := recognise(text, true); ok && e.kind != eventUnclear {
		if complete {
			return saysAll
		}
		return saysPart
	}
	switch {
	case kmsg.LoadingOf(text).Effect == kmsg.Goes:
		return saysAll
	case strings.HasSuffix(text, " likely not compiled with -mcmodel=kernel"):
		if companionRE.MatchString(text) {
			return saysAll
		}
	case strings.HasPrefix(text, "umlab"):
		if sentinelRE.MatchString(text) && (!strings.Contains(text, " end ") || statusRE.MatchString(text)) {
			return saysAll
		}
	case strings.HasPrefix(text, "Linux version ") && strings.Count(text, " ") > 2,
		strings.HasPrefix(text, "Adding ") && gapRE.MatchString(text):
		return saysAll
	}
	if strings.Contains(text, " Live 0x") {
		if _, ok := parseProcModule(text); ok {
			return saysAll
		}
	}
	return saysNothing
}
