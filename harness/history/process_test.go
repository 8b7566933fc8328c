package history

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"umlab/harness/store"
)

// victim starts a process that records results; see TestVictim.
func victim(t *testing.T, root string, name string, results int) (*exec.Cmd, io.Reader) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestVictim$", "-test.v")
	cmd.Env = append(os.Environ(), "UMLAB_TEST_VICTIM="+root, "UMLAB_TEST_NAME="+name, "UMLAB_TEST_RESULTS="+strconv.Itoa(results))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, out
}

// TestVictim is not a test: it is the process that others start and kill. Every
// result has three cells; every third is what all victims record.
func TestVictim(t *testing.T) {
	root := os.Getenv("UMLAB_TEST_VICTIM")
	if root == "" {
		t.Skip("runs as a child of other tests")
	}
	results, err := strconv.Atoi(os.Getenv("UMLAB_TEST_RESULTS"))
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	for i := range results {
		name := os.Getenv("UMLAB_TEST_NAME")
		if i%3 == 0 {
			name = "shared"
		}
		h, err := Open(t.Context(), st) // each time, as each umlab does
		if err != nil {
			t.Fatal(err)
		}
		record1(t, h, made(t, name, fmt.Sprint("1.", i), time.Duration(i)*time.Hour, "a low=ok", "b low=unk9", "c low=ok high=ovf11"))
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		fmt.Println("recorded")
	}
}

// Processes that make the database and write to it at once lose nothing and
// enter nothing twice.
func TestProcessesAtOnce(t *testing.T) {
	const processes, results = 4, 30
	st := emptyStore(t)
	root := strings.TrimSuffix(st.Root(), "/v1")
	var copying sync.WaitGroup
	var running []*exec.Cmd
	var outputs []*bytes.Buffer
	for i := range processes {
		cmd, out := victim(t, root, fmt.Sprint("p", i), results)
		b := &bytes.Buffer{}
		outputs = append(outputs, b)
		copying.Go(func() { _, _ = io.Copy(b, out) }) // ends with the process
		running = append(running, cmd)
	}
	for i, cmd := range running {
		state, err := cmd.Process.Wait()
		copying.Wait()
		if err != nil || !state.Success() {
			t.Errorf("process %d: %v, %v\n%s", i, state, err, outputs[i])
		}
	}
	list, err := opened(t, st).load(t.Context(), Filter{})
	if err != nil {
		t.Fatal(err)
	}
	if want := results/3 + processes*(results-results/3); len(list) != want {
		t.Errorf("%d results, want %d", len(list), want)
	}
	for _, r := range list {
		if len(r.cells) != 3 || len(r.at) != 1 {
			t.Errorf("%s: %d cells, %d sightings", r.point.Toolchain.Toolchain, len(r.cells), len(r.at))
		}
	}
}

// TestKill injects the fault that a history promises to survive: a process that
// records is killed with SIGKILL wherever it happens to be. What it said that it
// recorded is there, whole, and nothing is there in part.
func TestKill(t *testing.T) {
	st := emptyStore(t)
	root := strings.TrimSuffix(st.Root(), "/v1")
	for round := range 8 {
		cmd, out := victim(t, root, fmt.Sprint("round", round), 10_000)
		said := 0
		for lines := bufio.NewScanner(out); said < 1+round*2 && lines.Scan(); {
			if lines.Text() == "recorded" {
				said++
			}
		}
		if said == 0 {
			t.Fatal("the victim recorded nothing")
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // killed
		h, err := Open(t.Context(), st)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		var check string
		if err := h.db.QueryRow("PRAGMA integrity_check").Scan(&check); err != nil || check != "ok" {
			t.Errorf("round %d: %s, %v", round, check, err)
		}
		list, err := h.load(t.Context(), Filter{Toolchain: []string{"shared", fmt.Sprint("round", round)}})
		if err != nil {
			t.Fatal(err)
		}
		if len(list) < said {
			t.Errorf("round %d: said that it recorded %d, and %d are there", round, said, len(list))
		}
		for _, r := range list {
			if len(r.cells) != 3 {
				t.Errorf("round %d: a result with %d of its 3 cells", round, len(r.cells))
			}
		}
		if n, err := h.Export(t.Context(), io.Discard, Filter{}, false); err != nil || n < said {
			t.Errorf("round %d: exported %d, %v", round, n, err)
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}
}
