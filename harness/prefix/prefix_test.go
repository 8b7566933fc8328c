package prefix

import "testing"

func TestAny(t *testing.T) {
	const text = "subarch: m: Unknown rela relocation: 9"
	for _, prefix := range []string{
		"", "> ", ">> ", "> > ", ">", "  ", "\t", "| ", "[    0.123456] ", "[12345.678901] ", "[    0.123456][   T12] ", "[    0.123456] [ C0] ", "[    0.123456]",
		"<6>[    0.123456] ", "[Sat Nov 22 23:10:38 2025] ", "Nov 22 23:10:38 host kernel: ", "Nov  2 23:10:38 host kernel: [    0.123456] ",
		"2025-11-22T23:10:38.123456+00:00 host kernel: ", "2025-11-22T23:10:38Z host kernel: ", "> [    0.1234] ", "/ # ", "# ", "~ # ", "root@uml:~# ", "[root@uml ~]# ", "$ ", "/ # [    0.123456] ",
	} {
		if got := Any(prefix + text).Text; got != text {
			t.Errorf("prefix %q: got %q", prefix, got)
		}
	}
	if got := Any("[<60045d90>] ? um_set_signals+0x0/0x40").Text; got != "[<60045d90>] ? um_set_signals+0x0/0x40" {
		t.Errorf("a line of a trace became %q", got)
	}
}
