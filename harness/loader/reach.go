package loader

// Reach is a reference of a module that its field cannot hold.
type Reach struct {
	PCRelative bool
	From       uint64 // of a PC-relative field: its own address, which it counts from; 0 elsewhere
	To         uint64 // the address that the code needs there
	Lowest     int64  // address that the field can hold
	Highest    int64  // likewise
	Reached    uint64 // where the code gets instead, where the loader writes the field without a check; 0 where it refuses
}

// Reach is the reference of the entry that decides a prediction; ok is false where none
// does, or not because of how far it leads.
func (t *Tree) Reach(p Prediction) (r Reach, ok bool) {
	e := p.Entry
	if e == nil {
		return r, false
	}
	rule, ok := t.Rules.types[e.Type]
	of := t.Rules.machine
	form := of.abiForm(e.Type)
	if !ok || rule.Width == 0 || uint64(rule.Width) >= of.word || form == formTable || (form == formPC) != e.PCRelative {
		return r, false
	}
	lo, hi := of.abiRange(e.Type, e.PCRelative, rule.Width)
	corrupt := len(p.Corrupt) > 0
	if !corrupt {
		if rule.Overflow == checkNone {
			return r, false
		}
		lo, hi = checkRange(rule.Overflow)
	}
	if v := int64(e.Value); v >= lo && v <= hi {
		return r, false
	}
	r = Reach{PCRelative: e.PCRelative, To: e.Value, Lowest: lo, Highest: hi}
	if e.PCRelative {
		r.From, r.To = e.Location, e.Value+e.Location
		r.Lowest, r.Highest = lo+int64(e.Location), hi+int64(e.Location)
	}
	if corrupt {
		r.Reached = e.Reached()
	}
	return r, true
}

// Map is where a boot has what, as first addresses and the first behind.
type Map struct {
	Kernel, KernelEnd uint64
	Physical          uint64 // end of the memory that mem= asks for; it begins at Kernel
	Gap               uint64 // end of what the gap before brk adds to it
	Modules           uint64 // where vmalloc begins, and with it the modules
}

// Map computes where a boot with mem bytes of memory and gap bytes before brk has
// what, see ModuleBase.
func (s *Space) Map(k *Kernel, mem, gap int64) Map {
	m := Map{Kernel: k.Link, KernelEnd: k.end, Physical: k.Link + uint64(mem), Modules: s.ModuleBase(k.Link, mem, gap)}
	m.Gap = m.Physical + uint64(s.effective(gap))
	return m
}
