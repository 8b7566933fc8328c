package history

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"

	"umlab/harness/result"
)

// part is a document of umlab.results/v1 that stands in another one, or is it.
type part struct {
	at   string // where, for messages: "columns[2].results"; empty: it is the whole
	text []byte
}

// wrong is an error of the part, with where it stands.
func (p part) wrong(err error) error {
	if err == nil || p.at == "" {
		return err
	}
	return fmt.Errorf("%s: %w", p.at, err)
}

// parts are the results in a document: itself, those of a sweep's columns, or
// those of the sweep of a night, which may have had none. Which it is, its schema
// says, before anything else of it is read.
func parts(text []byte) ([]part, error) {
	var head struct {
		Schema string `json:"schema"`
	}
	if err := decode(text, &head); err != nil {
		return nil, err
	}
	type sweep struct {
		Columns []struct {
			Results json.RawMessage `json:"results"`
		} `json:"columns"`
	}
	var (
		s  sweep
		in string
	)
	switch head.Schema {
	case result.Schema, result.SchemaV2:
		return []part{{text: text}}, nil
	case result.SweepSchema:
		if err := decode(text, &s); err != nil {
			return nil, err
		}
	case result.NightlySchema:
		var night struct {
			Sweep sweep `json:"sweep"`
		}
		if err := decode(text, &night); err != nil {
			return nil, err
		}
		s, in = night.Sweep, "sweep."
	default:
		return nil, foreign(head.Schema)
	}
	var list []part
	for i, c := range s.Columns {
		if len(c.Results) > 0 && string(c.Results) != "null" { // else it was refused, or proves nothing
			list = append(list, part{fmt.Sprintf("%scolumns[%d].results", in, i), c.Results})
		}
	}
	return list, nil
}

// decode reads JSON, and says in the document's words what is of the wrong type.
func decode(text []byte, into any) error {
	err := json.Unmarshal(text, into)
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return fmt.Errorf("%s is of the wrong type (%s)", cmp.Or(kind.Field, "the document"), kind.Value)
	}
	return err
}

// foreign says of a document that it is not what can be imported, and what can.
func foreign(schema string) error {
	has := "it has no schema"
	if schema != "" {
		has = fmt.Sprintf("its schema is %q", schema)
	}
	return fmt.Errorf("%s; what can be imported is what matrix, sweep and nightly write with -json= (%s, %s, %s), and history with -export=",
		has, result.Schema, result.SweepSchema, result.NightlySchema)
}
