package outcome

import "testing"

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

func TestToolEvent(t *testing.T) {
	tests := []struct {
		text, module string
		errno        int
		ok           bool
	}{
		{"insmod: can't insert '/lib/modules/rust_print.ko': invalid module format", "rust_print", 8, true},
		{"insmod: ERROR: could not insert module ./a-b.ko: Invalid parameters", "a_b", 22, true},
		{"modprobe: ERROR: could not insert 'foo': Exec format error", "foo", 8, true},
		{"rmmod: can't unload module 'c_base': Resource temporarily unavailable", "c_base", 11, true},
		{"rmmod: ERROR: Module foo is in use", "", 0, false},
		{"insmod: hello", "", 0, false},
		{"insmod: can't insert '/lib/a b.ko': x", "", 0, false},
	}
	for _, tt := range tests {
		e, ok := toolEvent(tt.text)
		if ok != tt.ok || ok && (e.module != tt.module || e.shows.Errno != tt.errno) {
			t.Errorf("%q: got %+v %v", tt.text, e, ok)
		}
	}
}

func TestStripPasted(t *testing.T) {
	const text = "subarch: m: Unknown rela relocation: 9"
	for _, prefix := range []string{
		"", "> ", ">> ", "> > ", ">", "  ", "\t", "| ", "[    0.123456] ", "[12345.678901] ", "[    0.123456][   T12] ", "[    0.123456] [ C0] ", "[    0.123456]",
		"<6>[    0.123456] ", "[Sat Nov 22 23:10:38 2025] ", "Nov 22 23:10:38 host kernel: ", "Nov  2 23:10:38 host kernel: [    0.123456] ",
		"2025-11-22T23:10:38.123456+00:00 host kernel: ", "2025-11-22T23:10:38Z host kernel: ", "> [    0.1234] ", "/ # ", "# ", "~ # ", "root@uml:~# ", "[root@uml ~]# ", "$ ", "/ # [    0.123456] ",
	} {
		if got, _ := stripPasted(prefix + text); got != text {
			t.Errorf("prefix %q: got %q", prefix, got)
		}
	}
	if got, _ := stripPasted("[<60045d90>] ? um_set_signals+0x0/0x40"); got != "[<60045d90>] ? um_set_signals+0x0/0x40" {
		t.Errorf("a line of a trace became %q", got)
	}
}

func TestProcModule(t *testing.T) {
	tests := []struct {
		line string
		want procModule
	}{
		{"rust_minimal 12288 0 - Live 0x0000000062804000", procModule{"rust_minimal", false, "Live", "0x62804000"}},
		{"c_base 12288 1 c_dep, Live 0x0000000064807000 (O)", procModule{"c_base", false, "Live", "0x64807000"}},
		{"c_noexit 8192 0 [permanent], Live 0x0000000000000000 (O)", procModule{"c_noexit", true, "Live", ""}},
		{"x 4096 2 a,b,[permanent], Loading 0xffffffffc0000000 (OE+)", procModule{"x", true, "Loading", "0xffffffffc0000000"}},
		{"x 4096 -1 - Unloading 0xffffffffc0000000", procModule{"x", false, "Unloading", "0xffffffffc0000000"}},
		{"x 4096 - - Live 0xffffffffc0000000", procModule{"x", false, "Live", "0xffffffffc0000000"}},
	}
	for _, tt := range tests {
		if got, ok := parseProcModule(tt.line); !ok || got != tt.want {
			t.Errorf("%q: got %+v, %v", tt.line, got, ok)
		}
	}
	for _, bad := range []string{
		"", "x", "x 1 0 - Live", "x -1 0 - Live 0x0000000062804000", "x 1 0 a Live 0x0000000062804000", "x 1 0 , Live 0x0000000062804000", "x 1 0 - live 0x0000000062804000",
		"x 1 0 - Live 62804000", "x 1 0 - Live 0x62804G00", "x 1 0 - Live 0x0000000062804000 O", "x 01 0 - Live 0x0000000062804000", "x 1 0 - Live 0x0000000062804000 (O) y",
		" 1 0 - Live 0x0000000062804000", "x 1 0 - Live 0x00000000628040000", "umlab[2]: end modules x status=0",
	} {
		if m, ok := parseProcModule(bad); ok {
			t.Errorf("%q was read as %+v", bad, m)
		}
	}
}
