package harness

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"umlab/harness/kconfig"
)

// TestConfiguredIsTheSame asks Kconfig in the ways that remember and from nothing, and wants the same .config.
func TestConfiguredIsTheSame(t *testing.T) {
	l := longLab(t)
	for _, name := range []string{"debian-6.12", "debian-7.3"} { // clang, gcc
		for _, toolchain := range []string{"trixie", "trixie-backports"} {
			t.Run(name+" "+toolchain, func(t *testing.T) {
				base := baseOf(t, l, name, toolchain, nil)
				alone := *l.builder
				alone.FromNothing = true
				whole := base.Options
				var all []string
				for i, without := range []string{"", "CONFIG_RUST", "CONFIG_MODULES", "CONFIG_64BIT", "CONFIG_EXPERT"} {
					// As nobody asked before.
					of := kconfig.Option{Name: "CONFIG_DEFAULT_HOSTNAME", Value: fmt.Sprintf(`"t%d-%d"`, i, time.Now().UnixNano())}
					base.Options = append(slices.DeleteFunc(slices.Clone(whole), func(o kconfig.Option) bool { return o.Name == without }), of)
					got, err := l.builder.Configure(t.Context(), base)
					if err != nil {
						t.Fatal(err)
					}
					want, err := alone.Configure(t.Context(), base)
					if err != nil {
						t.Fatal(err)
					}
					if got.Canonical() != want.Canonical() || got.Get(of.Name) != of.Value {
						t.Errorf("without %s:\n%s\nfrom nothing:\n%s", without, got.Canonical(), want.Canonical())
					}
					all = append(all, want.Digest())
				}
				if slices.Sort(all); len(slices.Compact(all)) < 5 {
					t.Errorf("%d requests came to %d configurations", 5, len(slices.Compact(all)))
				}
			})
		}
	}
}
