package toolchain

import (
	"context"
	"debug/elf"
	"fmt"
	"strings"
)

// linksScript makes, with each C compiler that is there, a program as a UML kernel of 32 bits is one: linked with the libc.
const linksScript = `
cd /tmp
printf '#include <stdio.h>\n#include <asm/unistd.h>\nint main(void){return puts("runs") < 0;}\n' > t.c
for cc in "gcc -m32" "clang --target=i386-linux-gnu"; do
	type ${cc%% *} > /dev/null 2>&1 || continue
	said=$($cc t.c -o t 2>&1) || { echo "$cc: $(echo "$said" | grep -m1 -E 'error|cannot|not found')"; continue; }
	said=$(./t 2>&1)
	[ "$said" = runs ] || { echo "machine: $said"; exit 1; } # of the machine, and so not remembered of the tools
done
exit 0
`

// CheckSubarch says whether t can build and boot kernels of a SUBARCH other than x86_64. The error is an *UnfitError
// where it lacks something; else the machine runs no 32-bit programs.
func (p *Provider) CheckSubarch(ctx context.Context, t *Toolchain, subarch string) error {
	said, failed, err := p.ask(ctx, t, []string{"subarch", subarch, linksScript}, "sh", "-c", linksScript)
	if err != nil {
		return err
	}
	if _, reason, ok := strings.Cut(failed, "machine: "); ok {
		return fmt.Errorf("this machine runs no 32-bit programs, as the kernel of SUBARCH=%s is one: %s; "+
			"boot a host kernel with CONFIG_IA32_EMULATION, without ia32_emulation=off", subarch, reason)
	}
	if failed != "" {
		return fmt.Errorf("toolchain %s: ask for SUBARCH=%s: %s", t.Name, subarch, failed)
	}
	var wrong []string
	for line := range strings.Lines(said) {
		if line = strings.TrimSpace(line); line != "" {
			wrong = append(wrong, fmt.Sprintf("for SUBARCH=%s it links no 32-bit program: %s", subarch, line))
		}
	}
	if f, err := elf.Open(t.Busybox); err != nil {
		return err
	} else if f.Close(); f.Class != elf.ELFCLASS32 {
		wrong = append(wrong, fmt.Sprintf("its busybox is a program of 64 bits, which a guest of SUBARCH=%s cannot run", subarch))
	}
	if len(wrong) > 0 {
		return fmt.Errorf("toolchain %s: %w", t.Name, t.unfit(t.Identity["rustc"], append(wrong,
			"a toolchain of Debian's packages gets what it needs by itself (configs/toolchains.toml)")...))
	}
	return nil
}
