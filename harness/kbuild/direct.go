package kbuild

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"umlab/harness/kmake"
	"umlab/harness/objtree"
	"umlab/harness/sandbox"
	"umlab/harness/scenario"
)

// directScript runs the three makefiles that the top Makefile ends in for a
// single module, without the seconds that it spends before.
// $1 the jobs of make, $2 directories separated by blanks, then the modules without .ko.
const directScript = `set -e
jobs=$1 dirs=$2; shift 2
rm -f -- $made
mk() { make -rR --no-print-directory -I "$srctree" "$jobs" -f "$@"; }
for dir in $dirs; do
	objects=
	for m in "$@"; do case $m in "$dir"/*) objects="$objects $m.o";; esac; done
	mk "$srctree/scripts/Makefile.build" obj="$dir" need-builtin= need-modorder=1 single-build=1 $objects
done
for m in "$@"; do echo "$m.o"; done > .modules.tmp
mk "$srctree/scripts/Makefile.modpost"
mk "$srctree/scripts/Makefile.modfinal"
`

// rustModule is the variable with the options of rustc for modules alone.
const rustModule = "RUSTFLAGS_MODULE"

// direct reports whether the variant has nothing but options of rustc for modules.
func (r Request) direct() bool {
	return !slices.ContainsFunc(r.Cell.MakeVars(), func(v scenario.MakeVar) bool { return v.Name != rustModule }) &&
		len(r.Cell.Variant.Of(scenario.OfMake)) == 0
}

// differsError says that the direct way gave another command than the top
// Makefile would have.
type differsError struct{ object, got, want string }

func (e *differsError) Error() string {
	return fmt.Sprintf("%s was made by another command than the top Makefile's:\n got  %s\n want %s", e.object, e.got, e.want)
}

// makeDirect builds the modules of r below Kbuild's top. It proves per object
// that nothing but the variant's flags is different from the baseline, which
// the top Makefile built: its saved command, with the flags taken out, must be
// the baseline's.
func (b *Builder) makeDirect(ctx context.Context, bl *Baseline, r Request, overlay sandbox.Overlay, out *kmake.Log) error {
	want, err := savedCommands(r, bl.made())
	if err != nil {
		return err
	}
	var again []string
	if r.again() {
		if again, err = bl.filesOf(r); err != nil {
			return err
		}
	}
	err = b.Run(ctx, kmake.Job{
		What: r.name(), Base: bl.Base, Overlays: []sandbox.Overlay{overlay}, Log: out, Dir: buildDir,
		Env:  append(inTree(bl.Env, want), "made="+strings.Join(again, " "), rustModule+"="+strings.Join(r.Cell.Variant.Flags(), " ")),
		Args: directArgs(r, b.jobs(r)),
	})
	if err != nil {
		return err
	}
	got, err := savedCommands(r, objtree.Dir{Upper: overlay.Upper, Lower: bl.Build()})
	if err != nil {
		return err
	}
	for _, o := range slices.Sorted(maps.Keys(got)) {
		if without(got[o], r.Cell.Variant.Flags()) != without(want[o], r.Cell.Variant.Flags()) {
			return &differsError{o, got[o], want[o]}
		}
	}
	return nil
}

// directArgs is the command that builds the modules of r below Kbuild's top; jobs is "-j3".
func directArgs(r Request, jobs string) []string {
	var dirs, modules []string
	for _, m := range r.targets() {
		if d := path.Dir(m); !slices.Contains(dirs, d) {
			dirs = append(dirs, d)
		}
		modules = append(modules, strings.TrimSuffix(m, ".ko"))
	}
	return append([]string{"sh", "-c", directScript, "sh", jobs, strings.Join(dirs, " ")}, modules...)
}

// savedCommands are the commands that made the objects of r's modules.
func savedCommands(r Request, in objtree.Dir) (map[string]string, error) {
	commands := map[string]string{}
	for _, target := range r.targets() {
		objects, err := in.Objects(target)
		if err != nil {
			return nil, err
		}
		for _, o := range objects {
			if commands[o], err = in.Command(o); err != nil {
				return nil, err
			}
		}
	}
	return commands, nil
}

// inTree is the environment env for recipes of the tree itself. It was taken
// from those of an external module, and from 6.13 on they differ: such a module
// runs elsewhere and names the build directory by its path, and its sources are
// not mapped to relative names. What maps the tree's is read from commands, which
// the top Makefile gave.
func inTree(env []string, commands map[string]string) []string {
	mapping := map[string]string{} // variable -> the options that it lacks
	for variable, prefixes := range map[string][]string{
		"KBUILD_CPPFLAGS":  {"-fmacro-prefix-map="},
		"KBUILD_RUSTFLAGS": {"--remap-path-prefix=", "--remap-path-scope="},
	} {
		for _, o := range slices.Sorted(maps.Keys(commands)) {
			for word := range strings.FieldsSeq(commands[o]) {
				of := func(prefix string) bool { return strings.HasPrefix(word, prefix) }
				if slices.ContainsFunc(prefixes, of) && !strings.Contains(mapping[variable], word) {
					mapping[variable] += " " + word
				}
			}
		}
	}
	out := slices.Clone(env)
	for i, kv := range out {
		name, value, ok := strings.Cut(kv, "=")
		if !ok {
			continue
		}
		value = strings.ReplaceAll(value, buildDir+"/", "./")
		for word := range strings.FieldsSeq(mapping[name]) {
			if !strings.Contains(value, word) {
				value += " " + word
			}
		}
		out[i] = name + "=" + value
	}
	return out
}

// hookDir is where the external module lies that takes the environment.
const hookDir = "/tmp/umlab-hook"

// captureEnv returns the environment that the top Makefile of a tree exports to
// the recipes of a module. An external module whose Kbuild file asks for it is
// the kernel's own, documented way in.
func (m *making) captureEnv(ctx context.Context) ([]string, error) {
	var said bytes.Buffer
	if err := m.hook(ctx, &said); err != nil {
		return nil, fmt.Errorf("%w: %s", err, strings.TrimSpace(said.String()))
	}
	return m.hooked()
}

// hook has the top Makefile build that module.
func (m *making) hook(ctx context.Context, said *bytes.Buffer) error {
	script := `mkdir ` + hookDir + ` && echo '$(shell env -0 > ` + buildDir + `/.umlab.env)' > ` + hookDir + `/Kbuild && "$@"`
	j := m.job("take the environment of a module", said, "M="+hookDir, "modules")
	j.Args = append([]string{"sh", "-c", script, "sh"}, j.Args...)
	return m.Run(ctx, j)
}

// hooked is what it left.
func (m *making) hooked() ([]string, error) {
	raw, err := objtree.Read(m.build, ".umlab.env")
	if err != nil {
		return nil, err
	}
	return recipeEnv(string(raw))
}

// recipeEnv makes the environment of an in-tree module's recipes out of the one
// that was taken from an external module's.
func recipeEnv(raw string) ([]string, error) {
	var env []string
	for _, kv := range strings.Split(strings.TrimRight(raw, "\x00"), "\x00") {
		name, value, ok := strings.Cut(kv, "=")
		if !ok {
			return nil, fmt.Errorf("%.40q is no NAME=value", kv)
		}
		switch {
		case name == "MAKEFLAGS", name == "MAKELEVEL", name == "MFLAGS", name == "MAKEOVERRIDES", // of that make
			name == "M", strings.HasPrefix(name, "KBUILD_EXTMOD"), name == "extmod_prefix", // of that module
			name == "MODORDER", name == "MODULES_NSDEPS",
			name == "srctree", name == "srcroot", name == "objtree", name == "VPATH", name == "building_out_of_srctree",
			name == "RUSTFLAGS_MODULE", name == "PWD", name == "OLDPWD", name == "_":
			continue
		}
		if strings.Contains(value, hookDir) {
			return nil, fmt.Errorf("%s=%.60s speaks of the module that it was taken with", name, value)
		}
		env = append(env, kv)
	}
	return append(env, "srctree="+srcDir, "srcroot="+srcDir, "objtree=.", "VPATH="+srcDir, "building_out_of_srctree=1",
		"MODORDER=.modules.tmp"), nil
}
