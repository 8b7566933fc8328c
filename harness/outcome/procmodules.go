package outcome

import (
	"slices"
	"strings"

	"umlab/harness/pattern"
)

// procModule is a line of /proc/modules, see m_show in kernel/module/procfs.c, as
// far as it is judged.
type procModule struct {
	name      string
	permanent bool   // it has an init but no exit
	state     string // Live, Loading or Unloading
	address   string // of its text, "0x62804000"; "" where the kernel hides it (kptr_restrict) or it has none
}

// live reports whether the module's init has finished and no rmmod has begun.
func (m procModule) live() bool { return m.state == "Live" }

// Name, size, uses ("-" without CONFIG_MODULE_UNLOAD), users, state, address and,
// where there are some, taints.
var procModuleRE = pattern.New(
	`^([^ ]+) (?:0|[1-9]\d*) (?:-|-1|0|[1-9]\d*) (-|(?:[^ ,]+,)+) (Live|Loading|Unloading) 0x([0-9a-f]{8}|[0-9a-f]{16})(?: \([^ ]+\))?$`)

// parseProcModule reads one line of /proc/modules without its end. ok is false for
// what no kernel prints there.
func parseProcModule(line string) (m procModule, ok bool) {
	f := procModuleRE.FindStringSubmatch(line)
	if f == nil {
		return m, false
	}
	m = procModule{name: f[1], permanent: slices.Contains(strings.Split(f[2], ","), "[permanent]"), state: f[3]}
	if digits := strings.TrimLeft(f[4], "0"); digits != "" {
		m.address = "0x" + digits
	}
	return m, true
}
