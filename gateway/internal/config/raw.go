package config

import "github.com/linshao/linshao/rules"

// rawSite is gateway.yaml as it stands. Durations, sizes and addresses are texts here, so that a bad one is told at its place.
type rawSite struct {
	Site struct {
		ID       string `yaml:"id"`
		Name     string `yaml:"name"`
		Timezone string `yaml:"timezone"`
		CardKey  string `yaml:"card_key_file"`
	} `yaml:"site"`
	Gateway   string    `yaml:"gateway"`
	Data      string    `yaml:"data"`
	Profiles  string    `yaml:"profiles"`
	Rules     string    `yaml:"rules"`
	Include   string    `yaml:"include"`
	Cloud     rawBroker `yaml:"cloud"`
	Sparkplug struct {
		URL          string `yaml:"url"`
		CA           string `yaml:"ca"`
		Cert         string `yaml:"cert"`
		Key          string `yaml:"key"`
		Group        string `yaml:"group"`
		PasswordFile string `yaml:"password_file"`
	} `yaml:"sparkplug"`
	Trust struct {
		CommandKey string `yaml:"command_key"`
		UpdateKey  string `yaml:"update_key"`
	} `yaml:"trust"`
	Status struct {
		Listen       string `yaml:"listen"`
		PasswordFile string `yaml:"password_file"`
	} `yaml:"status"`
	Outbox struct {
		TelemetryQuota string `yaml:"telemetry_quota"`
		EventsQuota    string `yaml:"events_quota"`
		Sync           string `yaml:"sync"`
		Linger         string `yaml:"linger"`
	} `yaml:"outbox"`
	Audit struct {
		At string `yaml:"at"`
	} `yaml:"audit"`
	Zones []struct {
		ID   string `yaml:"id"`
		Name string `yaml:"name"`
	} `yaml:"zones"`
	Evidence struct {
		Quota   string               `yaml:"quota"`
		Keep    string               `yaml:"keep"`
		Cameras map[string]rawCamera `yaml:"cameras"`
	} `yaml:"evidence"`
	Channels  []rawChannel           `yaml:"channels"`
	Outputs   []rawOutput            `yaml:"outputs"`
	Overrides map[string]rawOverride `yaml:"overrides"`
	Emergency bool                   `yaml:"emergency"`
}

// rawBroker is an MQTT broker and how one is let in.
type rawBroker struct {
	URL  string `yaml:"url"`
	CA   string `yaml:"ca"`
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

// rawCamera is what a camera sees besides its own zone.
type rawCamera struct {
	Zones   []string `yaml:"zones"`
	Devices []string `yaml:"devices"`
	Rules   []string `yaml:"rules"`
}

// rawOutput is what the site says of one output, or of all outputs of a kind.
type rawOutput struct {
	Device  string   `yaml:"device"`
	Kind    string   `yaml:"kind"`
	Point   string   `yaml:"point"`
	Safe    *rawSafe `yaml:"safe"`
	Lockout string   `yaml:"lockout"`
}

type rawSafe struct {
	Value *float64 `yaml:"value"`
	On    []string `yaml:"on"`
	After string   `yaml:"after"`
}

type rawChannel struct {
	ID      string      `yaml:"id"`
	Driver  string      `yaml:"driver"`
	Address string      `yaml:"address"`
	Line    rawSerial   `yaml:",inline"`
	Timeout string      `yaml:"timeout"`
	Pause   string      `yaml:"pause"`
	Turn    string      `yaml:"turnaround"`
	Devices []rawDevice `yaml:"devices"`
}

// rawSerial are the settings of a serial line, or of a device on a line that several protocols share.
type rawSerial struct {
	Baud     *int   `yaml:"baud"`
	Parity   string `yaml:"parity"`
	StopBits *int   `yaml:"stop_bits"`
}

type rawDevice struct {
	ID           string            `yaml:"id"`
	Name         string            `yaml:"name"`
	Profile      string            `yaml:"profile"`
	Address      string            `yaml:"address"`
	PasswordFile string            `yaml:"password_file"`
	InstallMode  bool              `yaml:"install_mode"`
	Place        string            `yaml:"place"`
	Zone         string            `yaml:"zone"`
	Poll         string            `yaml:"poll"`
	Labels       map[string]string `yaml:"labels"`
	Line         rawSerial         `yaml:",inline"`

	Points map[string]rawReport `yaml:"points"`

	Replaced bool `yaml:"-"` // a fragment stands for it
}

// rawReport is what of a point's readings is recorded: in a profile as keys of the point, of a device by the point's name.
type rawReport struct {
	Deadband string `yaml:"deadband"`
	Report   string `yaml:"report"`
}

type rawOverride struct {
	Mode   string                 `yaml:"mode"`
	Params map[string]rules.Param `yaml:"params"`
}

type rawText struct {
	ZH string `yaml:"zh"`
	EN string `yaml:"en"`
}

// rawProfile is one file of the profiles folder.
type rawProfile struct {
	Model        string     `yaml:"model"`
	Title        rawText    `yaml:"title"`
	Kind         string     `yaml:"kind"`
	Protocol     string     `yaml:"protocol"`
	Source       string     `yaml:"source"`
	PartOf       string     `yaml:"part_of"`
	Poll         string     `yaml:"poll"`
	Pause        string     `yaml:"pause"`
	MaxRegisters int        `yaml:"max_registers"`
	Holes        [][]uint32 `yaml:"holes"`
	Even         bool       `yaml:"even"`
	Ports        int        `yaml:"ports"`
	PortStride   uint32     `yaml:"port_stride"`
	BitStride    *uint32    `yaml:"bit_stride"`
	Points       []rawPoint `yaml:"points"`
	Identity     *rawPoint  `yaml:"identity"`
	ASCII        *rawASCII  `yaml:"ascii"`
	Stream       rawStream  `yaml:"stream"`

	Golden map[string]map[string]string `yaml:"golden"` // by point and by what stands on the wire
}

// rawStream is where a maker's cameras have their streams: path and query, with {channel} for the recorder's channel.
type rawStream struct {
	Main string `yaml:"main"`
	Sub  string `yaml:"sub"`
}

// rawState is one line of a point's map: for a bit, a raw value or a range of them; for every value where there is none of these.
type rawState struct {
	Bit  *int64   `yaml:"bit"`
	Raw  *int64   `yaml:"raw"`
	From *int64   `yaml:"from"`
	To   *int64   `yaml:"to"`
	Is   *float64 `yaml:"is"`
}

// rawStuck says how long a point may stand still, and while what.
type rawStuck struct {
	After string `yaml:"after"`
	While string `yaml:"while"`
}

// rawASCII is what the lines of a reader look like that speaks unasked.
type rawASCII struct {
	Frame   string `yaml:"frame"`
	End     string `yaml:"end"`
	Value   string `yaml:"value"`
	Check   string `yaml:"check"`
	Bits    int    `yaml:"bits"`
	Parity  bool   `yaml:"parity"`
	Reverse bool   `yaml:"reverse"`
}

type rawPoint struct {
	Name    string             `yaml:"name"`
	Unit    string             `yaml:"unit"`
	At      string             `yaml:"at"`
	Type    string             `yaml:"type"`
	Swap    bool               `yaml:"swap"`
	Scale   *float64           `yaml:"scale"`
	Offset  float64            `yaml:"offset"`
	Special map[string]string  `yaml:"special"`
	Map     []rawState         `yaml:"map"`
	Min     float64            `yaml:"min"`
	Max     float64            `yaml:"max"`
	Rate    float64            `yaml:"rate"`
	Stuck   *rawStuck          `yaml:"stuck"`
	Labels  map[string]rawText `yaml:"labels"`
	Write   []float64          `yaml:"write"`
	Common  bool               `yaml:"common"`

	Deadband string `yaml:"deadband"`
	Report   string `yaml:"report"`
}
