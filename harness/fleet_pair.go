package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"

	"umlab/harness/fleet"
	"umlab/harness/plan"
	"umlab/harness/store"
)

// pairs has plans run before and after a change, each whole by one worker: what comes after is built on what was before.
func (p *planner) pairs(ctx context.Context, plans []*plan.Plan, c change) ([]*pair, error) {
	l, list, at := p.lab, make([]*pair, len(plans)), map[string]int{}
	var tasks, bodies []fleet.Task
	for i, one := range plans {
		a, err := l.ask(ctx, l.sources, one, p.once)
		if err != nil {
			return nil, err
		}
		e := a.errand
		e.Range, e.Patches, e.First = c.Range, c.patches, i == 0
		t := fleet.Task{Kind: kindPair, Name: fmt.Sprintf("verification of %s with %s", one.Flags.Tree, one.Flags.Toolchain), Capability: a.need,
			Version: a.version, Weight: 2 * kernelSeconds}
		if t.Body, err = json.Marshal(e); err != nil {
			return nil, err
		}
		t.Key = store.Key(kindPair, a.version, string(t.Body))
		bodies, at[t.Key] = append(bodies, t), i
		t.Body = nil
		tasks = append(tasks, t)
	}
	whole := func(t fleet.Task) fleet.Task { return bodies[at[t.Key]] }
	err := p.do(ctx, tasks, whole, func(a fleet.Answer) error {
		i := at[a.Key]
		if a.Infra != "" {
			return fmt.Errorf("%s: %s", bodies[i].Name, a.Infra)
		}
		r, err := open(ctx, l, a)
		if err != nil {
			return err
		}
		if r.Failed != nil {
			return r.Failed.err()
		}
		list[i] = r.Pair
		for _, one := range r.all() {
			one.Command, one.Notes = plans[i].Flags.Command, append(slices.Clone(plans[i].Notes), one.Notes...)
			l.remember(one)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if list[0].TestedBy == "" {
		list[0].TestedBy = l.identityHere(ctx)
	}
	return list, nil
}

// identityHere is the user's, as the git of this machine knows it: there may be no toolchain here. See identity.
func (l *Lab) identityHere(ctx context.Context) string {
	return l.identify(func(file, key string) string {
		c := exec.CommandContext(ctx, "git", "config", "--file", file, "--get", key)
		said, err := c.Output()
		if err != nil {
			return ""
		}
		return string(bytes.TrimSpace(said))
	})
}
