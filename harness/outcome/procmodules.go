package outcome

import (
	"fmt"
	"strconv"
	"strings"
)

// NoRefs is the Refs of a kernel without CONFIG_MODULE_UNLOAD.
const NoRefs = -2

// ProcModule is a line of /proc/modules, see m_show in kernel/module/procfs.c.
type ProcModule struct {
	Name    string
	Size    uint64   // bytes, all sections
	Refs    int      // uses; -1 while it is unloaded; NoRefs
	Users   []string // modules that use it, and "[permanent]" where it has an init but no exit
	State   string   // Live, Loading or Unloading
	Address uint64   // of its text; 0 where the kernel hides it (kptr_restrict) or it has none
	Taints  string   // "(O)", "(OE+)" or ""
}

// Live reports whether the module's init has finished and no rmmod has begun.
func (m ProcModule) Live() bool { return m.State == "Live" }

// ParseProcModule reads one line of /proc/modules without its end. It accepts
// exactly what a kernel prints.
func ParseProcModule(line string) (ProcModule, error) {
	var m ProcModule
	f := strings.Split(line, " ")
	if len(f) < 6 || len(f) > 7 || f[0] == "" {
		return m, fmt.Errorf("%.80q is no line of /proc/modules: it has %d words and not 6 or 7", line, len(f))
	}
	size, err := strconv.ParseUint(f[1], 10, 64)
	if err != nil || strconv.FormatUint(size, 10) != f[1] {
		return m, fmt.Errorf("%.80q is no line of /proc/modules: size %q", line, f[1])
	}
	refs := NoRefs
	if f[2] != "-" {
		n, err := strconv.ParseInt(f[2], 10, 32)
		if err != nil || n < -1 || strconv.FormatInt(n, 10) != f[2] {
			return m, fmt.Errorf("%.80q is no line of /proc/modules: use count %q", line, f[2])
		}
		refs = int(n)
	}
	var users []string
	if f[3] != "-" {
		list, ok := strings.CutSuffix(f[3], ",")
		users = strings.Split(list, ",")
		for _, u := range users {
			ok = ok && u != "" && u != "-"
		}
		if !ok {
			return m, fmt.Errorf("%.80q is no line of /proc/modules: users %q", line, f[3])
		}
	}
	switch f[4] {
	case "Live", "Loading", "Unloading":
	default:
		return m, fmt.Errorf("%.80q is no line of /proc/modules: state %q", line, f[4])
	}
	digits, ok := strings.CutPrefix(f[5], "0x")
	address, err := strconv.ParseUint(digits, 16, 64)
	if !ok || err != nil || fmt.Sprintf("%0*x", len(digits), address) != digits || len(digits) != 16 && len(digits) != 8 {
		return m, fmt.Errorf("%.80q is no line of /proc/modules: address %q", line, f[5])
	}
	taints := ""
	if len(f) == 7 {
		if taints = f[6]; len(taints) < 3 || taints[0] != '(' || taints[len(taints)-1] != ')' {
			return m, fmt.Errorf("%.80q is no line of /proc/modules: taints %q", line, taints)
		}
	}
	return ProcModule{f[0], size, refs, users, f[4], address, taints}, nil
}

// String is the line as a 64-bit kernel prints it, without its end.
func (m ProcModule) String() string {
	refs, users, taints := "-", "-", ""
	if m.Refs != NoRefs {
		refs = strconv.Itoa(m.Refs)
	}
	if len(m.Users) > 0 {
		users = strings.Join(m.Users, ",") + ","
	}
	if m.Taints != "" {
		taints = " " + m.Taints
	}
	return fmt.Sprintf("%s %d %s %s %s 0x%016x%s", m.Name, m.Size, refs, users, m.State, m.Address, taints)
}
