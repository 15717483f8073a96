package pages_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/commission"
	"github.com/linshao/linshao/gateway/internal/commission/pages"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/doctor"
	"github.com/linshao/linshao/gateway/internal/poll"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is the pages over a line whose scan goes on step by step, as the test says.
type bench struct {
	*pages.Pages
	steps    chan commission.Progress // closed: the scan ends with report
	report   commission.Report
	requests []commission.ScanRequest
	reads    []commission.ReadRequest
	claims   []pages.Claim
	refuse   error
	busy     error
	kept     error // why a line is not lent
	restarts int
	looks    int           // short ones
	looked   chan struct{} // a long look waits for it; nil: it does not
}

func (b *bench) Scan(ctx context.Context, req commission.ScanRequest, progress func(commission.Progress)) (commission.Report, error) {
	b.requests = append(b.requests, req)
	if b.kept != nil {
		return commission.Report{}, b.kept
	}
	for {
		select {
		case s, more := <-b.steps:
			if !more {
				return b.report, nil
			}
			progress(s)
		case <-ctx.Done():
			return commission.Report{}, ctx.Err()
		}
	}
}

func (b *bench) Read(_ context.Context, req commission.ReadRequest) (commission.ReadReport, error) {
	b.reads = append(b.reads, req)
	if b.kept != nil {
		return commission.ReadReport{}, b.kept
	}
	value := 231.4
	return commission.ReadReport{Device: req.Device, Name: "总表", Model: "eastron-sdm120", Trials: []commission.Trial{
		{Point: "voltage", Unit: "V", Value: &value, Quality: "good", Raw: "0909", Register: "input 0x0000", Human: "3x0001", TookMS: 31, Shows: "一致"}}}, nil
}

func start(t *testing.T) *bench {
	t.Helper()
	b := &bench{steps: make(chan commission.Progress)}
	site := &config.Site{Name: "锦绣<花园>", Gateway: "gw-1", Zones: map[string]string{"shed-1": "车棚"}, Channels: []config.Channel{
		{Channel: device.Channel{ID: "rs485-1", Driver: config.DriverSerial, Address: "/dev/ttyS1", Serial: device.Serial{Baud: 9600, Parity: device.ParityNone, StopBits: 1}},
			Devices: []device.Device{{ID: "meter-1", Name: "总表", Points: []device.Point{{Address: "1", Protocol: "modbus"}}}, {ID: "meter-2"}}},
		{Channel: device.Channel{ID: "cams", Driver: config.DriverRTSP}}}}
	b.Pages = pages.New(pages.Config{Site: site, Service: b, Log: slog.New(slog.DiscardHandler),
		Models: []*config.Model{{Name: "eastron-sdm120", Kind: "meter", Protocol: "modbus"}, {Name: "dlt645-2007", Kind: "meter", Protocol: "dlt645"}},
		Claim: func(_ context.Context, c pages.Claim, _ config.Language) error {
			b.claims = append(b.claims, c)
			return b.refuse
		},
		Restart: func(context.Context, config.Language) error {
			b.restarts++
			return b.busy
		},
		Examine: func(_ context.Context, lines bool) []doctor.Finding {
			said := "short look"
			if lines {
				said = "long look"
				if b.looked != nil {
					<-b.looked
				}
			} else {
				b.looks++
			}
			return []doctor.Finding{{Area: commission.Text{ZH: "时钟", EN: "clock"}, Level: doctor.Well, Said: commission.Text{ZH: said, EN: said}}}
		},
		Handover: func(_ context.Context, w io.Writer, l config.Language) error {
			_, err := io.WriteString(w, "sheet in "+string(l))
			return err
		}})
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b *bench) get(t *testing.T, path string, wants ...string) string {
	t.Helper()
	return b.ask(t, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil), http.StatusOK, wants...)
}

func (b *bench) post(t *testing.T, path string, code int, form url.Values, wants ...string) string {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.ask(t, r, code, wants...)
}

func (b *bench) ask(t *testing.T, r *http.Request, code int, wants ...string) string {
	t.Helper()
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	body := w.Body.String()
	if w.Code != code {
		t.Errorf("%s %s: %d, want %d: %s", r.Method, r.URL, w.Code, code, body)
	}
	for _, want := range wants {
		if !strings.Contains(body, want) {
			t.Errorf("%s %s does not say %q:\n%s", r.Method, r.URL, want, body)
		}
	}
	return body
}

func found() commission.Found {
	value := 231.4
	return commission.Found{Protocol: "modbus", Address: "7", Setting: commission.Setting{Baud: 9600, Parity: device.ParityNone, StopBits: 1}, State: commission.StateDevice, TookMS: 31,
		Candidates: []commission.Candidate{{Model: "eastron-sdm120", Title: commission.Text{ZH: "单相表", EN: "meter"}, Kind: "meter", Confidence: .98}},
		Trial:      []commission.Trial{{Point: "voltage", Unit: "V", Value: &value, Quality: "good"}}}
}

// TestFromScanToTrialRead is the way of an installer.
func TestFromScanToTrialRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		b.get(t, "/commission", "锦绣&lt;花园&gt;", "short look", "rs485-1", `href="/commission/scan?bus=rs485-1"`)
		b.get(t, "/commission/scan?bus=rs485-1", `value="1-32"`, "只读不写")
		form := url.Values{"bus": {"rs485-1"}, "addresses": {"1-8"}, "settings": {"own"}}
		b.post(t, "/commission/scan", http.StatusSeeOther, form)
		b.post(t, "/commission/scan", http.StatusSeeOther, form) // the same scan
		b.steps <- commission.Progress{Kind: commission.Planned, Plan: &commission.Plan{Channel: "rs485-1", MostMS: 3600, Paused: true}}
		f := found()
		b.steps <- commission.Progress{Kind: commission.Tried, Setting: f.Setting, Done: 7, Total: 8, Found: &f}
		synctest.Wait()
		b.get(t, "/commission/scan?bus=rs485-1", "7/8", "采集已暂停", "最多 4 s", `http-equiv="refresh" content="1"`, "单相表", "98 %", "231.4 V", "停止")
		twin := commission.Found{Protocol: "modbus", Address: "15", State: commission.StateDuplicate, Asked: 3, Damaged: 3,
			Hints: []commission.Hint{{Code: "duplicate-address", Address: "15", Text: commission.Text{ZH: "两台同址", EN: "two"}}}}
		known := found()
		known.Address, known.Configured = "1", []string{"meter-1"}
		b.report = commission.Report{Found: []commission.Found{known, f, twin}, TookMS: 4100}
		close(b.steps)
		synctest.Wait()
		page := b.get(t, "/commission/scan?bus=rs485-1", "找到 3 台", "已配置：", "重复地址", "损坏 3/3", "两台同址", "4.1 s",
			`href="/commission/claim?bus=rs485-1&amp;protocol=modbus&amp;address=7"`)
		if strings.Contains(page, "address=15\"") || strings.Contains(page, "address=1\"") || strings.Contains(page, "http-equiv") || len(b.requests) != 1 {
			t.Errorf("%d scans; %s", len(b.requests), page)
		}
		b.get(t, "/commission/claim", "rs485-1", "address=7")
		b.get(t, "/commission/claim?bus=rs485-1&protocol=modbus&address=7", `value="eastron-sdm120" selected`, `value="meter-7"`, "车棚")
		claim := url.Values{"bus": {"rs485-1"}, "protocol": {"modbus"}, "address": {"7"}, "model": {"eastron-sdm120"}, "id": {" meter-7 "}, "name": {"水泵"}, "place": {"水泵房"}, "zone": {"shed-1"}}
		b.refuse = errors.New("地址 7 已被 meter-9 使用")
		b.post(t, "/commission/claim", http.StatusConflict, claim, "已被 meter-9 使用", `value="水泵房"`)
		b.refuse, b.busy = nil, errors.New("有 A 级告警，先处理")
		b.post(t, "/commission/claim", http.StatusConflict, claim, "meter-7 已认领", "有 A 级告警", "再试一次")
		b.busy = nil
		b.post(t, "/commission/restart", http.StatusOK, url.Values{"device": {"meter-7"}}, "url=/commission/try?device=meter-7")
		b.post(t, "/commission/claim", http.StatusOK, claim, "meter-7 已认领", "url=/commission/try?device=meter-7")
		want := pages.Claim{Channel: "rs485-1", Protocol: "modbus", Address: "7", Setting: f.Setting, Model: "eastron-sdm120", ID: "meter-7", Name: "水泵", Place: "水泵房", Zone: "shed-1"}
		if len(b.claims) != 3 || b.claims[2] != want || b.restarts != 3 {
			t.Errorf("%+v, %d restarts", b.claims, b.restarts)
		}
		b.get(t, "/commission/try", "device=meter-1")
		b.get(t, "/commission/try?device=meter-1", "231.4 V", "0909", "3x0001", "31 ms")
		b.post(t, "/commission/try", http.StatusOK, url.Values{"device": {"meter-1"}, "shows.voltage": {"231,4"}, "shows.power": {"x"}}, "一致", `value="231,4"`, "x 不是数字")
		if last := b.reads[len(b.reads)-1]; last.Device != "meter-1" || last.Shows["voltage"] != 231.4 || len(last.Shows) != 1 {
			t.Errorf("%+v", last)
		}
		b.get(t, "/commission/handover", "sheet in zh")
	})
}

func TestAScanIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		b.post(t, "/commission/scan", http.StatusSeeOther, url.Values{"bus": {"rs485-1"}})
		b.post(t, "/commission/scan/stop", http.StatusSeeOther, url.Values{"bus": {"rs485-1"}})
		synctest.Wait()
		b.get(t, "/commission/scan?bus=rs485-1", "已停止，采集已恢复", "重新扫描")
		b.post(t, "/commission/look", http.StatusSeeOther, nil)
		synctest.Wait()
		b.get(t, "/commission", "long look")
	})
}

func TestBadRequestsAreSaidWhy(t *testing.T) {
	b := start(t)
	b.post(t, "/commission/scan", http.StatusNotFound, url.Values{"bus": {"cams"}}, "没有这条总线")
	b.post(t, "/commission/scan", http.StatusBadRequest, url.Values{"bus": {"rs485-1"}, "addresses": {"0-300"}}, "1-32")
	b.post(t, "/commission/scan/stop", http.StatusNotFound, url.Values{"bus": {"x"}})
	b.post(t, "/commission/claim", http.StatusOK, url.Values{"bus": {"rs485-1"}, "address": {"7"}}, "先扫描这条总线")
	if len(b.requests)+len(b.claims) != 0 {
		t.Errorf("%v %v", b.requests, b.claims)
	}
}

// TestAPageThatWaitsLooksAtNothing: it is drawn every second, and a look reads the whole configuration.
func TestAPageThatWaitsLooksAtNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		b.looked = make(chan struct{})
		b.get(t, "/commission", "short look")
		b.post(t, "/commission/look", http.StatusSeeOther, nil)
		for range 5 {
			b.get(t, "/commission", `http-equiv="refresh"`)
		}
		if b.looks != 1 {
			t.Errorf("%d short looks, one of them before", b.looks)
		}
		close(b.looked)
		synctest.Wait()
		b.get(t, "/commission", "long look")
	})
}

// A line that an alert keeps is not lent: the page says so in words, and not that nobody has answered.
func TestALineThatAnAlertKeepsIsNotCalledSilent(t *testing.T) { synctest.Test(t, keptLine) }

func keptLine(t *testing.T) {
	b := start(t)
	b.kept = fmt.Errorf("scan rs485-1: lend channel rs485-1: %w: gas leak", poll.ErrAlarm)
	b.post(t, "/commission/scan", http.StatusSeeOther, url.Values{"bus": {"rs485-1"}})
	synctest.Wait()
	page := b.get(t, "/commission/scan?bus=rs485-1", "这条总线上有紧急告警", `<a class="ask" href="/">看告警</a>`)
	for _, no := range []string{"lend channel", "没有任何应答"} {
		if strings.Contains(page, no) {
			t.Errorf("the page says %q: %s", no, page)
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/commission/try?device=meter-1", nil)
	if page := b.ask(t, r, http.StatusServiceUnavailable, "这条总线上有紧急告警"); strings.Contains(page, "lend channel") {
		t.Error(page)
	}
}
