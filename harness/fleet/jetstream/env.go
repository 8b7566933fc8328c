package jetstream

import (
	"fmt"
	"strconv"
)

// mostReplicas is how many servers of a cluster can keep the same, see nats-server's StreamMaxReplicas.
const mostReplicas = 5

// Env is o with what the environment says: the variables of the nats command, and UMLAB_REPLICAS.
func (o Options) Env(getenv func(string) string) (Options, error) {
	o.Creds, o.CA, o.Cert, o.Key = getenv("NATS_CREDS"), getenv("NATS_CA"), getenv("NATS_CERT"), getenv("NATS_KEY")
	if (o.Cert == "") != (o.Key == "") {
		return o, fmt.Errorf("NATS_CERT is %q and NATS_KEY is %q: a certificate is used together with its key, set both or none", o.Cert, o.Key)
	}
	n := getenv("UMLAB_REPLICAS")
	if n == "" {
		return o, nil
	}
	var err error
	if o.Replicas, err = strconv.Atoi(n); err != nil || o.Replicas < 1 || o.Replicas > mostReplicas {
		return o, fmt.Errorf("UMLAB_REPLICAS is %q: it is how many servers of a cluster keep each task and answer, 1 to %d", n, mostReplicas)
	}
	return o, nil
}
