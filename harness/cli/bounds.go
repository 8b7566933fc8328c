package cli

import (
	"time"

	"umlab/harness"
	"umlab/harness/usage"
)

// bounds are the flags -days=, -keep= and -all of a target that removes what is old.
type bounds struct {
	t    *target
	days int
	keep *string
	all  bool
}

// bounds adds them, each with what it means.
func (t *target) bounds(keep *string, days, keeps, all string) *bounds {
	b := &bounds{t: t, days: 30, keep: keep}
	t.number(&b.days, 0, flag{name: "days", takes: "N", means: days})
	t.text(keep, flag{name: "keep", takes: "SIZE", means: keeps})
	t.toggle(&b.all, flag{name: "all", means: all})
	return b
}

// given reports whether one of them was.
func (b *bounds) given() bool { return b.t.Flags().Changed("days") || b.all || *b.keep != "" }

// age is how old what stays may be. With -keep= alone, no age is too much.
func (b *bounds) age() (time.Duration, error) {
	days := b.t.Flags().Changed("days")
	switch {
	case b.all && (days || *b.keep != ""):
		return 0, usage.Errorf("-all removes everything: leave out -days= and -keep=")
	case b.all:
		return 0, nil
	case *b.keep != "" && !days:
		return harness.Forever, nil
	}
	return time.Duration(b.days) * 24 * time.Hour, nil
}
