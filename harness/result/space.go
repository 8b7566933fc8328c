package result

// AddressSpace is where a boot had the kernel and one module, computed from the
// built kernel, mem= and the gap that the boot's log reports, as far as the loader of
// the tree was understood. Addresses are hexadecimal.
type AddressSpace struct {
	Kernel   AddressRange  `json:"kernel"`   // the image, from its link address on
	Physical AddressRange  `json:"physical"` // the memory that mem= asks for; the kernel lies in it
	Gap      *AddressRange `json:"gap,omitempty"`
	// where modules begin: VMALLOC_START
	Modules string `json:"modules,omitempty" jsonschema:"pattern=^0x[0-9a-f]+$"`
	// where the first section of this one lay
	Module string `json:"module,omitempty" jsonschema:"pattern=^(0x)?[0-9a-f]+$"`
	Seen   bool   `json:"seen"`            // Module stood in the guest's /proc/modules; else it is computed
	Reach  *Reach `json:"reach,omitempty"` // that decided what happened to it
}

// AddressRange is addresses from First up to End, which is not part of it.
type AddressRange struct {
	First string `json:"first" jsonschema:"pattern=^0x[0-9a-f]+$"`
	End   string `json:"end" jsonschema:"pattern=^0x[0-9a-f]+$"`
}

// Reach is a reference that its field cannot hold.
type Reach struct {
	Relocation string `json:"relocation"` // "R_X86_64_32S"
	// of the field, where it holds a distance from itself; missing where it holds an address
	From    string `json:"from,omitempty" jsonschema:"pattern=^0x[0-9a-f]+$"`
	To      string `json:"to" jsonschema:"pattern=^0x[0-9a-f]+$"`       // the address that the code needs
	Lowest  string `json:"lowest" jsonschema:"pattern=^-?0x[0-9a-f]+$"` // address that the field can hold
	Highest string `json:"highest" jsonschema:"pattern=^-?0x[0-9a-f]+$"`
	// where the code gets instead, where the loader writes the field without a check
	Reached string `json:"reached,omitempty" jsonschema:"pattern=^0x[0-9a-f]+$"`
}
