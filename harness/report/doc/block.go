package doc

// A Block is a part of a document; see the package comment for what each is in
// each form.
type Block interface{ block() }

// Title is the headline. Whole keeps it on one line, and in Markdown makes it the
// first heading: it is what a subject is made of.
type Title struct {
	Line  Line
	Whole bool
}

// Facts say what a document is of.
type Facts []Fact

// A Fact is one of them. Label stands before it in Markdown, over it in a mail and
// beside it on a page. What is More stands below it in a mail, behind it elsewhere.
type Fact struct {
	Label string
	Line  Line
	More  []Line
}

// whole is all of the fact on one line.
func (f Fact) whole() Line { return Join(append([]Line{f.Line}, f.More...), Say(", ")) }

// Alarm is a headline that nobody must miss, with its proof.
type Alarm struct {
	Head  string
	Lines []Line
}

// Totals are the parts of the sum.
type Totals struct {
	Parts []string
	Tone  Tone
}

// Para is a paragraph. Whole is never folded, on a terminal.
type Para struct {
	Line  Line
	Whole bool
}

// List is items in an order.
type List struct {
	Items   []Item
	Bullets bool // on terminals and in mails, too
}

// An Item is a line and what stands under it. Tone marks it on a page.
type Item struct {
	Line Line
	Sub  []Item
	Tone Tone
}

// Items are a list of lines.
func Items(lines []Line) List {
	var list List
	for _, l := range lines {
		list.Items = append(list.Items, Item{Line: l})
	}
	return list
}

// Evidence is what proves outcomes.
type Evidence []Exhibit

// An Exhibit is an outcome, the line that proves it, what was made of that, and
// where it stands.
type Exhibit struct {
	Outcome, Line, Detail, Where string

	Frame []string // instead of the line, where what a tool said is more than that; quoted, never folded
	Log   string   // path of all that the tool printed, or ""
}

// LogHead stands before the path of a log.
const LogHead = "all of make's output:"

// log is what is said of Log.
func (e Exhibit) log() Line {
	if e.Log == "" {
		return nil
	}
	return Say(LogHead, " ").Code(e.Log)
}

// Text is the line and what was made of it.
func (e Exhibit) Text() string {
	if e.Line == "" || e.Detail == "" {
		return e.Line + e.Detail
	}
	return e.Line + " (" + e.Detail + ")"
}

// Defs are terms with what they mean.
type Defs []Def

// A Def is one of them. The first of Lines stands beside the term on a terminal,
// where that takes at most half the width; all of them under it in a mail. Whole is
// a first line that is never folded.
type Def struct {
	Term  string
	Lines []Line
	Whole bool
}

// Quote is lines as they stand. Margin is for what is there to be pasted: on a
// terminal it is not indented.
type Quote struct {
	Lines  []Line
	Margin bool
}

// Command is what repeats a run; Note stands beside it. Head is instead of what says so.
type Command struct{ Head, Text, Note string }

// Table is rows of cells.
type Table struct {
	Label    string // what a page calls it
	Named    bool   // Label stands over it in the other forms, too
	Columns  []Column
	Rows     []Row
	Sums     []Row   // below a rule
	Fold     int     // the level of breaks to begin with
	Above    []Block // before it on terminals, where this table is the one that fits
	Legend   []Line  // after it, likewise: what its marks mean
	Narrower []Block // instead of it, where it does not fit; nil is a list of its rows
	Class    string  // on a page, see style.css
}

// A Role is what a column is.
type Role uint8

// The roles. In a list, a row begins with its keys and its sum, and its values
// stand under them.
const (
	Value Role = iota
	Key
	Sum
)

// A Column is what stands over cells; Below is in smaller letters.
type Column struct {
	Head  Line
	Below []Line
	Role  Role
	Once  bool   // what is the same as in the row above is left out on terminals
	Group string // of columns side by side, over all of them on a page and over each on a terminal
}

// name is what a page calls the column where its head is not above.
func (c Column) name() string {
	name := c.Head.in(OnPage).String()
	if c.Group != "" && name != "" {
		return c.Group + " " + name
	}
	return c.Group + name
}

// A Row is a cell for each column. Class is of a page.
type Row struct {
	Cells []Cell
	Class string
}

// A Cell is lines. Class and Tip (what a pointer shows) are of a page.
type Cell struct {
	Lines      []Line
	Class, Tip string
}

// Cells are a row of cells with one line each.
func Cells(lines ...Line) Row {
	var row Row
	for _, l := range lines {
		row.Cells = append(row.Cells, Cell{Lines: []Line{l}})
	}
	return row
}

// Scale is things that lie on one line, drawn: addresses, sizes of memory. Places on
// it run from 0 to 1.
type Scale struct {
	Label  string // what is drawn
	Ticks  []Tick // of the line, ascending
	Tracks []Track
	Key    Line // what the characters mean that a terminal draws it with
}

// A Tick is a place on the line with its name.
type Tick struct {
	At    float64
	Label string
}

// A Track is a row of the drawing: what it is of, what is to be known of it (which
// says in words what the marks show), and its marks, the later over the earlier.
type Track struct {
	Name  string
	Note  Line
	Marks []Mark
}

// A Mark is one thing on a track. Tip is what it is, in words.
type Mark struct {
	Shape    Shape
	From, To float64 // To of a Bar, and of an Arrow its head; that may lie left of From
	Tone     Tone
	Tip      string
}

// told is the scale in words.
func (s Scale) told() (defs Defs) {
	for _, t := range s.Tracks {
		if len(t.Note) > 0 {
			defs = append(defs, Def{Term: t.Name, Lines: []Line{t.Note}})
		}
	}
	return defs
}

// A Shape is what a mark looks like.
type Shape uint8

// The shapes.
const (
	Bar   Shape = iota // from From to To
	Dot                // at From
	Limit              // a line across the track at From
	Arrow              // from From to To
)

// Section is blocks under a heading, or in forms that the heading is not for just
// the blocks; a page can link to its ID.
type Section struct {
	Head               Line
	Blocks             []Block
	Minor, Tight, Flat bool
	ID                 string
}

// Details are blocks that a reader unfolds.
type Details struct {
	Summary Line
	Blocks  []Block
	Open    bool
	ID      string
}

type only struct {
	forms  Form
	blocks []Block
}

// Only is blocks that stand in some forms only.
func Only(forms Form, blocks ...Block) Block { return only{forms, blocks} }

func (Title) block()    {}
func (Facts) block()    {}
func (Alarm) block()    {}
func (Totals) block()   {}
func (Para) block()     {}
func (List) block()     {}
func (Evidence) block() {}
func (Defs) block()     {}
func (Quote) block()    {}
func (Command) block()  {}
func (Table) block()    {}
func (Scale) block()    {}
func (Section) block()  {}
func (Details) block()  {}
func (only) block()     {}
