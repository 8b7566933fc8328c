package debian

import (
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Package is one binary package of an archive. A list of them, as JSON, is a
// resolution that can be fetched later without reading any index again.
type Package struct {
	Name          string `json:"name"`
	Version       string `json:"version"`
	Arch          string `json:"arch"` // "amd64", "i386" or "all"
	Suite         string `json:"suite"`
	Base          string `json:"base"`                     // root of the archive it was found in
	Filename      string `json:"filename"`                 // below Base
	Size          int64  `json:"size"`                     // bytes to fetch
	SHA256        string `json:"sha256"`                   // lower-case hex
	InstalledSize int64  `json:"installed_size,omitempty"` // bytes, as the package declares
}

// String is "name version (suite)", or "name:i386 version (suite)" where it is not of the usual architecture.
func (p Package) String() string {
	name := p.Name
	if p.Arch != "" && p.Arch != arch && p.Arch != "all" {
		name += ":" + p.Arch
	}
	return name + " " + p.Version + " (" + p.Suite + ")"
}

// The fields of a stanza of Packages that an index keeps, in the order of its
// records.
const (
	fName = iota
	fVersion
	fArch
	fPriority
	fPreDepends
	fDepends
	fProvides
	fConflicts
	fBreaks
	fFilename
	fSize
	fSHA256
	fInstalledSize
	fieldCount
)

// kept are the names of those fields.
var kept = [fieldCount]string{
	fName: "Package", fVersion: "Version", fArch: "Architecture", fPriority: "Priority", fPreDepends: "Pre-Depends", fDepends: "Depends",
	fProvides: "Provides", fConflicts: "Conflicts", fBreaks: "Breaks", fFilename: "Filename", fSize: "Size", fSHA256: "SHA256",
	fInstalledSize: "Installed-Size",
}

// fieldOf returns the number of a field that is kept, or -1.
func fieldOf(name []byte) int { return slices.Index(kept[:], string(name)) }

// newPackage makes a Package of the values of its fields.
func newPackage(f []string, suite, base string) (Package, error) {
	p := Package{
		Name: f[fName], Version: f[fVersion], Arch: f[fArch], Suite: suite, Base: base, Filename: f[fFilename],
		SHA256: strings.ToLower(f[fSHA256]),
	}
	if !isName(p.Name) || p.Version == "" {
		return p, fmt.Errorf("package %q, version %q: no name or version", p.Name, p.Version)
	}
	bad := func(field, value string) (Package, error) {
		return p, fmt.Errorf("package %s %s: %s is %q", p.Name, p.Version, field, value)
	}
	// The digest becomes a file name in the caller's store and the file name a
	// URL: neither may lead elsewhere.
	if d, err := hex.DecodeString(p.SHA256); err != nil || len(d) != 32 {
		return bad("SHA256", p.SHA256)
	}
	if p.Filename == "" || path.Clean("/"+p.Filename) != "/"+p.Filename {
		return bad("Filename", p.Filename)
	}
	var err error
	if p.Size, err = strconv.ParseInt(f[fSize], 10, 64); err != nil || p.Size <= 0 {
		return bad("Size", f[fSize])
	}
	if s := f[fInstalledSize]; s != "" {
		kib, err := strconv.ParseInt(s, 10, 40)
		if err != nil || kib < 0 {
			return bad("Installed-Size", s)
		}
		p.InstalledSize = kib << 10
	}
	return p, nil
}
