package jetstream

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// shiftClock makes the clock of this process wrong, for all of its code: what Go reads the time with is a function of the kernel's page
// in each process, and is replaced by a system call whose answer is changed.
func shiftClock(by time.Duration) error {
	if by == 0 {
		return nil
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return err
	}
	var from, to int64
	for line := range strings.Lines(string(maps)) {
		if strings.Contains(line, "[vdso]") {
			if _, err := fmt.Sscanf(line, "%x-%x", &from, &to); err != nil {
				return err
			}
		}
	}
	mem, err := os.OpenFile("/proc/self/mem", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer mem.Close()
	image := make([]byte, to-from)
	if _, err := mem.ReadAt(image, from); err != nil {
		return err
	}
	page, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		return err
	}
	symbols, err := page.DynamicSymbols()
	if err != nil {
		return err
	}
	for _, s := range symbols {
		if s.Name != "__vdso_clock_gettime" {
			continue
		}
		// mov $SYS_clock_gettime,%eax; syscall; test %edi,%edi (CLOCK_REALTIME); jne ret; addq $seconds,(%rsi); ret
		code := []byte{0xb8, 0xe4, 0, 0, 0, 0x0f, 0x05, 0x85, 0xff, 0x75, 0x07, 0x48, 0x81, 0x06}
		code = binary.LittleEndian.AppendUint32(code, uint32(int32(by/time.Second)))
		before := time.Now()
		if _, err := mem.WriteAt(append(code, 0xc3), from+int64(s.Value)); err != nil {
			return err
		}
		if now := time.Now().Round(0); now.Sub(before.Round(0)).Abs() < by.Abs()/2 {
			return errors.New("the clock did not change")
		}
		return nil
	}
	return errors.New("the kernel's page has no clock")
}
