package status

import (
	"cmp"
	"context"
	"html/template"
	"net/http"
	"strconv"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/action"
	"github.com/linshao/linshao/gateway/internal/names"
	"github.com/linshao/linshao/rules"
)

// outputWords are the texts of the outputs' page in one language.
type outputWords struct {
	Title, Back, Again, Stands, Safe, Held, Free, Until, Locked, Move, Type, For, Release string
	None, Ill, Done, Released, Nothing, Mistyped, Unknown                                 string
}

func outputWordsOf(lang string) outputWords {
	if lang == "zh" {
		return outputWords{Title: "输出与手动", Back: "返回", Again: "刷新", Stands: "现在", Safe: "安全值", Held: "占用", Free: "无人占用", Until: "到", Locked: "安全动作后锁定，还剩",
			Move: "手动操作", Type: "离开安全状态。确认请输入", For: "占用时间", Release: "解除占用", None: "没有可操作的输出", Ill: "规则没有运行：没有自动保护",
			Done: "已到位：", Released: "已解除占用", Nothing: "没有可解除的占用（规则的占用随告警结束）", Mistyped: "没有执行：确认的设备编号不对", Unknown: "没有这个输出或这个值"}
	}
	return outputWords{Title: "Outputs and manual control", Back: "Back", Again: "Refresh", Stands: "now", Safe: "safe", Held: "Held by", Free: "Held by nobody", Until: "until",
		Locked: "Locked out after a safety action for another", Move: "Move by hand", Type: "Away from safe. To confirm, type", For: "Hold for", Release: "Release the hold",
		None: "There is nothing to move", Ill: "The rules do not run: nothing is protected by itself", Done: "Done: ", Released: "Released",
		Nothing: "Nothing to release (a rule's hold ends with its alert)", Mistyped: "Not done: that is not the id of the device", Unknown: "There is no such output or value"}
}

// outputsView is what the template draws.
type outputsView struct {
	T                    words
	W                    outputWords
	C                    Config
	Now, Notice, Ill     string
	Bad                  bool
	Outputs              []outputView
	Next, Previous, From int
	Spans                []spanView
}

// A spanView is a time for which a person can hold an output.
type spanView struct{ For, Name string }

type outputView struct {
	Device, Point, Name, Label, Place, Safe string // Label: the point for people
	Now                                     pointView
	Owner, Who, Reason, Until, Locked       string
	Releases                                bool
	Moves                                   []moveView
}

type moveView struct {
	Value, Name string
	Away        bool
}

func (p *Page) outputs(w http.ResponseWriter, r *http.Request) {
	p.drawOutputs(w, r, http.StatusOK, "")
}

func (p *Page) drawOutputs(w http.ResponseWriter, r *http.Request, code int, notice string) {
	t := wordsOf(r.Header.Get("Accept-Language"))
	now := p.cfg.Now()
	v := outputsView{T: t, W: outputWordsOf(t.Lang), C: p.cfg, Now: now.In(p.cfg.Location).Format("2006-01-02 15:04:05"), Notice: notice, Bad: code != http.StatusOK, Previous: -1}
	for _, span := range []time.Duration{10 * time.Minute, time.Hour, 8 * time.Hour, 24 * time.Hour} {
		v.Spans = append(v.Spans, spanView{span.String(), names.Span(span, t.language())})
	}
	if err := p.cfg.Healthy(); err != nil {
		v.Ill = err.Error()
	}
	all := p.cfg.Outputs()
	v.From, _ = strconv.Atoi(r.FormValue("from")) // a bad number is the first page
	v.From = max(0, min(v.From, max(0, len(all)-1)))
	to := min(v.From+pageSize, len(all))
	if to < len(all) {
		v.Next = to
	}
	if v.From > 0 {
		v.Previous = max(0, v.From-pageSize)
	}
	titles := map[string]string{} // of the alerts that hold something
	if v.Ill == "" {
		ctx, cancel := context.WithTimeout(r.Context(), 500*time.Millisecond)
		alerts, _ := p.cfg.Alerts(ctx) // without them the id stands alone
		cancel()
		for _, a := range alerts {
			titles[a.Alert] = pickText(t, a.Title)
		}
	}
	for _, o := range all[v.From:to] {
		x := p.output(t, o, now)
		if title := titles[x.Who]; title != "" {
			x.Who, x.Reason = title, "" // the alert by its name, not by its id
		}
		v.Outputs = append(v.Outputs, x)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	if err := template.Must(template.ParseFS(files, "outputs.html")).Execute(w, v); err != nil {
		p.cfg.Log.Debug("draw outputs page", "error", err)
	}
}

func (p *Page) output(t words, o action.View, now time.Time) outputView {
	d := p.deviceOf(o.Device)
	v := outputView{Device: o.Device, Point: o.Point.Name, Label: names.Point(o.Point.Name, t.language()), Name: d.Name, Place: d.Place, Now: p.point(t, d, o.Point, now), Releases: o.Releases}
	if o.HasSafe {
		v.Safe = names.Value(o.Point, o.Safe, t.language())
	}
	if h := o.Holder; h != nil {
		v.Owner, v.Who, v.Reason = pickText(t, h.Owner.Words()), h.Who, h.Reason
		if !h.Until.IsZero() {
			v.Until = now.Add(time.Until(h.Until)).In(p.cfg.Location).Format("01-02 15:04")
		}
	}
	if o.LockedFor > 0 {
		v.Locked = names.Span(o.LockedFor, t.language())
	}
	for _, value := range o.Point.Writable {
		if d.Kind == "valve" && (!o.HasSafe || value != o.Safe) {
			continue // no button opens a gas valve
		}
		v.Moves = append(v.Moves, moveView{strconv.FormatFloat(value, 'f', -1, 64), names.Value(o.Point, value, t.language()), !o.HasSafe || value != o.Safe})
	}
	return v
}

// deviceOf finds a device by its id.
func (p *Page) deviceOf(id string) device.Device {
	for _, d := range p.cfg.Devices {
		if d.ID == id {
			return d
		}
	}
	return device.Device{ID: id, Name: id}
}

func pickText(t words, text rules.Text) string {
	if t.Lang == "zh" {
		return text.ZH
	}
	return text.EN
}

// who is the person at the page, as the record names them.
func (p *Page) who() string {
	if p.cfg.User != "" {
		return p.cfg.User
	}
	return "local"
}

// move moves an output by hand: the person stands at the site. Away from safe the device's id must have been typed.
func (p *Page) move(w http.ResponseWriter, r *http.Request) {
	t := wordsOf(r.Header.Get("Accept-Language"))
	words := outputWordsOf(t.Lang)
	o, ok := p.asked(r)
	value, err := strconv.ParseFloat(r.FormValue("value"), 64)
	if !ok || err != nil || !o.Point.Allows(value) {
		p.drawOutputs(w, r, http.StatusBadRequest, words.Unknown)
		return
	}
	if away := !o.HasSafe || value != o.Safe; away && r.FormValue("confirm") != o.Device {
		p.drawOutputs(w, r, http.StatusConflict, words.Mistyped)
		return
	}
	lasts, err := time.ParseDuration(r.FormValue("for"))
	if err != nil {
		lasts = action.HoldTime
	}
	result, err := p.cfg.Move(r.Context(), action.Request{Owner: action.Manual, Who: p.who(), Reason: "local page", For: lasts,
		Action: rules.Action{Device: o.Device, Point: o.Point.Name, Value: value}})
	switch {
	case err != nil:
		p.cfg.Log.Warn("move output", "device", o.Device, "error", err)
		p.drawOutputs(w, r, http.StatusServiceUnavailable, err.Error())
	case result.Outcome != action.Confirmed:
		p.drawOutputs(w, r, http.StatusConflict, o.Device+": "+pickText(t, result.Why))
	default:
		p.drawOutputs(w, r, http.StatusOK, words.Done+cmp.Or(p.deviceOf(o.Device).Name, o.Device)+" "+names.Value(o.Point, value, t.language()))
	}
}

// release ends what a person, the cloud or a plan holds.
func (p *Page) release(w http.ResponseWriter, r *http.Request) {
	words := outputWordsOf(wordsOf(r.Header.Get("Accept-Language")).Lang)
	o, ok := p.asked(r)
	if !ok {
		p.drawOutputs(w, r, http.StatusBadRequest, words.Unknown)
		return
	}
	if !p.cfg.Release(o.Point.Key(), p.who()) {
		p.drawOutputs(w, r, http.StatusConflict, words.Nothing)
		return
	}
	p.drawOutputs(w, r, http.StatusOK, words.Released)
}

func (p *Page) asked(r *http.Request) (action.View, bool) {
	for _, o := range p.cfg.Outputs() {
		if o.Device == r.FormValue("device") && o.Point.Name == r.FormValue("point") {
			return o, true
		}
	}
	return action.View{}, false
}
