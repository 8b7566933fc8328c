package loader

import (
	"strings"

	"golang.org/x/arch/x86/x86asm"
)

// onStack stands for the word on top of the stack.
const onStack x86asm.Reg = 0

// nttySize finds how much vmalloc space opening a terminal takes: the argument
// of the vzalloc in n_tty_open, which stands before the first call of its code.
// The size of struct n_tty_data is nowhere else in an image without debug
// information. 0 where the code is another.
func (im *image) nttySize() uint64 {
	open, ok := im.names["n_tty_open"]
	if !ok {
		return 0
	}
	alloc := map[uint64]bool{}
	for name, s := range im.names {
		if strings.HasPrefix(name, "vzalloc") && !strings.HasPrefix(name, "vzalloc_node") {
			alloc[s.Value] = true
		}
	}
	code := im.at(open.Value)
	code = code[:min(uint64(len(code)), 256)]
	regs := map[x86asm.Reg]uint64{}
	for pc := open.Value; len(code) > 0; {
		inst, err := x86asm.Decode(code, im.machine.bits)
		if err != nil || inst.Len == 0 {
			return 0
		}
		pc += uint64(inst.Len)
		code = code[inst.Len:]
		switch inst.Op {
		case x86asm.MOV:
			reg, ok := inst.Args[0].(x86asm.Reg)
			imm, ok2 := inst.Args[1].(x86asm.Imm)
			mem, ok3 := inst.Args[0].(x86asm.Mem)
			if ok3 && ok2 && mem.Base == x86asm.ESP && mem.Index == 0 && mem.Disp == 0 {
				regs[onStack] = uint64(imm)
			}
			if ok && ok2 {
				regs[reg] = uint64(imm)
			} else if ok {
				delete(regs, reg)
			}
		case x86asm.PUSH:
			if imm, ok := inst.Args[0].(x86asm.Imm); ok {
				regs[onStack] = uint64(imm)
			}
		case x86asm.CALL:
			target := uint64(0)
			switch arg := inst.Args[0].(type) {
			case x86asm.Reg:
				target = regs[arg]
			case x86asm.Rel:
				target = pc + uint64(int64(arg))
			}
			if alloc[target] {
				if im.machine.bits == 32 {
					return regs[onStack] // UML is built without regparm
				}
				return max(regs[x86asm.EDI], regs[x86asm.RDI])
			}
			return 0
		}
	}
	return 0
}
