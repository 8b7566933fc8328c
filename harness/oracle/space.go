package oracle

import (
	"fmt"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

// Space is where the boot had the kernel and this module, with the reference that
// decides the prediction; nil where the kernel could not be read. m is what was
// observed: the reference is told only where that bears the prediction out.
func (f *Forecast) Space(m result.Module) *result.AddressSpace {
	if f.Kernel == nil || f.Tree == nil {
		return nil
	}
	at := f.Tree.Space.Map(f.Kernel, f.mem, f.gap)
	s := &result.AddressSpace{Kernel: addresses(at.Kernel, at.KernelEnd), Physical: addresses(at.Kernel, at.Physical)}
	if at.Gap > at.Physical {
		gap := addresses(at.Physical, at.Gap)
		s.Gap = &gap
	}
	if f.Err == nil {
		if text := f.Prediction.Placement.Text(); text != 0 {
			s.Modules, s.Module = address(at.Modules), address(text)
		}
		if r, ok := f.Tree.Reach(f.Prediction); ok && borneOut(m) && f.Prediction.Outcome.Relocation != nil {
			s.Reach = &result.Reach{Relocation: f.Prediction.Outcome.Relocation.Name, To: address(r.To),
				Lowest: fmt.Sprintf("%#x", r.Lowest), Highest: fmt.Sprintf("%#x", r.Highest)}
			if r.PCRelative {
				s.Reach.From = address(r.From)
			}
			if r.Reached != 0 {
				s.Reach.Reached = address(r.Reached)
			}
		}
	}
	if seen := m.Outcome.Address; seen != "" {
		if seen != s.Module {
			s.Modules = "" // what is known of where modules begin is wrong
		}
		s.Module, s.Seen = seen, true
	}
	return s
}

// borneOut reports whether m ended as was predicted, and by what became of a reference.
func borneOut(m result.Module) bool {
	switch m.Outcome.Kind {
	case outcome.RelocationOverflow, outcome.LoadedCorrupt, outcome.Oops:
		return m.Agrees != nil && *m.Agrees
	}
	return false
}

func addresses(first, end uint64) result.AddressRange {
	return result.AddressRange{First: address(first), End: address(end)}
}

func address(n uint64) string { return fmt.Sprintf("0x%x", n) }
