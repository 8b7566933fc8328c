package scenario

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"umlab/harness/kconfig"
	"umlab/harness/usage"
)

// parse reads a scenario without the files that it refers to: Fragments then holds
// [kconfig] alone, and Patches bare names. file is what messages start with. What it
// returns has the scenario, with the file's own table, and what is wrong with it.
func parse(file string, data []byte) *validator {
	m := &mistakes{file: file}
	root := parseTOML(data, m)
	sum := sha256.Sum256(data)
	v := &validator{
		mistakes: m,
		file:     &table{value: root, name: "the file", m: m},
		s:        &Scenario{file: file, Digest: hex.EncodeToString(sum[:])},
	}
	v.run()
	return v
}

// Load reads the scenario of a name, or the file of a path, and with it the
// fragments and patches that it names, so that nothing is left to go wrong
// later. An unknown name is a *usage.Error that lists the scenarios; for the
// rest the error holds every *Mistake, sorted by place, one a line.
func (l Library) Load(name string) (*Scenario, error) {
	at, name, err := l.find(name)
	if err != nil {
		return nil, err
	}
	data, err := fs.ReadFile(at, name+".toml")
	if err != nil {
		return nil, fmt.Errorf("load scenario: %w", err)
	}
	configs, err := fs.Sub(l.Project, fragmentDir)
	if err != nil {
		return nil, err
	}
	dirs := []place{at, {configs, fragmentDir, false}}
	file := path.Join(at.name, name+".toml")
	v := parse(file, data)
	s, f, m := v.s, v.file, v.mistakes
	if at.own {
		s.OwnFile = file
	}
	if t := f.text("name"); t.set && t.value != name {
		m.add(t.pos, "name is %q: it must be that of the file, %q", t.value, name)
	}
	s.readFragments(dirs, f.texts("fragments"), m)
	s.readSteps(at, l.Project, v.programs, m)
	s.readOutOfTree(at, v.goal, m)
	for i, p := range s.Patches {
		s.Patches[i].File = path.Join(at.name, p.File)
		if s.Patches[i].Text, err = fs.ReadFile(at, p.File); err != nil {
			m.add(placeOf(f.texts("patches"), p.File), "patch %q is not beside the scenario: %v", p.File, errors.Unwrap(err))
		}
	}
	if err := m.err(); err != nil {
		return nil, err
	}
	return s, nil
}

// readFragments puts the named fragments before [kconfig]. One beside the
// scenario may not hide one of configs/.
func (s *Scenario) readFragments(dirs []place, named []text, m *mistakes) {
	var read []kconfig.Fragment
	for _, name := range s.FragmentNames {
		p := placeOf(named, name)
		var found []string
		var text []byte
		for _, dir := range dirs {
			data, err := fs.ReadFile(dir, name)
			if err == nil {
				found, text = append(found, path.Join(dir.name, name)), data
			} else if !errors.Is(err, fs.ErrNotExist) {
				m.add(p, "fragment %q: %v", name, err)
			}
		}
		switch len(found) {
		case 0:
			have, _ := fs.Glob(dirs[1], "*.config")
			m.add(p, "fragment %q is neither in %s nor beside the scenario: %s has %s%s",
				name, fragmentDir, fragmentDir, list(have), usage.Meant(name, have))
		case 1:
			f, err := kconfig.ParseFragment(found[0], text)
			if err != nil {
				m.more = append(m.more, err)
			}
			read = append(read, f)
		default:
			m.add(p, "fragment %q is both %s: rename one", name, strings.Join(found, " and "))
		}
	}
	s.Fragments = append(read, s.Fragments...)
}

func placeOf(ts []text, value string) pos {
	for _, t := range ts {
		if t.value == value {
			return t.pos
		}
	}
	return pos{}
}
