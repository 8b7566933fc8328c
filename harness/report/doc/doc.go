// Package doc holds documents as blocks and writes each of them in every form:
// for a terminal, as the text of a mail, as Markdown and as an HTML page. It may
// import shell, and nothing else of umlab. It never reads a file, knows nothing of kernels or
// results, and writes only to the writers it is given.
//
// # How a document is made
//
// A builder of package report makes a Document of a result once; the flows give
// it to the writers: Terminal, Mail, Markdown (of any width), MarkdownMail (that
// is also a mail of 72 columns) and HTML. Builders say what is said, in the order
// in which it is read; writers say what it looks like. What came from consoles and
// file names that nobody vouches for goes into a Line as it is: escaping is the
// writers' business, and theirs alone. Builders need no clean, no md, no template.
//
// Text is a Line, made of spans: Say("tree ", name).Code(path).Toned(Bad, "oops").
// An empty string adds nothing, so that what may be missing needs no condition. A
// Tone is a colour on a terminal and a class on a page; in Markdown and in a mail
// it is not seen, so nothing is said by tone alone. A span of Break is a place where
// cells of a table are cut into lines when the table is too wide: at level 1 first,
// then at level 2.
//
// The blocks, and what they are in each form, blank lines included:
//
//	Title     the headline; of a page also the <title>. Facts that follow it at once are its header
//	Facts     what a document is of. Terminal: a line, cut at the separators. Markdown: a list. Mail: a section each
//	Alarm     what must be read first: "!! HEAD !!", a quote in Markdown
//	Totals    the sum: the last line of a terminal, the first box of a page; place it with Only
//	Para      a paragraph; on a terminal a line, without a blank one before it
//	List      lines on a terminal, with "- " in front where it has Bullets; items of Markdown; <ul>. Items nest
//	Evidence  outcomes, each with the line that proves it and where that stands
//	Defs      terms with what they mean; <dl>
//	Quote     lines as they stand, never folded; in Markdown a fenced block, <pre>
//	Command   what repeats a run; in mails cut into lines that sh reads as one
//	Table     rows and columns. A terminal folds its cells where it is too wide, then tries what stands in Narrower or
//	          sets it as a list. Markdown takes Narrower where there are more columns than Roomy
//	Scale     things on one line, drawn: an SVG on a page, block characters on a terminal that draws; elsewhere in words
//	Section   a heading with blocks, indented by two on terminals; without a heading just a blank line before them.
//	          Minor is **bold** in Markdown, Tight has no blank line before it, Flat does not indent
//	Details   folded away: <details> on a page and in Markdown; elsewhere a Tight section
//	Only      blocks for some forms only
//
// Where forms differ in order or wording, the builder says so with Only, or with a
// span for one form (Line.On); that is the exception. A block that more than one
// document needs in a way of its own belongs here; what a single document needs
// once does not.
//
// A new writer is a type switch over the blocks; a new block is a case in three
// writers (terminal and mail share one), and a line in the table above.
package doc

// A Form is what a document is written as; a set of them is their union.
type Form uint8

// The forms. MarkdownMail is InMarkdown too.
const (
	OnTerminal Form = 1 << iota
	InMail
	InMarkdown
	OnPage
)

// MailWidth is what a mail holds without folding, in columns.
const MailWidth = 72

// Roomy is up to how many columns a table of Markdown or a page has room for all.
const Roomy = 6

// Separator stands between facts, and between the parts of totals.
const Separator = " · "

// A Document is what is told of one result.
type Document struct {
	Blocks []Block
	Page   string // the <title> of a page, where it is not the Title
	Wide   bool   // a page with tables that are wider than text is read
}

// Add appends blocks.
func (d *Document) Add(blocks ...Block) { d.Blocks = append(d.Blocks, blocks...) }

// pick is what of list stands in form.
func pick(list []Block, form Form) []Block {
	var picked []Block
	for _, b := range list {
		switch b := b.(type) {
		case nil:
		case only:
			if b.forms&form != 0 {
				picked = append(picked, pick(b.blocks, form)...)
			}
		default:
			picked = append(picked, b)
		}
	}
	return picked
}
