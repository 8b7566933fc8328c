package oracle

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"umlab/harness/kbuild"
	"umlab/harness/loader"
	"umlab/harness/outcome"
	"umlab/harness/result"
	"umlab/harness/scenario"
)

// Judge.
func (o *Oracle) Judge(c scenario.Cell, p *kbuild.Product, place scenario.Placement, run *result.Run) {
	if o.err != nil {
		return
	}
	o.mu.Lock()
	o.products[productKey(c)] = p
	o.mu.Unlock()
	for i, f := range o.Forecast(p, c.Modules, place.Mem, *run) {
		m := &run.Modules[i]
		m.Predicted, m.Agrees = nil, nil
		if f.Err != nil {
			if len(run.Boots) > 0 {
				o.note("no prediction for " + m.Name + ": " + reason(f.Err))
			}
			continue
		}
		f.judge(m)
	}
}

// reason is an error without what a note says already.
func reason(err error) string {
	var silent *loader.NotPredictedError
	if errors.As(err, &silent) {
		return silent.Reason
	}
	return err.Error()
}

// judge holds what was observed against the Forecast. A module that loaded is
// looked at again where it really lay.
func (f *Forecast) judge(m *result.Module) {
	f.corrupt(&m.Outcome)
	predicted := f.outcome()
	m.Predicted = &predicted
	if agrees, known := f.agrees(&m.Outcome); known {
		m.Agrees = &agrees
	}
}

// corrupt makes `loaded` the outcome loaded-corrupt where an entry that the
// loader does not check was cut at the address that was observed.
func (f *Forecast) corrupt(o *outcome.Outcome) {
	if o.Kind != outcome.Loaded {
		return
	}
	p := f.Prediction
	if at, err := strconv.ParseUint(o.Address, 0, 64); err == nil && at != p.Placement.Text() && p.Placement.Text() != 0 {
		moved, err := loader.Predict(f.Tree, f.Kernel, f.Ko, p.Placement.Shift(at-p.Placement.Text()))
		if err != nil {
			return
		}
		p = moved
	}
	if len(p.Corrupt) == 0 {
		return
	}
	first := p.Corrupt[0]
	o.Kind, o.Relocation = outcome.LoadedCorrupt, p.Outcome.Relocation
	o.Detail = joinSentences(o.Detail, fmt.Sprintf("It loaded, but %s%s.", f.entry(first), others(len(p.Corrupt)-1)))
}

// entry names an entry that was written wrong with its symbol and where it
// leads: the distance of a PC-relative one, else the value.
func (f *Forecast) entry(a loader.Applied) string {
	a.Fault = loader.Fault(outcome.LoadedCorrupt)
	at := loader.Attribute(f.Ko, []loader.Applied{a}, nil)[0]
	if !cut(a) {
		return at.Entry + ": " + at.Detail
	}
	reach := fmt.Sprintf("value 0x%x", a.Value)
	if a.PCRelative {
		reach = fmt.Sprintf("distance %+d", a.Distance())
	}
	return fmt.Sprintf("%s, %s to %s, was cut to %d bits without a check: %s, so that the code reaches 0x%x",
		at.Entry, at.Relocation.Name, at.Symbol, 8*a.Width, reach, a.Reached())
}

// cut reports whether an entry leads elsewhere because its value does not fit.
// One that was written wrong and is not cut needed something else than its
// symbol's address: an entry of the GOT.
func cut(a loader.Applied) bool {
	if a.PCRelative {
		return a.Reached() != a.SymbolValue
	}
	return a.Reached() != a.Value
}

func others(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" (and %d more entries)", n)
}

func joinSentences(a, b string) string { return strings.TrimSpace(a + " " + b) }

// agrees reports whether what was observed is what was predicted; known is false
// where the run does not tell. An oops that the prediction explains is given the
// explanation.
func (f *Forecast) agrees(o *outcome.Outcome) (agrees, known bool) {
	p := f.Prediction.Outcome
	loads := p.Kind == outcome.Loaded || p.Kind == outcome.LoadedCorrupt
	landed := o.Address == "" || p.Address == "" || o.Address == p.Address
	switch o.Kind {
	case outcome.Infra, outcome.ConfigDropped, outcome.BuildFailed, outcome.BootFailed:
		return false, false
	case outcome.Timeout:
		// A guest that never took commands tried no module; and where the loader was
		// to take it, it may have, and init, which is not predicted, did not end.
		return false, o.WhileHandled() && !loads
	case outcome.Oops:
		// The module's own code is not predicted, only what the loader made of it.
		// Corrupt code may end anywhere: where no entry leads to the fault, the run
		// neither bears the prediction out nor contradicts it.
		explained := f.explains(o)
		return explained, explained || p.Kind != outcome.Loaded && p.Kind != outcome.LoadedCorrupt
	case outcome.InitFailed:
		return loads, true // the loader did its part; init itself is not predicted
	case outcome.InsmodFailed:
		if o.Address != "" { // it was inserted, and something else did not work
			return loads && landed, true
		}
	}
	return p.Same(outcome.Outcome{Kind: o.Kind, Relocation: o.Relocation, Errno: o.Errno}) && p.Value == o.Value &&
		sameNumber(p.Section, o.Section) && sameNumber(p.Index, o.Index) && landed, true
}

func sameNumber(a, b *int) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

var faultAddress = regexp.MustCompile(`\b(?:addr|address:?|ip) (?:0x)?([0-9a-f]{1,16})\b`)

// near is how far from the address that a cut entry leads to a fault may lie to
// be that entry's doing: the code may reach into an object that it takes to be
// there.
const near = 4096

// explains finds the entry that leads to where the kernel faulted, and says so
// in the outcome. Where the code takes what stands at a symbol for the symbol's
// address, no fault is nearer than another.
func (f *Forecast) explains(o *outcome.Outcome) bool {
	for _, m := range faultAddress.FindAllStringSubmatch(o.Evidence, -1) {
		at, err := strconv.ParseUint(m[1], 16, 64)
		if err != nil {
			continue
		}
		for _, a := range f.Prediction.Corrupt {
			if d := at - a.Reached(); d < near || -d < near {
				o.Detail = joinSentences(o.Detail, fmt.Sprintf("It faulted at 0x%x because %s.", at, f.entry(a)))
				return true
			}
		}
	}
	for _, a := range f.Prediction.Corrupt {
		if !cut(a) {
			o.Detail = joinSentences(o.Detail, "The code was not what it should be: "+f.entry(a)+".")
			return true
		}
	}
	return false
}
