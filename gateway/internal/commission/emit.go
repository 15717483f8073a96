package commission

import (
	"fmt"
	"slices"
	"strings"

	"github.com/linshao/linshao/gateway/internal/config"
)

// likely is how sure the first of several candidates must be to stand in a fragment without a question mark.
const likely = 0.5

// Emit writes the new devices of a report as a fragment for the include folder of gateway.yaml. A device whose model is not known,
// or not sure enough, stands in it as a comment: nobody has said what it is. Configured devices and faults are left out.
func Emit(r Report, lang config.Language) []byte {
	say := func(zh, en string) string { return Text{zh, en}.In(lang) }
	var b strings.Builder
	fmt.Fprintf(&b, say("# gateway scan 找到的 %s 上的新设备。选好型号，改好 id 和 name，再 gateway claim 本文件。\n", "# New devices of %s, found by gateway scan. Choose models, give them ids and names, then gateway claim this file.\n"), r.Plan.Channel)
	fmt.Fprintf(&b, "channel: %s\n", r.Plan.Channel)
	var lines []string
	one := slices.ContainsFunc(r.Hints, func(h Hint) bool { return h.Code == HintAnyUnit }) // at all addresses
	for _, f := range r.Found {
		if one && (lines != nil || slices.ContainsFunc(r.Found, func(o Found) bool { return o.Configured != nil })) {
			break
		}
		if f.Configured != nil || f.State != StateDevice {
			continue
		}
		lines = append(lines, entry(r, f, say)...)
	}
	b.WriteString("devices:\n") // of comments alone too: then a # is all that must go
	for _, l := range lines {
		b.WriteString(l + "\n")
	}
	return []byte(b.String())
}

// entry is one device.
func entry(r Report, f Found, say func(zh, en string) string) []string {
	if len(f.Candidates) == 0 {
		return []string{fmt.Sprintf(say("  # 地址 %s：型号未知，见 gateway probe %s", "  # address %s: unknown model, see gateway probe %s"), f.Address, f.Address)}
	}
	best := f.Candidates[0]
	keys := []string{"id: " + ID(best.Kind, f), "profile: " + best.Model, fmt.Sprintf("address: %q", f.Address)}
	if own := ownLine(r, f); own != "" {
		keys = append(keys, own)
	}
	line := "- {" + strings.Join(keys, ", ") + "}"
	note := fmt.Sprintf("   # %d%%", int(best.Confidence*100+0.5))
	var others []string
	for _, c := range f.Candidates[1:] {
		others = append(others, fmt.Sprintf("%s %d%%", c.Model, int(c.Confidence*100+0.5)))
	}
	if others != nil {
		note += say("，也可能是 ", "; or ") + strings.Join(others, ", ")
	}
	if best.Confidence < likely {
		return []string{fmt.Sprintf(say("  # 地址 %s：型号不能确定，选一个，去掉 #", "  # address %s: the model is not sure; choose one and remove the #"), f.Address), "  # " + line + note}
	}
	return []string{"  " + line + note}
}

// ownLine are the settings that a device needs beside its channel's.
func ownLine(r Report, f Found) string {
	if f.Setting.Baud == 0 || r.Driver != config.DriverSerial {
		return ""
	}
	// What the channel's protocol is delivered with is written too: it costs nothing and is told to whoever reads the file.
	usual := r.Line
	if f.Protocol != protocolModbus {
		usual = Setting{}
	}
	if f.Setting == usual {
		return ""
	}
	return fmt.Sprintf("baud: %d, parity: %s", f.Setting.Baud, f.Setting.Parity)
}

// ID is a name for a new device: its kind and its address, "meter-12".
func ID(kind string, f Found) string {
	return kind + "-" + strings.TrimLeft(f.Address, "0")
}

// Skeleton writes a profile for a device that was probed. Its source is left empty on purpose: the gateway refuses it until whoever
// knows where the map comes from has said so.
func Skeleton(r ProbeReport, model string, lang config.Language) []byte {
	say := func(zh, en string) string { return Text{zh, en}.In(lang) }
	var b strings.Builder
	fmt.Fprintf(&b, say("# gateway probe 在 %s 地址 %s 读到的寄存器。对照设备显示改好名称、单位、比例；不要的删去。\n", "# The registers that gateway probe read at %s, address %s. Compare with the device's display: name, unit, scale; remove the rest.\n"), r.Channel, r.Address)
	fmt.Fprintf(&b, "model: %s\ntitle: {zh: %s, en: %s}\nkind: meter\nprotocol: modbus\n", model, model, model)
	fmt.Fprintf(&b, "source: %s\npoll: 10s\npoints:\n", say("   # 寄存器表从哪里来？没有出处不收", "   # where does the map come from? No source, no profile"))
	skip := -1
	for i, reg := range r.Registers {
		if reg.State != RegisterValue || i <= skip {
			continue
		}
		kind, looks := "u16", ""
		if reg.Space == "coil" || reg.Space == "discrete" {
			kind = "bool"
		}
		for _, g := range reg.Guess {
			if g.Looks != "" && looks == "" {
				kind, looks = g.Type, g.Looks
			}
		}
		extra := ""
		if rest, swapped := strings.CutSuffix(kind, " swap"); swapped {
			kind, extra = rest, ", swap: true"
		}
		if slices.Contains([]string{"u32", "i32", "f32"}, kind) {
			skip = i + 1
		}
		if _, by, scaled := strings.Cut(looks, "(×"); scaled {
			extra += ", scale: " + strings.TrimSuffix(by, ")")
		}
		note := fmt.Sprintf("0x%04X = %d", reg.Raw, reg.Raw)
		if looks != "" {
			note += say("，像 ", ", looks like ") + looks
		}
		fmt.Fprintf(&b, "  - {name: %s_%d, at: %s 0x%04X, type: %s%s}   # %s\n", reg.Space, reg.Addr, reg.Space, reg.Addr, kind, extra, note)
	}
	return []byte(b.String())
}
