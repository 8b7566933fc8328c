package harness

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"umlab/harness/outcome"
	"umlab/harness/progress/display"
	"umlab/harness/report"
	"umlab/harness/report/doc"
	"umlab/harness/result"
	"umlab/harness/usage"
)

// ClassifyOptions are the arguments of `mage classify`.
type ClassifyOptions struct {
	File   string    // "-" for Stdin
	Stdin  io.Reader // os.Stdin
	Stdout *os.File
	Getenv func(string) string
	JSON   string // file to write the same to; "" for none
}

// longestLog is the most that is read of a console log, in bytes: more than any
// console prints before umlab itself gives up on it.
const longestLog = 256 << 20

// Classify prints what a saved console log shows. It needs no store, no network
// and no Lab. The error is an *EndError where the log proves nothing.
func Classify(o ClassifyOptions) (*result.Classification, error) {
	if err := checkOutput("json", o.JSON); err != nil {
		return nil, err
	}
	log, err := readLog("classify", o.File, o.Stdin)
	if err != nil {
		return nil, err
	}
	c := classification(o.File, log)
	stdout := &Checked{To: o.Stdout}
	json := format[result.Classification]{"json", o.JSON, report.JSON[result.Classification]}
	if !json.toStdout() {
		_, color, width := display.Terminal(o.Stdout, o.Getenv)
		if err := doc.Terminal(stdout, report.Classification(c), doc.Options{Color: color, Width: width}); err != nil {
			return c, err
		}
	}
	if err := json.save(stdout, privacy(o.Getenv), c); err != nil {
		return c, err
	}
	if c.Proved() == 0 {
		return c, ended(result.ExitDiffers, "no line of %s proves what became of a module: "+
			"give the part that holds the loader's, insmod's or the fault's own lines", logName(o.File))
	}
	return c, nil
}

func logName(file string) string {
	if file == "-" {
		return "standard input"
	}
	return file
}

// readLog reads what a target was given to read: a file, or standard input.
func readLog(target, file string, in io.Reader) ([]byte, error) {
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, usage.Errorf("%s %s: %w", target, file, cause(err))
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.IsDir() {
			return nil, usage.Errorf("%s %s: is a directory; give the file of a console log, or - for standard input", target, file)
		}
		in = f
	}
	log, err := io.ReadAll(io.LimitReader(in, longestLog+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s %s: %w", target, logName(file), err)
	case len(log) > longestLog:
		return nil, usage.Errorf("%s %s: longer than %d MiB; cut out the part around the module", target, logName(file), longestLog>>20)
	case len(bytes.TrimSpace(log)) == 0:
		return nil, usage.Errorf("%s %s: it is empty", target, logName(file))
	}
	return log, nil
}

// cause is err without the path, which the message has already.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

func classification(file string, log []byte) *result.Classification {
	modules, boot := outcome.ClassifyLog(log)
	c := &result.Classification{
		Schema: result.ClassificationSchema, File: file, Bytes: int64(len(log)), Lines: bytes.Count(log, []byte("\n")),
		Kernel: boot.Kernel, Gap: boot.Gap, Modules: []result.Classified{},
	}
	if log[len(log)-1] != '\n' {
		c.Lines++
	}
	for _, m := range modules {
		out := result.Classified{Name: m.Name, Outcome: m.Outcome}
		if m.Outcome.Evidence != "" {
			out.Line = outcome.LineAt(log, m.Outcome.Offset)
		}
		c.Modules = append(c.Modules, out)
	}
	return c
}
