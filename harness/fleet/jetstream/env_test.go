package jetstream

import (
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

func TestEnv(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		env  map[string]string
		want Options
		err  string
	}{
		{nil, Options{}, ""},
		{
			map[string]string{"NATS_CREDS": "c", "NATS_CA": "a", "NATS_CERT": "x", "NATS_KEY": "k", "UMLAB_REPLICAS": "3"},
			Options{Creds: "c", CA: "a", Cert: "x", Key: "k", Replicas: 3}, "",
		},
		{map[string]string{"NATS_CERT": "x"}, Options{}, "set both or none"},
		{map[string]string{"NATS_KEY": "k"}, Options{}, "set both or none"},
		{map[string]string{"UMLAB_REPLICAS": "0"}, Options{}, "1 to 5"},
		{map[string]string{"UMLAB_REPLICAS": "6"}, Options{}, "1 to 5"},
		{map[string]string{"UMLAB_REPLICAS": "many"}, Options{}, `UMLAB_REPLICAS is "many"`},
	} {
		got, err := Options{}.Env(func(name string) string { return c.env[name] })
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%v: %v", c.env, err)
		}
		if err == nil && (got.Creds != c.want.Creds || got.CA != c.want.CA || got.Cert != c.want.Cert || got.Key != c.want.Key ||
			got.Replicas != c.want.Replicas) {
			t.Errorf("%v: %+v", c.env, got)
		}
	}
}

// TestServerCannot: what a server cannot do is an error that says what to do, not a thing to be tried for ever.
func TestServerCannot(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]*server.Options{
		"the server is no cluster, unset UMLAB_REPLICAS": {JetStream: true},
		"start nats-server with -js":                     {},
	} {
		_, err := Open(t.Context(), Options{Where: "nats://" + serving(t, o), Replicas: 3})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
