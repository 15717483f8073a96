package person

// A Place is a table with its columns that name people.
type Place struct {
	Table                       string
	Names, Phones, Texts, Track []string
}

// Places are all of them but the audit, whose rows are a chain.
func Places() (out []Place) {
	for _, t := range tables() {
		if t.apart {
			continue
		}
		p := Place{Table: t.name, Texts: t.texts, Track: t.track}
		for _, h := range t.names {
			p.Names = append(p.Names, h.column)
			if h.phone != "" {
				p.Phones = append(p.Phones, h.phone)
			}
		}
		out = append(out, p)
	}
	return out
}

// AllPlaces are all of them with the audit.
func AllPlaces() []Place {
	return append(Places(), Place{Table: "audit", Names: []string{"who"}, Texts: []string{"about", "zh", "en", "detail", "address"}})
}
