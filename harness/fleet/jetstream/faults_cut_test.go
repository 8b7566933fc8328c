package jetstream

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"umlab/harness/fleet"
)

// proxy stands between a worker and its server, and can let nothing through while all connections stay.
type proxy struct {
	listener net.Listener
	to       string
	mu       sync.RWMutex // held for writing while nothing goes through
}

func newProxy(t *testing.T, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	p := &proxy{listener: l, to: strings.TrimPrefix(to, "nats://")}
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", p.to)
			if err != nil {
				_ = in.Close()
				continue
			}
			go p.copy(in, out)
			go p.copy(out, in)
		}
	}()
	return p
}

func (p *proxy) copy(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		p.mu.RLock()
		_, failed := to.Write(b[:n])
		p.mu.RUnlock()
		if err != nil || failed != nil {
			return
		}
	}
}

// TestCut cuts the network between one worker and the rest for longer than its tasks are kept for it. Others do them; what it then says
// itself is compared, and as it says something else, that is news. What stood stays.
func TestCut(t *testing.T) {
	f := newFleet(t, 1)
	const n = 80
	between := newProxy(t, f.urls[0])
	cut := f.work(func(p *part) {
		p.URL, p.Differs, p.Takes = "nats://"+between.listener.Addr().String(), true, 2*time.Second
	})
	p := f.plan(n)
	until(t, "it has two tasks", func() bool {
		w, err := f.q.Workers(t.Context())
		return err == nil && len(w) == 1 && len(w[0].Doing) == 2 && w[0].Done > 0
	})
	between.mu.Lock()
	t0 := time.Now()
	f.work(nil)
	f.deaths++ // of two tasks
	<-p.done
	took := time.Since(t0)
	between.mu.Unlock()
	said := func() string {
		text, _ := os.ReadFile(filepath.Join(f.part.Dir, "said"))
		return string(text)
	}
	zombies := func() int { return strings.Count(said(), cut+": cell") }
	until(t, "it answers late", func() bool { return zombies() > 0 && strings.Contains(said(), cut+": queue at") })
	before := map[string]fleet.Answer{}
	for k, a := range p.got {
		before[k] = a
	}
	f.check(n, p)
	news, err := f.q.News(t.Context())
	if err != nil || len(news) != zombies() {
		t.Errorf("news %+v of %d late answers, %v", news, zombies(), err)
	}
	for _, n := range news {
		a, err := f.q.Answer(t.Context(), n.Key)
		if err != nil || a.Verdict != before[n.Key].Verdict || a.Worker == cut || n.First.Worker != a.Worker || n.Late.Worker != cut {
			t.Errorf("%+v stands, news %+v, %v", a, n, err)
		}
	}
	t.Logf("cut for %s, %d late answers", took.Round(time.Second), zombies())
}
