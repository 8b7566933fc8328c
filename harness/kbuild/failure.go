package kbuild

import (
	"errors"
	"fmt"
	"path/filepath"

	"umlab/harness/kmake"
	"umlab/harness/scenario"
)

const kindFailure = "failure"

// failure is a baseline that cannot be built: the same inputs fail again.
type failure struct {
	On     bool              `json:"on,omitempty"` // it went on from another
	Build  *kmake.BuildError `json:"build,omitempty"`
	Config *ConfigError      `json:"config,omitempty"`
}

// failed tells whether err is the source's fault, so that the same inputs fail again.
func failed(err error) bool {
	var f failure
	return errors.As(err, &f.Build) || errors.As(err, &f.Config)
}

// noteFailure keeps an error of the source, for failedBefore. It returns err.
func (b *Builder) noteFailure(base kmake.Base, on bool, err error) error {
	err = base.Told(scenario.Cell{}, err)
	f := failure{On: on}
	if !errors.As(err, &f.Build) && !errors.As(err, &f.Config) {
		return err
	}
	return errors.Join(err, b.Store.Put(kindFailure, baseKey(base), f))
}

// failedBefore returns what building base failed with before; nil where it did not, or where its log is gone.
func (b *Builder) failedBefore(base kmake.Base) error {
	var f failure
	if !b.Store.Get(kindFailure, baseKey(base), &f) || f.On && b.FromNothing {
		return nil
	}
	b.Sink.Note(fmt.Sprintf("%s failed before with the same inputs: it was not built again", base.Tree.Name))
	if f.Config != nil {
		for i, d := range f.Config.Dropped { // which may be asked for elsewhere now
			for _, o := range base.Options {
				if o.Name == d.Option.Name {
					f.Config.Dropped[i].Option = o
				}
			}
		}
		return f.Config
	}
	var ok bool
	if f.Build.Log, ok = b.Store.Kept(filepath.Base(f.Build.Log)); !ok {
		return nil
	}
	return base.Told(scenario.Cell{}, f.Build)
}
