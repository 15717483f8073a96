package physics

// Chemistry of a battery: it decides the shape of its charge.
type Chemistry string

// The chemistries of e-bikes.
const (
	LeadAcid Chemistry = "pb"
	Lithium  Chemistry = "li"
)

// A Pack is a battery with its charger, as the socket sees it.
type Pack struct {
	Name      string
	Chemistry Chemistry
	Peak      float64 // W, at the knee between constant current and constant voltage
	Energy    float64 // kWh from empty to full, at the socket
}

// Packs are the combinations seen in compounds. Peak is P = I·U/η with η 0.80 to 0.85, the middle of it; energy is
// Ah·U·1.15/0.85 for lead-acid, Ah·U·1.03/0.88 for lithium.
func Packs() []Pack {
	return []Pack{
		{"pb-36v12ah", LeadAcid, 97, 0.58},
		{"pb-48v12ah", LeadAcid, 129, 0.78},
		{"pb-48v20ah", LeadAcid, 201, 1.30},
		{"pb-60v20ah", LeadAcid, 251, 1.62},
		{"pb-72v20ah", LeadAcid, 302, 1.95},
		{"pb-72v32ah", LeadAcid, 538, 3.12},
		{"li-48v20ah-3a", Lithium, 199, 1.12},
		{"li-48v20ah-5a", Lithium, 331, 1.12},
	}
}

// PackNamed finds a pack.
func PackNamed(name string) (Pack, bool) {
	for _, p := range Packs() {
		if p.Name == name {
			return p, true
		}
	}
	return Pack{}, false
}
