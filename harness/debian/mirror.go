package debian

import (
	"bytes"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
)

// defaultMirror serves machines that name no mirror themselves.
const defaultMirror = "https://mirrors.kernel.org/debian"

// Mirror returns the root of the Debian archive to use: UMLAB_DEBIAN_MIRROR of
// getenv, else the first http(s) one of Debian's main archive that the apt
// sources under etc (the file system at /etc) name, else a public one. Sources
// that cannot be read are passed over.
func Mirror(getenv func(string) string, etc fs.FS) string {
	if m := strings.TrimRight(strings.TrimSpace(getenv("UMLAB_DEBIAN_MIRROR")), "/"); m != "" {
		return m
	}
	files := []string{"apt/sources.list"}
	if more, err := fs.Glob(etc, "apt/sources.list.d/*"); err == nil {
		files = append(files, more...)
	}
	for _, name := range files {
		data, err := fs.ReadFile(etc, name)
		if err != nil {
			continue
		}
		var found string
		switch path.Ext(name) {
		case ".list":
			found = mirrorOfList(string(data))
		case ".sources":
			found = mirrorOfSources(data)
		}
		if found != "" {
			return found
		}
	}
	return defaultMirror
}

// oneLine is a line of sources.list(5): type, options, address, suite, components.
var oneLine = regexp.MustCompile(`(?m)^[ \t]*deb[ \t]*(?:[ \t]|\[[^]\n]*\])[ \t]*([^ \t\n#]+)[ \t]+[^ \t\n#]+[ \t]+([^\n#]+)`)

// mirrorOfList reads the one-line format of sources.list(5).
func mirrorOfList(text string) string {
	for _, m := range oneLine.FindAllStringSubmatch(text, -1) {
		if mirror := mainArchive(m[1]); mirror != "" && slices.Contains(strings.Fields(m[2]), "main") {
			return mirror
		}
	}
	return ""
}

// mirrorOfSources reads the deb822 format of sources.list(5).
func mirrorOfSources(data []byte) string {
	s := newScanner(bytes.NewReader(data))
	for {
		m, err := s.fields()
		if err != nil {
			return ""
		}
		if !slices.Contains(strings.Fields(m["types"]), "deb") || !slices.Contains(strings.Fields(m["components"]), "main") {
			continue
		}
		switch strings.ToLower(m["enabled"]) {
		case "no", "false", "without", "off", "disable", "0":
			continue
		}
		for _, uri := range strings.Fields(m["uris"]) {
			if m := mainArchive(uri); m != "" {
				return m
			}
		}
	}
}

// mainArchive returns uri without its trailing slash if it can be Debian's main
// archive, which is not served under another name than "debian".
func mainArchive(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	if uri = strings.TrimRight(uri, "/"); path.Base(strings.TrimRight(u.Path, "/")) != "debian" {
		return ""
	}
	return uri
}
