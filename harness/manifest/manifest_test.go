package manifest

import (
	"bytes"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestManifestMistakesAreAllReported(t *testing.T) {
	_, err := Parse("m", strings.NewReader(`# comment

dir a 0755
dir a 0755
disk b 0755
file c 0644
file d 9 init
file e 01777 init
file f 0644 ../init
link . x
busybox bin/busybox 0755
`))
	want := `m:4: path "a" stands on line 3 already
m:5: kind "disk"; allowed are dir, file, busybox and link
m:6: file has 3 columns, want 4
m:7: mode "9" is not an octal number up to 0777
m:8: mode "01777" is not an octal number up to 0777
m:9: source "../init" is not a clean path below the manifest's directory
m:10: path "." is not a clean path below the guest's root`
	if err == nil || err.Error() != want {
		t.Error(cmp.Diff(want, err.Error()))
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte("dir a 0755\nfile init 0755 init\nbusybox b 0755\nlink c b\n"))
	f.Add([]byte("# x\n\nfile ../a 0777 /etc/passwd\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := Parse("m", bytes.NewReader(data))
		if err != nil {
			return
		}
		for _, e := range entries {
			if !fs.ValidPath(e.Path) || e.Path == "." || e.Mode > 0o777 || (e.Kind == "file" && !fs.ValidPath(e.Source)) {
				t.Errorf("accepted %+v", e)
			}
		}
	})
}
