package harness

import "testing"

func TestPrivate(t *testing.T) {
	env := map[string]string{"HOME": "/home/me", "UMLAB_HOME": "/mnt/me.too/umlab"}
	p := privacy(func(name string) string { return env[name] })
	for text, want := range map[string]string{
		`"transcript": "/home/me/.cache/umlab/v1/files/ab/c"`:     `"transcript": "~/.cache/umlab/v1/files/ab/c"`,
		"store=/mnt/me.too/umlab/v1; HOME=/home/me":               "store=$UMLAB_HOME/v1; HOME=~",
		"umlab matrix -tree=/home/me/linux -modules='/home/me/x'": "umlab matrix -tree=~/linux -modules='~/x'",
		"<code>/home/me/linux</code>":                             "<code>~/linux</code>",
		"/home/men /nfs/home/me ./home/me home/me a/home/me/":     "/home/men /nfs/home/me ./home/me home/me a/home/me/",
		"/mnt/meXtoo/umlab":                                       "/mnt/meXtoo/umlab",
	} {
		if got := string(p.hide([]byte(text))); got != want {
			t.Errorf("%s\n got  %s\n want %s", text, got, want)
		}
	}
	for _, home := range []string{"", "/"} {
		none := privacy(func(string) string { return home })
		if got := string(none.hide([]byte("/etc/x"))); got != "/etc/x" {
			t.Errorf("HOME=%q: %s", home, got)
		}
	}
}
