package kmsg

import (
	"strings"
	"testing"
)

func TestErrnoOf(t *testing.T) {
	for text, want := range map[string]int{
		"invalid module format": 8, "Invalid module format": 8, "Exec format error": 8,
		"unknown symbol in module, or unknown parameter": 2, "No such file or directory": 2,
		"No such device": 19, "Invalid argument": 22, "Device or resource busy": 16, "File exists": 17,
		"Resource temporarily unavailable": 11, "Cannot allocate memory": 12, "Operation not permitted": 1, "no such module": 1,
		"module has wrong symbol version": 3, "Key was rejected by service": 129, "Unknown error 517": 517,
		"Unknown error 9999": 0, "Unknown error 0": 0, "": 0, "bad luck": 0,
	} {
		if got := errnoOf(text); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}

func TestToolOf(t *testing.T) {
	tests := []struct {
		text, module string
		errno        int
		ok           bool
	}{
		{"insmod: can't insert '/lib/modules/rust_print.ko': invalid module format", "/lib/modules/rust_print.ko", 8, true},
		{"insmod: ERROR: could not insert module ./a-b.ko: Invalid parameters", "./a-b.ko", 22, true},
		{"modprobe: ERROR: could not insert 'foo': Exec format error", "foo", 8, true},
		{"rmmod: can't unload module 'c_base': Resource temporarily unavailable", "c_base", 11, true},
		{"rmmod: ERROR: Module foo is in use", "", 0, false},
		{"insmod: hello", "", 0, false},
		{"insmod: can't insert '/lib/a b.ko': x", "", 0, false},
	}
	for _, tt := range tests {
		said, ok := ToolOf(tt.text)
		if ok != tt.ok || ok && (said.Module != tt.module || said.Errno != tt.errno) {
			t.Errorf("%q: got %+v %v", tt.text, said, ok)
		}
	}
}

func TestLoadingOf(t *testing.T) {
	for text, want := range map[string]Loading{
		"m: version magic '6.1 SMP ' should be '6.12 '":                                            {Refuses, "m", 8},
		"m: Unknown symbol y (err -22)":                                                            {Refuses, "m", 22},
		"m: Unknown symbol y (err 0)":                                                              {Refuses, "m", 2},
		"m: Unknown symbol y":                                                                      {Refuses, "m", 2},
		"module m: Unknown relocation: 2a":                                                         {Refuses, "m", 8},
		"m: Unknown relocation type 57":                                                            {Refuses, "m", 22},
		"module_64: m: REL24 -12 out of range!":                                                    {Refuses, "m", 8},
		"kmod: m: Unsupport relocation type 105, please add its support.":                          {Refuses, "m", 22},
		"m: section 4 reloc 398 sym 'x': relocation 28 out of range (0xbf -> 0xc0)":                {Refuses, "m", 8},
		"module: x86/modules: Skipping invalid relocation target, existing value is nonzero for x": {Refuses, "", 8},
		"module m: Exactly one .gnu.linkonce.this_module section must exist.":                      {Refuses, "m", 8},
		"Module m is blacklisted":                                                                  {Refuses, "m", 1},
		"module m relocation of symbol f is out of range (0x1 in 17 bits)":                         {Refuses, "m", 8},
		"m: loading out-of-tree module taints kernel.":                                             {Goes, "m", 0},
		"m: bad vermagic: kernel tainted.":                                                         {Goes, "m", 0},
		"m: probe of 0000:00:04.0 failed with error -12":                                           {Goes, "m", 0},
		"m: a relocation that nobody has heard of":                                                 {Unclear, "m", 0},
		"m: hello": {}, "m: Unknown device": {}, "": {}, "m: ": {}, "Unknown symbol in my mail": {},
		"x86/modules: Invalid relocation target, existing value does not match expected value for x": {},
	} {
		if got := LoadingOf(text); got != want {
			t.Errorf("%q: got %+v, want %+v", text, got, want)
		}
	}
}

func TestTroubleOf(t *testing.T) {
	for text, want := range map[string]Trouble{
		"BUG: kernel NULL pointer dereference, address: 0000000000000000":                                Dies,
		"BUG: unable to handle page fault for address: ffffc90000000000":                                 Dies,
		"BUG: unable to handle kernel NULL pointer dereference at           (null)":                      Dies,
		"general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1] SMP": Dies,
		"Oops: general protection fault, probably for non-canonical address 0xdead: 0000 [#1] SMP":       Dies,
		"invalid opcode: 0000 [#1] PREEMPT SMP":                                                          Dies,
		"Internal error: Oops - BUG: 00000000f2000800 [#1] PREEMPT SMP":                                  Dies,
		"Unable to handle kernel paging request at virtual address dead000000000108":                     Dies,
		"illegal operation: 0001 ilc:1 [#1] SMP":                                                         Dies,
		"insmod(123): Oops 0":                                                                            Dies,
		"kernel BUG at mm/slub.c:12!":                                                                    Dies,
		"Kernel panic - not syncing: BUG!":                                                               Panics,
		"---[ end Kernel panic - not syncing: BUG! ]---":                                                 Panics,
		"Kernel panic: VFS: Unable to mount root fs on 03:01":                                            Panics,
		"BUG: scheduling while atomic: insmod/240/0x00000002":                                            Survived,
		"BUG: MAX_LOCKDEP_ENTRIES too low!":                                                              Survived,
		"BUG: Bad rss-counter state mm:1 type:MM_ANONPAGES val:1":                                        Survived,
		"BUG: KCSAN: data-race in a / b":                                                                 Survived,
		"WARNING: CPU: 0 PID: 21 at m.c:9":                                                               Survived,
		"BUG: my module does not load":                                                                   NoTrouble,
		"Oops: I forgot":                                                                                 NoTrouble,
		"general protection fault":                                                                       NoTrouble,
		"see [#1] for more":                                                                              NoTrouble,
		"Kernel panic: it dies":                                                                          NoTrouble,
		"WARNING: this mail is long":                                                                     NoTrouble,
		"traps: m[240] general protection fault ip:7f00 sp:7ffd error:0 in libc.so[7f00+1000]":           NoTrouble,
	} {
		if got, _ := TroubleOf(text); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

// FuzzLines: whatever stands in a line, it is read without harm, and a name is a part of it.
func FuzzLines(f *testing.F) {
	for _, s := range []string{"m: Unknown symbol y (err -22)", "insmod: can't insert 'm.ko': File exists", "Oops: 0002 [#1]", "%s: %d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if l := LoadingOf(text); !strings.Contains(text, l.Module) || l.Errno < 0 || l.Errno > maxErrno {
			t.Errorf("%q: %+v", text, l)
		}
		if s, ok := ToolOf(text); ok != (s.Module != "") || !strings.Contains(text, s.Module) {
			t.Errorf("%q: %+v", text, s)
		}
		TroubleOf(text)
		parseFormat(text).match(text)
	})
}
