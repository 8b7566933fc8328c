package cli

import (
	"os"
	"path/filepath"
)

// own is the directory of the user's own configuration, see README; "" where there is none.
func (a *App) own() string {
	base := a.Getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(base) { // the specification has such a one ignored
		home := a.Getenv("HOME")
		if home == "" {
			return ""
		}
		base = filepath.Join(home, ".config")
	}
	dir := filepath.Join(base, "umlab")
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return ""
	}
	return dir
}
