package jetstream

import (
	"bytes"
	"encoding/json"
	"fmt"

	"umlab/harness/fleet"
)

// unpacked is how many bytes a message may have when it is unpacked.
const unpacked = 256 << 20

// overhead is what of a message's limit its subject and headers may need.
const overhead = 4 << 10

// most is how many bytes a message may have.
func (q *Queue) most() int { return int(q.nc.MaxPayload()) - overhead }

// packTask is a task as a message.
func (q *Queue) packTask(t fleet.Task) ([]byte, error) {
	body := t.Body
	t.Body = nil
	return q.pack("the task "+t.Name, t, body)
}

// packAnswer is an answer as the value of a key.
func (q *Queue) packAnswer(a fleet.Answer, name string) ([]byte, error) {
	body := a.Body
	a.Body = nil
	return q.pack("the answer of "+name, a, body)
}

// pack is a line of JSON, then the body, all of it zstd.
func (q *Queue) pack(what string, head any, body []byte) ([]byte, error) {
	line, err := json.Marshal(head)
	if err != nil {
		return nil, err
	}
	text := append(append(line, '\n'), body...)
	if len(text) > unpacked { // however small it packs, nobody would unpack it
		return nil, &fleet.TooLarge{What: what, Size: len(text), Most: unpacked}
	}
	packed := q.encoder.EncodeAll(text, nil)
	if len(packed) > q.most() {
		return nil, &fleet.TooLarge{What: what, Size: len(packed), Most: q.most()}
	}
	return packed, nil
}

// unpack reads what pack wrote.
func (q *Queue) unpack(packed []byte, head any) (body []byte, err error) {
	text, err := q.decoder.DecodeAll(packed, nil)
	if err != nil {
		return nil, err
	}
	line, body, ok := bytes.Cut(text, []byte("\n"))
	if !ok {
		return nil, fmt.Errorf("no line at its beginning")
	}
	return body, json.Unmarshal(line, head)
}

func (q *Queue) unpackTask(packed []byte) (t fleet.Task, err error) {
	t.Body, err = q.unpack(packed, &t)
	return t, err
}

func (q *Queue) unpackAnswer(packed []byte) (*fleet.Answer, error) {
	var a fleet.Answer
	body, err := q.unpack(packed, &a)
	a.Body = body
	return &a, err
}
