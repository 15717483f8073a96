package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/linshao/linshao/configs"
)

// ParseFragment reads a fragment by itself: its form, and nothing of what it means in a site.
func ParseFragment(name string, data []byte, lang Language) (Fragment, configs.Problems) {
	s := speaker{lang}
	var f Fragment
	file, err := configs.Parse(name, data)
	if err == nil {
		err = file.Decode(&f)
	}
	if err != nil {
		return f, s.translated(err)
	}
	return f, nil
}

// Text is the fragment as a file, one line for each device.
func (f Fragment) Text() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "channel: %s\n", quoted(f.Channel))
	if len(f.Replaces) > 0 {
		words := make([]string, len(f.Replaces))
		for i, id := range f.Replaces {
			words[i] = quoted(id)
		}
		fmt.Fprintf(&b, "replaces: [%s]\n", strings.Join(words, ", "))
	}
	b.WriteString("devices:\n")
	for _, d := range f.Devices {
		b.WriteString("  - {")
		d.write(&b)
		b.WriteString("}\n")
	}
	return b.Bytes()
}

// write writes the keys of an entry that are given, as one flow mapping's inside.
func (d rawDevice) write(w io.Writer) {
	sep := ""
	put := func(key, value string) {
		fmt.Fprintf(w, "%s%s: %s", sep, key, value)
		sep = ", "
	}
	text := func(key, value string) {
		if value != "" {
			put(key, quoted(value))
		}
	}
	text("id", d.ID)
	text("name", d.Name)
	text("profile", d.Profile)
	text("address", d.Address)
	text("password_file", d.PasswordFile)
	if d.InstallMode {
		put("install_mode", "true")
	}
	text("place", d.Place)
	text("zone", d.Zone)
	text("poll", d.Poll)
	if d.Line.Baud != nil {
		put("baud", fmt.Sprint(*d.Line.Baud))
	}
	text("parity", d.Line.Parity)
	if d.Line.StopBits != nil {
		put("stop_bits", fmt.Sprint(*d.Line.StopBits))
	}
	if len(d.Labels) > 0 {
		var words []string
		for key, value := range sorted(d.Labels) {
			words = append(words, quoted(key)+": "+quoted(value))
		}
		put("labels", "{"+strings.Join(words, ", ")+"}")
	}
	if len(d.Points) > 0 {
		var words []string
		for name, r := range sorted(d.Points) {
			inner := "deadband: " + quoted(r.Deadband)
			if r.Report != "" {
				inner += ", report: " + quoted(r.Report)
			}
			words = append(words, quoted(name)+": {"+inner+"}")
		}
		put("points", "{"+strings.Join(words, ", ")+"}")
	}
}

// quoted is a text as YAML takes it whatever is in it. JSON's texts are such.
func quoted(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(s) != nil {
		return `""` // a text always encodes
	}
	return strings.TrimSpace(b.String())
}
