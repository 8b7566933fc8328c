package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"umlab/harness/history"
	"umlab/harness/report"
	"umlab/harness/report/doc"
	"umlab/harness/result"
	"umlab/harness/tree"
	"umlab/harness/usage"
)

// HistoryOptions are the flags of `mage history`. In each list, a name is exact
// or a pattern of path.Match; an empty one asks for all.
type HistoryOptions struct {
	Cell, Tree, Toolchain, Scenario []string
	Changes                         bool   // print only what changed
	Import                          string // file of results to enter first
	Export                          string // file that the results go to: an array where it ends in .json, else one a line
	Outputs                         HistoryOutputs
	Command                         string // how this is typed again, for the report
}

// HistoryOutputs are files that a history is also written to.
type HistoryOutputs struct{ JSON, HTML, Markdown string }

func (o HistoryOutputs) formats() []format[result.History] {
	return []format[result.History]{
		{"json", o.JSON, report.JSON[result.History]}, {"html", o.HTML, report.Form(report.History, doc.HTML)},
		{"md", o.Markdown, report.Form(report.History, doc.Markdown)},
	}
}

// remember enters a result into the history. What goes wrong there is told, and
// takes nothing away from the result.
func (l *Lab) remember(r *result.Results) {
	if l.forget || len(r.Cells) == 0 {
		return
	}
	var text bytes.Buffer
	err := report.JSON(&text, r)
	if err == nil {
		err = l.enter(text.Bytes())
	}
	if err != nil {
		l.sink.Note("history: this result was not entered: " + err.Error())
	}
}

// enter records a document. It is no longer cancelled: the work is done, and
// entering it takes milliseconds.
func (l *Lab) enter(text []byte) error {
	ctx := context.Background()
	h, err := history.Open(ctx, l.store)
	if err != nil {
		return err
	}
	_, err = h.Record(ctx, text)
	return errors.Join(err, h.Close())
}

// History prints when cells changed, over all results that were recorded; it
// imports and exports them. After these it prints no table.
func (l *Lab) History(ctx context.Context, o HistoryOptions) error {
	f := history.Filter{Scenario: o.Scenario, Toolchain: o.Toolchain, Cell: o.Cell}
	for _, name := range o.Tree {
		f.Tree = append(f.Tree, tree.Absolute(name)) // as directories are called there
	}
	if err := f.Check(); err != nil {
		return &usage.Error{Err: err}
	}
	formats := o.Outputs.formats()
	if err := checkOutputs(append(formats, format[result.History]{flag: "export", path: o.Export})); err != nil {
		return err
	}
	say := func(line string) error {
		if o.Export == toStdout || slices.ContainsFunc(formats, format[result.History].toStdout) {
			l.sink.Note(line)
			return nil
		}
		_, err := fmt.Fprintln(l.stdout, line)
		return err
	}
	in, closeIn, err := importFile(o.Import)
	if err != nil {
		return err
	}
	defer closeIn()
	bare := o.Export == "" && o.Outputs == HistoryOutputs{}
	if in == nil && !history.Exists(l.store) {
		return l.emptyHistory(bare)
	}
	h, err := history.Open(ctx, l.store)
	if err != nil {
		return err
	}
	defer h.Close()
	if in != nil {
		if err := l.importHistory(ctx, h, o.Import, in, say); err != nil || bare {
			return err
		}
	}
	if o.Export != "" {
		if err := l.exportHistory(ctx, h, o.Export, f, say); err != nil {
			return err
		}
	}
	list, err := h.Changes(ctx, f)
	if errors.Is(err, history.ErrEmpty) {
		return l.emptyHistory(bare)
	}
	if err != nil {
		return err
	}
	list.Command = o.Command
	return publish(l, list, func(w io.Writer) error {
		if o.Import != "" || o.Export != "" {
			return nil
		}
		d := report.History(list)
		if o.Changes {
			d = report.HistoryChanges(list)
		}
		return doc.Terminal(w, d, l.table)
	}, formats)
}

// emptyHistory says what to do where nothing is recorded; it is a mistake only
// to want files of it.
func (l *Lab) emptyHistory(bare bool) error {
	err := fmt.Errorf("%w: run `%s matrix`, or give results written with -json= or -export= to `%[2]s history -import=FILE`",
		history.ErrEmpty, l.program)
	if !bare {
		return err
	}
	l.sink.Close()
	_, err = fmt.Fprintln(l.stdout, err)
	return err
}

// importFile opens what is to be imported; nil without a path.
func importFile(path string) (in io.ReadSeeker, done func(), err error) {
	if path == "" {
		return nil, func() {}, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, usage.Errorf("-import=%s: %w", path, cause(err))
	}
	info, err := file.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = usage.Errorf("-import=%s is a directory: give a file", path)
	case !info.Mode().IsRegular(): // a pipe cannot be read twice
		var all []byte
		if all, err = io.ReadAll(file); err == nil {
			return bytes.NewReader(all), func() { file.Close() }, nil
		}
	}
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	return file, func() { file.Close() }, nil
}

func (l *Lab) importHistory(ctx context.Context, h *history.DB, path string, in io.ReadSeeker, say func(string) error) error {
	check, err := report.Validator(result.SchemaV2)
	if err != nil {
		return err
	}
	n, err := h.Import(ctx, path, in, check)
	if err != nil {
		return err
	}
	return say(fmt.Sprintf("imported %s: %d new, %d seen again, %d known already", path, n.Entered, n.Sighted, n.Known))
}

func (l *Lab) exportHistory(ctx context.Context, h *history.DB, path string, f history.Filter, say func(string) error) error {
	var text bytes.Buffer
	n, err := h.Export(ctx, &text, f, filepath.Ext(path) == ".json")
	if err != nil {
		return err
	}
	if err := writeTo(l.stdout, path, privacy(l.getenv).hide(text.Bytes())); err != nil {
		return fmt.Errorf("write -export=%s: %w", path, err)
	}
	return say(fmt.Sprintf("exported %d results to %s", n, path))
}
