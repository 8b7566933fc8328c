package result

import "umlab/harness/outcome"

// ClassificationSchema is the version of the JSON that Classification marshals to.
const ClassificationSchema = "umlab.classification/v1"

// Classification is what a saved console log shows.
type Classification struct {
	Schema  string       `json:"schema"` // ClassificationSchema
	File    string       `json:"file"`   // as the user named it
	Bytes   int64        `json:"bytes"`
	Lines   int          `json:"lines"`
	Kernel  string       `json:"kernel,omitempty"` // release, where the log says it
	Gap     *int64       `json:"gap,omitempty"`    // bytes of "exec-shield gap", where the log reports it
	Modules []Classified `json:"modules"`          // in the order in which the log comes to them; never null
}

// Classified is one module of a log.
type Classified struct {
	Name    string          `json:"name"`           // "" for a fault that nothing ties to a module
	Outcome outcome.Outcome `json:"outcome"`        // kind "" where no line proves anything
	Line    int             `json:"line,omitempty"` // of the evidence, 1-based; 0 without evidence
}

// Proved counts the modules that the log proves something about.
func (c *Classification) Proved() (n int) {
	for _, m := range c.Modules {
		if m.Outcome.Kind != outcome.Unproved {
			n++
		}
	}
	return n
}
