package jetstream

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"umlab/harness/fleet"
)

// The configuration for a server of one's own is one that nats-server takes, and a queue works there for who has the password.
func TestServerConfig(t *testing.T) {
	t.Setenv("UMLAB_QUEUE_DIR", t.TempDir())
	t.Setenv("UMLAB_QUEUE_PASSWORD", "secret")
	o, err := server.ProcessConfigFile("../../../configs/fleet/nats-server.conf")
	if err != nil {
		t.Fatal(err)
	}
	if !o.SyncAlways || !o.JetStream {
		t.Errorf("what is answered is not on disk before it is told: %v, %v", o.SyncAlways, o.JetStream)
	}
	o.Host, o.Port, o.NoSigs, o.NoLog = "127.0.0.1", server.RANDOM_PORT, true, true
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("it does not start")
	}
	at := s.Addr().String()
	if q, err := Open(t.Context(), Options{Where: "nats://umlab:other@" + at}); err == nil {
		q.Close()
		t.Error("another password is taken")
	}
	q, err := Open(t.Context(), Options{Where: "nats://umlab:secret@" + at})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	large := make([]byte, 4<<20)
	for i := range large {
		large[i] = byte(i * i >> 7)
	}
	queued, err := q.Ask(t.Context(), fleet.Task{Key: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", Capability: "any", Version: "1", Body: large})
	if !queued || err != nil {
		t.Errorf("a task of 4 MB: %v, %v", queued, err)
	}
}
