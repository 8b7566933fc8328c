package jetstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"umlab/harness/fleet"
	"umlab/harness/store"
)

// Local is the name of the queue in this process.
const Local = "local"

// Options are where the queue is, and how one gets in.
type Options struct {
	Where string       // Local, or URLs of nats-server: nats://, tls://, ws:// or wss://, with commas between
	Store *store.Store // for Local: where its files lie
	Creds string       // file with the credentials of a user, as nsc writes it
	CA    string       // file with the certificates that the server's is signed with; empty: the machine's
	Cert  string       // file with the client's certificate, and
	Key   string       // with its key

	// Replicas is how many servers of a cluster keep each task and answer. 0: as many as do so now; of a new queue 1.
	Replicas int

	Name string       // of the connection, as the server shows it
	Say  func(string) // is told what the user should know: that the server is not reached, that it is again
}

// Queue is a fleet.Queue.
type Queue struct {
	opts  Options
	where string
	stop  func() // ends the server in this process
	nc    *nats.Conn
	js    js.JetStream

	encoder *zstd.Encoder
	decoder *zstd.Decoder

	mu        sync.Mutex
	tasks     js.Stream
	answers   js.KeyValue            // KEY: an answer
	backs     js.KeyValue            // KEY: how often it was given back untried
	news      js.KeyValue            // KEY.VERDICT: fleet.News
	leases    js.KeyValue            // digest of a key: its owner
	workers   js.KeyValue            // digest of an ID: fleet.Worker
	consumers map[string]js.Consumer // of the lanes that were taken from, by name
	sure      map[string]bool        // lanes whose consumers are there, by name
	stuck     map[string]stuck       // lanes, by name
	seen      []fleet.Lane           // as they were
	seenAt    time.Time              // then
	wake      chan struct{}          // closed when somebody asked
	trouble   string                 // what was last said of the server
}

// startTime is how long a server that says nothing of JetStream is believed to be starting.
const startTime = 5 * time.Second

// Open joins the queue, and makes it where it is not there yet.
func Open(ctx context.Context, o Options) (*Queue, error) {
	if o.Say == nil {
		o.Say = func(string) {}
	}
	q := &Queue{
		opts: o, where: o.Where, stop: func() {}, wake: make(chan struct{}),
		consumers: map[string]js.Consumer{}, sure: map[string]bool{}, stuck: map[string]stuck{},
	}
	var err error
	if q.encoder, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1)); err != nil {
		return nil, err
	}
	if q.decoder, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(unpacked)); err != nil {
		return nil, err
	}
	if err := q.connect(ctx); err != nil {
		_ = q.Close()
		return nil, err
	}
	began := time.Now()
	err = q.try(ctx, "open it", func(ctx context.Context) error {
		err := q.setUp(ctx)
		if errors.Is(err, nats.ErrNoResponders) && time.Since(began) > startTime {
			return fmt.Errorf("%w: %w", err, js.ErrJetStreamNotEnabled)
		}
		return err
	})
	if err != nil {
		_ = q.Close()
		return nil, fmt.Errorf("%w%s", err, remedy(err))
	}
	if q.opts.Where == Local {
		if err := q.try(ctx, "take back what a killed process had", q.takeBack); err != nil {
			_ = q.Close()
			return nil, err
		}
	}
	return q, nil
}

// connect reaches the server, or starts it.
func (q *Queue) connect(ctx context.Context) error {
	opts := []nats.Option{
		nats.Name(q.opts.Name),
		nats.Timeout(10 * time.Second),
		// A connection that is cut without a word is given up before a task goes to another.
		nats.PingInterval(fleet.BeatTime), nats.MaxPingsOutstanding(2),
		nats.MaxReconnects(-1), nats.ReconnectWait(time.Second), nats.IgnoreAuthErrorAbort(),
		nats.ReconnectBufSize(-1), // what cannot be sent now is tried again by who wants it sent
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { q.tell(err) }),
		nats.ReconnectHandler(func(*nats.Conn) { q.doubt(); q.tell(nil) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if errors.Is(err, nats.ErrPermissionViolation) {
				q.tell(err)
			}
		}),
	}
	if q.opts.Where == Local {
		server, stop, err := serve(ctx, q.opts.Store, q.opts.Say)
		if err != nil {
			return err
		}
		q.stop, q.where = stop, "this process"
		opts = append(opts, nats.InProcessServer(server))
	} else {
		where, err := shown(q.opts.Where)
		if err != nil {
			return err
		}
		q.where = where
		if q.opts.Creds != "" {
			opts = append(opts, nats.UserCredentials(q.opts.Creds))
		}
		if q.opts.CA != "" {
			opts = append(opts, nats.RootCAs(q.opts.CA))
		}
		if q.opts.Cert != "" || q.opts.Key != "" {
			opts = append(opts, nats.ClientCert(q.opts.Cert, q.opts.Key))
		}
	}
	var err error
	if q.nc, err = nats.Connect(q.opts.Where, opts...); err != nil {
		return fmt.Errorf("queue at %s: %w%s", q.where, err, remedy(err))
	}
	if q.js, err = js.New(q.nc); err != nil {
		return fmt.Errorf("queue at %s: %w", q.where, err)
	}
	_, err = q.nc.Subscribe(wakeSubject, func(*nats.Msg) { q.woken() })
	return err
}

// refusedTLS says that it is the server which ended TLS: it says so, in words without a type, or just closes.
func refusedTLS(err error) bool {
	text := err.Error()
	return strings.Contains(text, "remote error: tls") || strings.Contains(text, "closed by remote after TLS handshake")
}

// doubt forgets what the server is believed to have.
func (q *Queue) doubt() {
	q.mu.Lock()
	defer q.mu.Unlock()
	clear(q.consumers)
	clear(q.sure)
}

// shown is the URLs of where without passwords.
func shown(where string) (string, error) {
	var list []string
	for one := range strings.SplitSeq(where, ",") {
		u, err := url.Parse(strings.TrimSpace(one))
		if err != nil || u.Host == "" {
			return "", fmt.Errorf("queue: %q is no URL of a server: %q, or nats://HOST:4222, or tls://HOST:4222", one, Local)
		}
		list = append(list, u.Redacted())
	}
	return strings.Join(list, ","), nil
}

// remedy is what to do about an error of the beginning.
func remedy(err error) string {
	var verify *tls.CertificateVerificationError
	var api *js.APIError
	switch {
	case errors.Is(err, js.ErrJetStreamNotEnabled), errors.Is(err, js.ErrJetStreamNotEnabledForAccount):
		return ": start nats-server with -js, or with jetstream { } in its configuration"
	case errors.As(err, &api) && api.ErrorCode == noCluster:
		return ": the server is no cluster, unset UMLAB_REPLICAS"
	case errors.As(err, &verify):
		return ": NATS_CA names a file with the certificates that the server's is signed with"
	case refusedTLS(err):
		return ": the server wants a certificate that it knows: NATS_CERT and NATS_KEY name the files of yours and of its key"
	case errors.Is(err, nats.ErrNoServers):
		return ": is nats-server running there, and is its port open to this machine?"
	case errors.Is(err, nats.ErrAuthorization):
		return ": the server wants a user: NATS_CREDS names a file with its credentials, or nats://USER:PASSWORD@HOST"
	case errors.Is(err, nats.ErrSecureConnRequired):
		return ": the server wants TLS: tls://HOST, and NATS_CA names the certificates that its own is signed with"
	}
	return ""
}

// Close leaves the queue; one in this process ends with it.
func (q *Queue) Close() error {
	if q.nc != nil {
		q.nc.Close()
	}
	q.stop()
	q.decoder.Close()
	return q.encoder.Close()
}
