package outcome

import "testing"

// TestClassifyLog holds what the samples in testdata/logs do not: where a line
// goes on and where it does not.
func TestClassifyLog(t *testing.T) {
	const companion = "subarch: `m' likely not compiled with -mcmodel=kernel\n"
	tests := []struct {
		name, log string
		want      string // of the only module, m; "" for none
		value     string
	}{
		{"a number that was broken", "subarch: m: Unknown rela relocation: 2\n9\n", "relocation-unknown 29 GOTPC64", ""},
		{"a number that begins a record of its own", "[    1.000000] subarch: m: Unknown rela relocation: 2\n[    1.100000] 9\n", "relocation-unknown 2 PC32", ""},
		{"a word that is hexadecimal", "subarch: overflow in relocation type 11 val 80804010\nbad\n" + companion, "relocation-overflow 11 32S", "0x80804010"},
		{"a value that was broken", "subarch: overflow in relocation type 11 val 80\n804010\n" + companion, "relocation-overflow 11 32S", "0x80804010"},
		{"a type that was broken", "subarch: overflow in relocation type 1\n1 val 80804010\n" + companion, "relocation-overflow 11 32S", "0x80804010"},
		{"a companion that was broken", "subarch: overflow in relocation type 11 val 80804010\nsubarch: `m' likely not compiled with\n-mcmodel=kernel\n", "relocation-overflow 11 32S", "0x80804010"},
		{"in three parts", "> subarch: m:\n> Unknown rela\n> relocation: 9\n", "relocation-unknown 9 GOTPCREL", ""},
		{"a blank line ends it", "subarch: m: Unknown rela\n\nrelocation: 9\n", "", ""},
		{"a record of its own ends it", "[    1.000000] subarch: m: Unknown rela\n[    1.100000] relocation: 9\n", "", ""},
		{"the number is missing", "subarch: m: Unknown rela relocation:\n", "", ""},
		{"insmod says what the kernel does not", "insmod m.ko\ninsmod: can't insert 'm.ko': No such device\n", "init-failed errno 19", ""},
		{"insmod finds no file", "insmod: can't insert 'm.ko': No such file or directory\n", "infra", ""},
		{"initcall_debug", "initcall init_module+0x0/0x1000 [m] returned -22 after 0 usecs\n", "init-failed errno 22", ""},
		{"initcall_debug, no failure", "initcall init_module+0x0/0x1000 [m] returned 0 after 0 usecs\n", "", ""},
		{"an oops after a reject", "subarch: m: Unknown rela relocation: 9\nModules linked in: m(O+)\nKernel panic - not syncing: BUG!\n", "oops", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			modules, _ := ClassifyLog([]byte(tt.log))
			checkResult(t, []byte(tt.log), modules)
			if tt.want == "" {
				if len(modules) != 0 {
					t.Errorf("got %+v, want nothing", modules)
				}
				return
			}
			if len(modules) != 1 || modules[0].Name != "m" || modules[0].Outcome.String() != tt.want || modules[0].Outcome.Value != tt.value {
				t.Errorf("got %+v, want %q value %q", modules, tt.want, tt.value)
			}
		})
	}
}
