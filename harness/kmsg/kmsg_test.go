package kmsg

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
