package toolchain

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"umlab/harness/pattern"
	"umlab/harness/sandbox"
	"umlab/harness/store"
)

const kindOffers = "rustc-options"

// offered is a line of rustc's help: "    -C      code-model=val -- …", "    -Z                    plt=val -- …".
var offered = pattern.New(`(?m)^\s+-([CZ])\s+([a-z][a-z0-9-]*)(?:=\S*)? -- `)

// RustOffers are the options that t's rustc has, with the letter that they take, as its help lists them: "plt" -> "-Z",
// "code-model" -> "-C".
func (t *Toolchain) RustOffers(ctx context.Context, st *store.Store, limits sandbox.Limits) (map[string]string, error) {
	key, offers := store.Key(kindOffers, "1", t.Digest), map[string]string{}
	if st.Get(kindOffers, key, &offers) {
		return offers, nil
	}
	var out, errs bytes.Buffer
	status, err := sandbox.Run(ctx, t.In(sandbox.Command{Args: []string{"sh", "-c", "rustc -Z help && rustc -C help"}, Dir: "/",
		Env: []string{"RUSTC_BOOTSTRAP=1"}, Stdout: &out, Stderr: &errs, Limits: limits}))
	if err == nil && !status.Success() {
		err = fmt.Errorf("%s: %s", status, strings.TrimSpace(errs.String()))
	}
	if err != nil {
		return nil, fmt.Errorf("which options has the rustc of toolchain %s: %w", t.Name, err)
	}
	for _, m := range offered.Regexp().FindAllStringSubmatch(out.String(), -1) {
		offers[m[2]] = "-" + m[1]
	}
	return offers, st.Put(kindOffers, key, offers)
}
