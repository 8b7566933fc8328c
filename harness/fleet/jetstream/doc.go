// Package jetstream is the queue of a fleet on NATS JetStream: on a server elsewhere, or on one in this process, without a port, whose
// files lie in the store. It imports fleet and the store; it never looks into what a task or an answer holds.
//
// Tasks are messages of a work queue, cell.LANE.KEY, one for each key: a second one is refused by the server with error 10077. A lane
// has one durable consumer, whose name and metadata say what a worker of it has to be. An answer is a key of a bucket, made once, and
// before its task is acknowledged: so whatever dies, a task that is taken once more is found to be answered, and one that is run twice
// meets the answer of the other. What lives as long as its owner is heard of, leases and announcements, lies in buckets whose keys the
// server forgets. No time of a worker's or a planner's clock is ever compared.
package jetstream
