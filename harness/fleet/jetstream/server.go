package jetstream

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"umlab/harness/store"
)

// localPayload is how many bytes a message of the server in this process may have; nats-server's own default is 1 MiB.
const localPayload = 8 << 20

// serve starts a server in this process: without a port, its files in the store, each message on the disk before it is acknowledged.
// One process at a time has it.
func serve(ctx context.Context, st *store.Store, say func(string)) (s *server.Server, stop func(), err error) {
	unlock, err := st.Lock(ctx, "queue")
	if err != nil {
		return nil, nil, err
	}
	s, err = server.NewServer(&server.Options{
		ServerName: "umlab",
		DontListen: true,
		NoSigs:     true,
		JetStream:  true,
		StoreDir:   filepath.Join(st.Root(), "queue"),
		SyncAlways: true,
		MaxPayload: localPayload,
	})
	if err != nil {
		unlock()
		return nil, nil, fmt.Errorf("queue in this process: %w", err)
	}
	log := &lastError{say: say}
	s.SetLoggerV2(log, false, false, false)
	s.Start()
	stop = func() {
		s.Shutdown()
		s.WaitForShutdown()
		unlock()
	}
	const most = 30 * time.Second // it reads what is there
	if !s.ReadyForConnections(most) || !s.JetStreamEnabled() {
		stop()
		return nil, nil, fmt.Errorf("queue in this process: its server does not start: %s", log.last)
	}
	return s, stop, nil
}

// lastError is the log of a server, of which only its errors are for the user.
type lastError struct {
	say  func(string)
	last string
}

func (*lastError) Noticef(string, ...any) {}
func (*lastError) Warnf(string, ...any)   {}
func (*lastError) Debugf(string, ...any)  {}
func (*lastError) Tracef(string, ...any)  {}

func (l *lastError) Errorf(format string, args ...any) {
	l.last = fmt.Sprintf(format, args...)
	l.say("queue in this process: " + l.last)
}

func (l *lastError) Fatalf(format string, args ...any) { l.Errorf(format, args...) }
