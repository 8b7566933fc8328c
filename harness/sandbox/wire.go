package sandbox

// spec is what Start tells the sandbox's init, as JSON over the control socket.
type spec struct {
	Root          string
	Layers        []layer // in the order of mounting
	Dir           string
	Args, Env     []string
	Limits        Limits
	Terminal      bool // file descriptor 0 becomes the controlling terminal
	NoASLR        bool
	Network       bool // the machine's, instead of none
	UserNamespace bool // whether init runs in a user namespace of its own
	Probe         bool // set everything up, run nothing: see Check
	Watch         []string
	WatchOnly     []string
}

type layerKind string

const (
	layerBind    layerKind = "bind"
	layerOverlay layerKind = "overlay"
	layerTmpfs   layerKind = "tmpfs"
)

// layer is one thing to mount at Target.
type layer struct {
	Kind        layerKind
	Target      string   // clean absolute path inside
	Source      string   // host path: what to bind, or the lower directory
	Upper, Work string   // of an overlay
	Over        []string // of an overlay that is ReadOnly: what lies over Source, the topmost first
	ReadOnly    bool
	Exec        bool // of a tmpfs
}

// report is what the sandbox's init tells Start. The first is a fault or started, the last is ended.
type report struct {
	Kind reportKind

	// of a fault
	Stage  stageName
	Path   string // what the stage was working on, as the caller named it
	Errno  int    // 0 when only Detail says what is wrong
	Detail string // in words, where init knows more than the errno

	// of ended
	Code   int
	Signal int
	Opened *Opened
}

type reportKind string

const (
	reportFault   reportKind = "fault"
	reportStarted reportKind = "started"
	reportEnded   reportKind = "ended"
)

const (
	// childName is argv[0] of the re-executed binary. The NUL-free but unlikely name keeps a user's own link to the
	// binary from being taken for it.
	childName = "umlab-sandbox-init"
	// controlFD is the sandbox init's end of the control socket: specification in, reports out, then one byte asks
	// for SIGTERM to the command. End of file means that the caller is gone.
	controlFD = 3
	// askTerminate is that byte.
	askTerminate = 't'
)
