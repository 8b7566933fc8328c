package patch

import (
	"crypto/sha1" //nolint:gosec // git's own digest, an identity and no protection
	"encoding/hex"
	"hash"
	"strconv"
	"strings"
)

// patchID is what git patch-id --stable prints for the diff: the sum, file by
// file, of digests over the lines without their white space and line numbers.
// It is empty for a diff without "diff" lines. See get_one_patchid of git's
// builtin/patch-id.c.
func patchID(diff string) string {
	var (
		sum           [sha1.Size]byte
		h             = sha1.New()
		any           bool
		before, after = -1, -1
		binary        bool
		oids          [2]string
	)
	flush := func() {
		add(&sum, h)
		h.Reset()
	}
	for line := range strings.Lines(diff) {
		if strings.HasPrefix(line, `\ `) && len(line) > 12 {
			continue
		}
		if !any && !strings.HasPrefix(line, "diff ") {
			continue
		}
		if before == -1 {
			switch {
			case strings.HasPrefix(line, "GIT binary patch"), strings.HasPrefix(line, "Binary files"):
				binary, before = true, 0
				h.Write([]byte(oids[0]))
				h.Write([]byte(oids[1]))
				flush()
				continue
			case strings.HasPrefix(line, "index "):
				f := strings.Fields(strings.TrimPrefix(line, "index "))
				if len(f) > 0 {
					oids[0], oids[1], _ = strings.Cut(f[0], "..")
				}
				continue
			case strings.HasPrefix(line, "--- "):
				before, after = 1, 1
			case !isAlpha(line[0]):
				flush()
				return hex.EncodeToString(sum[:])
			}
		}
		if binary {
			if strings.HasPrefix(line, "diff ") {
				binary, before = false, -1
			}
			continue // git leaves this "diff" line out, too
		}
		if before == 0 && after == 0 {
			if strings.HasPrefix(line, "@@ -") {
				before, after = counts(line)
				continue
			}
			if !strings.HasPrefix(line, "diff ") {
				break
			}
			flush()
			before, after = -1, -1
		}
		if line[0] == '-' || line[0] == ' ' {
			before--
		}
		if line[0] == '+' || line[0] == ' ' {
			after--
		}
		any = true
		for _, c := range []byte(line) {
			if !strings.ContainsRune(" \t\n\v\f\r", rune(c)) {
				h.Write([]byte{c})
			}
		}
	}
	if !any {
		return ""
	}
	flush()
	return hex.EncodeToString(sum[:])
}

// add adds the digest to sum, byte by byte with carry.
func add(sum *[sha1.Size]byte, h hash.Hash) {
	carry := 0
	for i, b := range h.Sum(nil) {
		carry += int(sum[i]) + int(b)
		sum[i] = byte(carry)
		carry >>= 8
	}
}

func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// counts are the numbers of lines that a hunk takes and gives; none where line
// does not begin one.
func counts(line string) (before, after int) {
	f := hunkLine.FindStringSubmatch(line)
	if f == nil {
		return 0, 0
	}
	n := [2]int{1, 1}
	for i, s := range f[1:3] {
		if s != "" {
			n[i], _ = strconv.Atoi(s[:min(len(s), 9)])
		}
	}
	return n[0], n[1]
}
