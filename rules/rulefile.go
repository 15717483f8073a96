package rules

// Source is the text of one file; Name is told in its mistakes.
type Source struct {
	Name string
	Data []byte
}

// Mode says what a firing rule may do.
type Mode string

// The modes, from the one that acts to the one that only takes notes.
const (
	Armed      Mode = "armed"       // carries out its actions
	NotifyOnly Mode = "notify-only" // tells people
	ShadowMode Mode = "shadow"      // is recorded, nobody is told
)

// An Override is what a site changes in a shipped rule; empty fields change nothing.
type Override struct {
	Mode   Mode             `yaml:"mode"` // of the rule and all rungs of its ladder
	Params map[string]Param `yaml:"params"`
}

// ruleFile is configs/rules/<area>.yaml.
type ruleFile struct {
	Rules []ruleText `yaml:"rules"`
}

// ruleText is a rule as it is written.
type ruleText struct {
	ID       string           `yaml:"id"`
	Title    Text             `yaml:"title"`
	Kind     string           `yaml:"kind"`
	Params   map[string]Param `yaml:"params"`
	Expr     string           `yaml:"expr"`
	For      string           `yaml:"for"`
	Unless   []string         `yaml:"unless" json:",omitempty"` // added later: rules without it keep their version
	Clear    string           `yaml:"clear"`
	ClearFor string           `yaml:"clear_for"`
	MaxAge   string           `yaml:"max_age"`
	Latch    bool             `yaml:"latch"`
	Severity Severity         `yaml:"severity"`
	Mode     Mode             `yaml:"mode"`
	Unknown  unknownText      `yaml:"unknown"`
	Limit    *limitText       `yaml:"limit"`
	Message  Text             `yaml:"message"`
	Card     []Text           `yaml:"card"`
	Actions  []actionText     `yaml:"actions"`
	Forbid   []forbidText     `yaml:"forbid" json:",omitempty"`
	Ladder   []rungText       `yaml:"ladder" json:",omitempty"`
}

// rungText is a rung above the rule itself. What is left out is the rule's own; for expr, actions and forbid there is no own.
type rungText struct {
	Severity Severity     `yaml:"severity"`
	Expr     string       `yaml:"expr"`
	For      string       `yaml:"for"`
	Clear    string       `yaml:"clear"`
	ClearFor string       `yaml:"clear_for"`
	Mode     Mode         `yaml:"mode"`
	Message  Text         `yaml:"message"`
	Card     []Text       `yaml:"card"`
	Limit    *limitText   `yaml:"limit"`
	Actions  []actionText `yaml:"actions"`
	Forbid   []forbidText `yaml:"forbid"`
}

type unknownText struct {
	Pending string `yaml:"pending"`
	Firing  string `yaml:"firing"`
}

type limitText struct {
	Point string `yaml:"point"`
	Param string `yaml:"param"`
	Above bool   `yaml:"above"`
}

type actionText struct {
	Of    string  `yaml:"of"`
	Kind  string  `yaml:"kind"`
	Point string  `yaml:"point"`
	Value float64 `yaml:"value"`
	Do    Text    `yaml:"do"`
	Pick  string  `yaml:"pick" json:",omitempty"` // newest: of several sockets the one whose charge began last

	Optional bool `yaml:"optional" json:",omitempty"` // few places have such a device: where there is none, nothing is said of it
}

// forbidText is a write that nobody may do while the alert fires.
type forbidText struct {
	Of    string  `yaml:"of"`
	Kind  string  `yaml:"kind"`
	Point string  `yaml:"point"`
	Value float64 `yaml:"value"`
}
