package harness_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/rhysd/actionlint"
)

const fleetDir = "../configs/fleet"

// The units of a worker and of a server are ones that systemd takes, and what they start exists.
func TestFleetUnits(t *testing.T) {
	worker, queue := read(t, "umlab-worker.service"), read(t, "umlab-queue.service")
	callsTargets(t, "the worker's service", worker("Service", "ExecStart"), "worker")
	_, made, _ := strings.Cut(worker("Service", "ExecStartPre"), "go build -o ")
	dir, programs, _ := strings.Cut(made, " ")
	if dir != "%t/"+worker("Service", "RuntimeDirectory")+"/" || !strings.Contains(worker("Service", "ExecStart"), dir+"umlab ") {
		t.Errorf("ExecStartPre compiles into %s, which is not RuntimeDirectory, or ExecStart starts nothing of it", dir)
	}
	if want := []string{"./harness/umlab", "./harness/umlab-fleet"}; !slices.Equal(strings.Fields(programs), want) {
		t.Errorf("ExecStartPre compiles %s, want %v: umlab starts what lies beside it", programs, want)
	}
	for p := range strings.FieldsSeq(programs) {
		if _, err := os.Stat(filepath.Join("..", p)); err != nil {
			t.Error(err)
		}
	}
	_, config, _ := strings.Cut(queue("Service", "ExecStart"), " -c %h/umlab/")
	if _, err := os.Stat(filepath.Join("..", config)); err != nil || config == "" {
		t.Errorf("the queue's configuration: %q, %v", config, err)
	}
	if want := "UMLAB_QUEUE_DIR=%S/" + queue("Service", "StateDirectory"); !strings.Contains(queue("Service", "Environment"), want) {
		t.Errorf("the queue has no %s", want)
	}
}

// server is the version of nats-server that umlab is compiled and tested with: 2.15.
func server(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`github.com/nats-io/nats-server/v2 v(\d+\.\d+)\.`).FindSubmatch(text)
	if m == nil {
		t.Fatal("go.mod has no nats-server")
	}
	return string(m[1])
}

// The compose file is one that docker compose takes. It starts what is pinned, with what its configuration asks for.
func TestCompose(t *testing.T) {
	file := filepath.Join(fleetDir, "compose.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	load := func(env map[string]string, text string) (*types.Project, error) {
		return loader.LoadWithContext(t.Context(), types.ConfigDetails{WorkingDir: fleetDir, Environment: maps.Clone(env),
			ConfigFiles: []types.ConfigFile{{Filename: file, Content: []byte(text)}}})
	}
	env := map[string]string{"UMLAB_QUEUE_PASSWORD": "secret", "UMLAB_TLS": "/tls"}
	p, err := load(env, string(text))
	if err != nil {
		t.Fatal(err)
	}
	for name := range env {
		without := maps.Clone(env)
		delete(without, name)
		if _, err := load(without, string(text)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
	if _, err := load(env, strings.Replace(string(text), "restart:", "restarts:", 1)); err == nil {
		t.Error("an option that does not exist is taken")
	}
	pinned := regexp.MustCompile(`^[a-z]+:\d+\.\d+\.\d+(-alpine)?$`)
	for _, s := range p.Services {
		if !pinned.MatchString(s.Image) {
			t.Errorf("%s is not pinned by its version", s.Image)
		}
		for _, v := range s.Volumes {
			if v.Type == types.VolumeTypeBind && v.Source != "/tls" {
				if _, err := os.Stat(v.Source); err != nil {
					t.Errorf("%s mounts %v", s.Name, err)
				}
			}
		}
	}
	queue := p.Services["queue"]
	if want := "nats:" + server(t) + "."; !strings.HasPrefix(queue.Image, want) {
		t.Errorf("the queue is %s, and what is tested is %s", queue.Image, want)
	}
	config, err := os.ReadFile(filepath.Join(fleetDir, "nats-server.conf"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^[^#\n]*\$(\w+)`).FindAllStringSubmatch(string(config), -1) {
		if v := queue.Environment[m[1]]; v == nil || *v == "" {
			t.Errorf("nats-server.conf asks for $%s, which the compose file does not set", m[1])
		}
	}
}

// In the workflow of two jobs, the second has what it needs of the first, and cannot write to the cache.
func TestSharedWorkflow(t *testing.T) {
	w, scripts := workflow(t, "../.github/workflows/shared.yml")
	called := []string{"matrix", "zoo"}
	for _, name := range called {
		if n := strings.Count(scripts, `/umlab" `+name+" "); n != 1 {
			t.Errorf("the workflow calls %s %d times", name, n)
		}
	}
	for job, want := range map[string]string{"baseline": "write", "zoo": "read"} {
		if got := w.Jobs[job].Permissions.Scopes["packages"].Value.Value; got != want {
			t.Errorf("%s may %s packages, want %s", job, got, want)
		}
	}
	if n := w.Jobs["zoo"].Needs; len(n) != 1 || n[0].Value != "baseline" {
		t.Errorf("zoo needs %v", n)
	}
	for _, s := range w.Jobs["zoo"].Steps {
		e, ok := s.Exec.(*actionlint.ExecRun)
		if s.Env != nil {
			for name, v := range s.Env.Vars {
				if strings.Contains(v.Value.Value, "UMLAB_CACHE_KEY") {
					t.Errorf("the second job has the key, as %s", name)
				}
			}
		}
		if ok && strings.Contains(e.Run.Value, "UMLAB_CACHE_KEY") {
			t.Error("the second job has the key")
		}
	}
}
