package patch

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/bluekeyes/go-gitdiff/gitdiff"
)

// convert checks what a file's part of a diff says. header is its first line.
func convert(f *gitdiff.File, s span, header string) (_ *File, why string) {
	out := &File{Old: f.OldName, New: f.NewName, Binary: f.IsBinary, hunks: f.TextFragments, blob: f.OldOIDPrefix}
	for _, n := range []*string{&out.Old, &out.New} {
		if *n == "/dev/null" || *n == "" {
			*n = ""
			continue
		}
		if !s.git {
			if strings.HasPrefix(*n, "/") {
				return nil, fmt.Sprintf("%q is an absolute path: paths in a patch begin with a/ and b/", *n)
			}
			_, below, ok := strings.Cut(*n, "/")
			if !ok {
				return nil, fmt.Sprintf("%q has no directory to strip: paths in a patch begin with a/ and b/ (diff -u a/file b/file)", *n)
			}
			*n = strings.TrimLeft(below, "/")
		}
		if bad := BadPath(*n); bad != "" {
			return nil, fmt.Sprintf("%q %s: nothing outside of the tree can be patched", *n, bad)
		}
	}
	if f.IsNew {
		out.Old = ""
	}
	if f.IsDelete {
		out.New = ""
	}
	if out.Old == "" && out.New == "" {
		return nil, "a change of no file"
	}
	if s.git {
		if names, ok := strings.CutPrefix(strings.TrimRight(header, "\n"), "diff --git "); ok && len(names)%2 == 1 {
			a, b := names[:len(names)/2], names[len(names)/2+1:]
			if top, _, _ := strings.Cut(a, "/"); a == b && len(top) != 1 {
				return nil, fmt.Sprintf("%q has no a/ before it: the patch was made with diff.noprefix; "+
					"make it with git -c diff.noprefix=false format-patch", a)
			}
		}
	}
	for _, m := range []uint32{uint32(f.OldMode), uint32(f.NewMode)} {
		if m != 0 && m&^0o777 != 0o100000 && m != 0o120000 {
			return nil, fmt.Sprintf("%s has mode %o: only files and symbolic links can be patched", out.Path(), m)
		}
	}
	out.Mode = uint32(f.NewMode)
	if f.IsBinary && f.BinaryFragment == nil {
		return nil, fmt.Sprintf("%s is a binary file whose content the patch leaves out: make it with git format-patch --binary", out.Path())
	}
	if len(f.TextFragments) == 0 && !f.IsBinary && !f.IsNew && !f.IsDelete && !f.IsRename && !f.IsCopy && f.NewMode == 0 {
		return nil, fmt.Sprintf("%s is named, but nothing in it is changed", out.Path())
	}
	for _, h := range f.TextFragments {
		out.Added += int(h.LinesAdded)
		out.Removed += int(h.LinesDeleted)
	}
	return out, ""
}

// BadPath says why a path does not stay inside of a tree, or nothing.
func BadPath(p string) string {
	if strings.HasPrefix(p, "/") {
		return "is an absolute path"
	}
	if strings.ContainsFunc(p, unicode.IsControl) {
		return "holds control characters"
	}
	for e := range strings.SplitSeq(p, "/") {
		switch {
		case e == "..":
			return "leaves the tree"
		case e == "." || e == "":
			return "is no plain path"
		case strings.EqualFold(e, ".git"):
			return "lies in the repository's own data"
		}
	}
	return ""
}
