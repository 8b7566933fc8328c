package runner

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"umlab/harness/console"
	"umlab/harness/kbuild"
	"umlab/harness/outcome"
	"umlab/harness/progress"
	"umlab/harness/result"
	"umlab/harness/scenario"
	"umlab/harness/store"
	"umlab/harness/uml"
)

// stepper is a Booter whose steps do what their commands say, and where the module
// named fatal brings the machine down.
type stepper struct{ boots []uml.Spec }

const oopsLine = "BUG: unable to handle page fault for address: 0000000000000008"

func (g *stepper) Boot(_ context.Context, b uml.Spec) (*uml.Result, error) {
	g.boots = append(g.boots, b)
	commands := map[string]string{}
	for _, f := range b.Finds.Files {
		commands[f.Path] = strings.TrimSpace(string(f.Data))
	}
	const token = ".0123456789abcdef"
	text, log, step := "Linux version 9.9 x\n\numlab: ready\n", "<5>Linux version 9.9 x\n", 0
	begin := func(what string) { step++; text += fmt.Sprintf("\numlab[%d%s]: begin %s\n", step, token, what) }
	end := func(what string, status int) {
		text += fmt.Sprintf("\numlab[%d%s]: end %s status=%d\n", step, token, what, status)
	}
	for _, m := range b.Modules {
		begin("insmod " + m.Name)
		if m.Name == "fatal" {
			text += "Kernel panic - not syncing: Kernel mode fault at addr 0x8, ip 0x60000000\n"
			return &uml.Result{Transcript: []byte(text), End: console.End{Kind: console.Panicked}, Command: "linux"}, nil
		}
		text += m.Name + ": hello\n"
		log += "<6>" + m.Name + ": hello\n"
		end("insmod "+m.Name, 0)
		begin("modules " + m.Name)
		text += m.Name + " 4096 0 - Live 0x0000000064804000\n"
		end("modules "+m.Name, 0)
		begin("rmmod " + m.Name)
		end("rmmod "+m.Name, 0)
	}
taking:
	for _, s := range b.Steps {
		begin("step " + s.Name)
		switch command := commands[s.File]; {
		case command == "echo oops":
			text += oopsLine + "\n"
		case command == "oops":
			text, log = text+oopsLine+"\n", log+"<1>"+oopsLine+"\n"
		case command == "fail":
			end("step "+s.Name, 3)
			continue
		case strings.HasPrefix(command, "insmod "):
			text += "b: hello\nb 4096 0 - Live 0x0000000064804000\n"
		}
		end("step "+s.Name, 0)
		if strings.Contains(commands[s.File], "oops") && !s.Talks {
			break taking
		}
	}
	begin("log")
	text += log
	end("log", 0)
	begin("halt")
	return &uml.Result{Transcript: []byte(text), End: console.End{Kind: console.Halted}, Command: "linux"}, nil
}

// takeSteps runs steps, NAME=COMMAND, behind modules.
func takeSteps(t *testing.T, st *store.Store, modules []string, steps ...string) (*stepper, result.Run) {
	t.Helper()
	once := low
	once.Repeat = 1
	c := scenario.Cell{Variant: scenario.Variant{ID: scenario.Stock}, Placements: []scenario.Placement{once}}
	for _, name := range modules {
		c.Modules = append(c.Modules, scenario.Module{Name: name, Path: "m/" + name + ".ko"})
	}
	for _, s := range steps {
		name, command, _ := strings.Cut(s, "=")
		step := scenario.Step{Name: name, Kind: scenario.StepRun, Shell: command}
		switch command {
		case "boot":
			step = scenario.Step{Name: name, Kind: scenario.StepBoot, Within: time.Minute}
		case "insmod b":
			step = scenario.Step{Name: name, Kind: scenario.StepInsmod, Module: "b"}
		}
		c.Steps = append(c.Steps, step)
	}
	g := &stepper{}
	r := &Runner{Builder: built{}, Booter: g, Guest: "guest", Store: st, Sink: progress.Discard{}, Jobs: 1}
	cells, err := r.Run(t.Context(), Job{Baseline: &kbuild.Baseline{}, Cells: []scenario.Cell{c}})
	if err != nil {
		t.Fatal(err)
	}
	run := cells[0].Placements[0].Runs[0]
	for _, m := range run.Items() {
		if m.Outcome.Kind == outcome.Infra {
			t.Errorf("%s: %+v", m.Name, m.Outcome)
		}
	}
	return g, run
}

func seenSteps(run result.Run) string {
	var all []string
	for _, m := range run.Modules {
		all = append(all, m.Name+" "+m.Outcome.String())
	}
	for _, s := range run.Steps {
		what := s.NotRun
		if s.Outcome != nil {
			what = s.Outcome.String()
		}
		all = append(all, s.Name+" "+what)
	}
	return strings.Join(all, ", ")
}

func TestTakeSteps(t *testing.T) {
	for _, tt := range []struct {
		name    string
		modules []string
		steps   []string
		want    string
		boots   int // a run in which a guest does not end as it was asked to is made twice
	}{
		{"one boot", nil, []string{"a=x", "b=fail", "c=x"}, "a passed, b failed status 3, c passed", 1},
		{"behind modules", []string{"m"}, []string{"a=x"}, "m loaded, a passed", 1},
		{"a module that a step loads is not tried", []string{"m", "b"}, []string{"in=insmod b"}, "m loaded, in passed", 1},
		{"a module brings the machine down", []string{"fatal", "m"}, []string{"a=x"}, "fatal oops, m loaded, a passed", 4},
		{"the last module does", []string{"m", "fatal"}, []string{"up=boot", "a=x"}, "m loaded, fatal oops, up passed, a passed", 4},
		{"none behind an oops", nil, []string{"a=oops", "b=x", "up=boot"}, "a oops, b after oops in a, up passed", 1},
		{"a process prints an oops", nil, []string{"a=echo oops", "b=echo oops", "c=x"}, "a passed, b passed, c passed", 3},
		{"the last one prints an oops", nil, []string{"a=x", "b=echo oops"}, "a passed, b passed", 1},
		{"the boot alone", nil, []string{"up=boot"}, "up passed", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			st := openStore(t)
			g, run := takeSteps(t, st, tt.modules, tt.steps...)
			if got := seenSteps(run); got != tt.want || len(g.boots) != tt.boots {
				t.Errorf("%s in %d boots, want %s in %d", got, len(g.boots), tt.want, tt.boots)
			}
			if g, again := takeSteps(t, st, tt.modules, tt.steps...); !again.Cached || len(g.boots) > 0 || seenSteps(again) != tt.want {
				t.Errorf("again: cached %v, %d boots, %s", again.Cached, len(g.boots), seenSteps(again))
			}
		})
	}
}

// What a step does and wants is part of the question.
func TestStepsAreTheQuestion(t *testing.T) {
	st := openStore(t)
	takeSteps(t, st, []string{"m"}, "a=x")
	for _, other := range [][]string{{"a=y"}, {"b=x"}, {"a=x", "b=x"}, {"a=boot"}, nil} {
		if g, run := takeSteps(t, st, []string{"m"}, other...); run.Cached || len(g.boots) != 1 {
			t.Errorf("%v: cached", other)
		}
	}
}
