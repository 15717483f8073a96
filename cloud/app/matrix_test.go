package app_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/app"
	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/notify"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
)

// demand is what an operation demands, said here once more and by hand: the right, and where it must be held.
//
//	open: nothing · self: an account · any: somewhere · street: everywhere · site, gateway, chart, incident, node: there
type demand struct {
	right, where string
	body         string // what is sent; a body that is refused as invalid got past the guard
	ok           []int  // what answers who may; default 200 and 204
}

// demands is every operation of the API. A new one that is not here fails the test.
func demands() map[string]demand {
	invalid := []int{http.StatusUnprocessableEntity}
	unknown := []int{http.StatusNotFound}
	all := map[string]demand{
		"GET /session":          {where: "account"},
		"POST /login":           {where: "open", body: "{}", ok: invalid},
		"GET /login":            {where: "open"},
		"GET /oidc/login":       {where: "open", ok: unknown}, // there is no provider
		"GET /oidc/callback":    {where: "open", ok: unknown},
		"POST /logout":          {where: "open"},
		"POST /password":        {where: "self", body: "{}", ok: invalid},
		"GET /sessions":         {where: "self"},
		"DELETE /sessions/{id}": {where: "self", ok: append(unknown, 422)},

		"GET /incidents":                {right: "see", where: "any"},
		"GET /incidents/outcomes.csv":   {right: "see", where: "any"},
		"GET /incidents/tally":          {right: "see", where: "any"},
		"GET /incidents/{id}/flow":      {right: "see", where: "incident"},
		"GET /incidents/{id}/usual":     {right: "see", where: "incident"},
		"GET /incidents/{id}/assignees": {right: "dispatch", where: "incident"},
		"GET /incidents/{id}/rate":      {right: "rate", where: "incident"},
		"GET /incidents/{id}":           {right: "see", where: "incident"},
		"POST /incidents/{id}/take":     {right: "take", where: "incident", ok: []int{200, 409}},
		"GET /modes":                    {right: "see", where: "any"},
		"GET /ladders":                  {right: "see", where: "any"},
		"GET /audit/verify":             {right: "audit", where: "street"},

		"GET /sites":                             {right: "see", where: "any"},
		"GET /sites/{site}":                      {right: "see", where: "site"},
		"GET /sites/{site}/ledger":               {right: "see", where: "site"},
		"GET /sites/{site}/org":                  {right: "see", where: "site", ok: []int{200, 404}}, // one that hangs on no node
		"GET /devices/{gateway}/{device}":        {right: "see", where: "gateway"},
		"GET /series/{gateway}/{device}/{point}": {right: "see", where: "chart"},
		"GET /ledger/{gateway}/{device}":         {right: "see", where: "gateway"},

		"GET /org":              {right: "see", where: "any"},
		"GET /org/{node}/mode":  {right: "see", where: "node"},
		"POST /org/{node}/mode": {right: "mode", where: "node", body: "{}", ok: invalid},

		"GET /users":           {right: "manage", where: "any"},
		"POST /users":          {right: "manage", where: "any", body: "{}", ok: invalid},
		"PATCH /users/{name}":  {right: "manage", where: "any", body: "{}", ok: unknown},
		"DELETE /users/{name}": {right: "manage", where: "any", ok: unknown},
		"GET /audit":           {right: "audit", where: "any"},

		"GET /updates":                           {right: "install", where: "any"},
		"POST /updates":                          {right: "manage", where: "street", body: "{}", ok: invalid},
		"POST /updates/ring":                     {right: "manage", where: "street", body: "{}", ok: invalid},
		"POST /updates/stop":                     {right: "manage", where: "street", body: "{}", ok: invalid},
		"GET /gateways/{gateway}/config":         {right: "install", where: "gateway"},
		"PUT /gateways/{gateway}/config":         {right: "install", where: "gateway", body: "{}", ok: invalid},
		"POST /gateways/{gateway}/config/revert": {right: "install", where: "gateway", body: "{}", ok: invalid},
		"GET /gateways/{gateway}/desired":        {right: "see", where: "gateway", ok: []int{200, 404}},
		"POST /org/{node}/orders":                {right: "dispatch", where: "node", body: `{"x":1}`, ok: invalid},
		"GET /org/{node}/orders/{order}":         {right: "see", where: "node", ok: []int{404, 422}},
		"GET /orders":                            {right: "see", where: "any"},
		"GET /orders/{order}":                    {right: "see", where: "any", ok: []int{404, 422}},
		"POST /orders/{order}/receipt":           {right: "work", where: "any", body: "{}", ok: []int{404, 422}},
		"GET /cards":                             {right: "see", where: "any"},
		"POST /cards":                            {right: "manage", where: "street", body: "{}", ok: invalid},
		"POST /reports":                          {right: "work", where: "any", body: "{}", ok: invalid},
		"POST /photos":                           {right: "work", where: "any", body: "{}", ok: []int{400, 415, 422}},
		"POST /incidents/{id}/photos":            {right: "work", where: "incident", body: "{}", ok: []int{400, 415, 422}},
		"GET /incidents/{id}/photos/{photo}":     {right: "see", where: "incident", ok: []int{404, 422}},
		"GET /report":                            {right: "see", where: "any"},
		"GET /report.csv":                        {right: "see", where: "any"},
		"GET /report.html":                       {right: "see", where: "any"},

		"GET /journal":              {right: "see", where: "street"},
		"GET /parked":               {right: "see", where: "street"},
		"POST /parked/{id}/reapply": {right: "dispatch", where: "street", ok: append(unknown, 422)},
		"GET /receivers":            {right: "manage", where: "street"},
		"POST /receivers/{id}/test": {right: "manage", where: "street", ok: unknown},

		"GET /health":              {right: "see", where: "any"},
		"GET /health/worst":        {right: "see", where: "any"},
		"GET /health/online":       {right: "see", where: "any"},
		"GET /sites/{site}/health": {right: "see", where: "site"},

		"GET /sites/{site}/windows":                         {right: "see", where: "site"},
		"POST /sites/{site}/windows":                        {right: "dispatch", where: "site", body: "{}", ok: invalid},
		"POST /sites/{site}/windows/{window}/end":           {right: "dispatch", where: "site", ok: append(unknown, 422)},
		"GET /windows":                                      {right: "see", where: "any"},
		"GET /devices/{gateway}/{device}/snooze":            {right: "see", where: "gateway"},
		"POST /devices/{gateway}/{device}/snooze":           {right: "work", where: "gateway", body: `{"minutes":10,"reason":"x"}`, ok: []int{409}},
		"POST /devices/{gateway}/{device}/snooze/end":       {right: "work", where: "gateway", ok: append(unknown, 409)},
		"GET /devices/{gateway}/{device}/meters":            {right: "see", where: "gateway"},
		"POST /devices/{gateway}/{device}/meters":           {right: "install", where: "gateway", body: `{"at":1,"reason":"x","readings":[{"point":"x","last":1,"first":0}]}`, ok: []int{409}},
		"POST /devices/{gateway}/{device}/meters/{id}/undo": {right: "install", where: "gateway", ok: unknown},
		"POST /calibrations":                                {right: "install", where: "any", body: "{}", ok: invalid},

		"GET /incidents/{id}/clips":                            {right: "see", where: "incident"},
		"POST /incidents/{id}/hold":                            {right: "dispatch", where: "incident", body: "{}", ok: invalid},
		"POST /incidents/{id}/release":                         {right: "dispatch", where: "incident"},
		"GET /incidents/{id}/cameras":                          {right: "see", where: "incident"},
		"GET /gateways/{gateway}/cameras":                      {right: "see", where: "gateway"},
		"GET /clips/{clip}/video":                              {right: "look", where: "unknown"},
		"GET /clips/{clip}/still":                              {right: "look", where: "unknown"},
		"GET /evidence/{bundle}":                               {right: "look", where: "unknown"},
		"POST /gateways/{gateway}/cameras/{device}/look":       {right: "look", where: "gateway", body: "{}", ok: invalid},
		"POST /gateways/{gateway}/devices/{device}/frames":     {right: "install", where: "gateway", ok: []int{409}}, // nobody is there to ask
		"POST /gateways/{gateway}/diagnosis":                   {right: "install", where: "gateway", body: "{}", ok: []int{404, 409}},
		"POST /gateways/{gateway}/devices/{device}/trial":      {right: "install", where: "gateway", body: "{}", ok: []int{409}},
		"GET /gateways/{gateway}/cameras/{device}/look/{look}": {right: "look", where: "gateway", ok: unknown},

		"GET /commands":                           {right: "see", where: "any"},
		"GET /commands/{command}":                 {right: "see", where: "unknown"},
		"POST /commands/{command}/approve":        {right: "command", where: "unknown"},
		"POST /commands/{command}/withdraw":       {right: "command", where: "unknown"},
		"GET /devices/{gateway}/{device}/choices": {right: "command", where: "gateway"},
		"POST /gateways/{gateway}/commands":       {right: "command", where: "gateway", body: "{}", ok: invalid},
		"GET /org/{node}/duty":                    {right: "see", where: "node"},
		"POST /org/{node}/handovers":              {right: "work", where: "node", body: "{}", ok: invalid},
		"GET /org/resources":                      {right: "see", where: "any"},
		"POST /org/import":                        {right: "manage", where: "street", body: "{}", ok: []int{http.StatusUnsupportedMediaType}},
		"GET /org/export":                         {right: "manage", where: "street"},
		"PUT /org/{node}/roster":                  {right: "manage", where: "node", body: `{"x":1}`, ok: invalid},
		"GET /dock":                               {right: "see", where: "street"},
		"POST /dock/{target}/answer":              {right: "work", where: "street", ok: []int{200, 204, 400, 404, 409, 422}},
		"POST /dock/{target}/callback":            {where: "open", body: "{}", ok: []int{400, 401, 403, 404, 422}},

		"GET /gateways":                          {right: "install", where: "any"},
		"POST /gateways/{gateway}/enrolment":     {right: "install", where: "gateway, any", body: `{}`, ok: []int{200, 409, 503}},
		"POST /gateways/{gateway}/renewal":       {right: "install", where: "gateway", ok: []int{200, 404, 409}},
		"DELETE /gateways/{gateway}/certificate": {right: "install", where: "gateway", ok: []int{200, 404, 409}},
		"POST /enroll":                           {where: "open", body: "{}", ok: invalid},
		"POST /enroll/challenge":                 {where: "open", ok: []int{200, 404, 409, 503}},
		"POST /enroll/renew":                     {where: "open", body: "{}", ok: invalid},
	}
	for op, d := range map[string]demand{
		"GET /patrol/plans":                          {right: "see", where: "any"},
		"GET /patrol/rounds":                         {right: "see", where: "any"},
		"GET /patrol/rounds/{round}":                 {right: "see", where: "round"},
		"POST /patrol/rounds/{round}/points/{point}": {right: "work", where: "round", body: "{}", ok: invalid},
		"GET /patrol/rounds/{round}/photos/{photo}":  {right: "see", where: "round", ok: unknown},
		"POST /org/{node}/duty-checks":               {right: "dispatch", where: "node", body: `{"x":1}`, ok: invalid},
		"PUT /org/{node}/duty-plan":                  {right: "dispatch", where: "node", body: `{"x":1}`, ok: invalid},
		"GET /duty-plans":                            {right: "dispatch", where: "any"},
		"GET /duty-checks":                           {right: "see", where: "any"},
		"GET /duty-checks/{check}":                   {right: "see", where: "check"},
		"POST /duty-checks/{check}/answer":           {right: "work", where: "check", ok: []int{200, 409}},
	} {
		all[op] = d
	}
	for op, d := range map[string]demand{
		"GET /rules":                           {right: "see", where: "any"},
		"GET /rules/{rule}":                    {right: "see", where: "any", ok: unknown},
		"POST /rules/check":                    {right: "see", where: "any", body: "{}", ok: invalid},
		"POST /rules/replay":                   {right: "see", where: "any", body: "{}", ok: invalid},
		"GET /devices":                         {right: "see", where: "any"},
		"PUT /gateways/{gateway}/rules/{rule}": {right: "install", where: "gateway", body: "{}", ok: invalid},
		"GET /devices/{gateway}/{device}/past": {right: "see", where: "gateway"},
		"GET /machines":                        {right: "see", where: "any"},
		"GET /machines/{gateway}":              {right: "see", where: "gateway"},
		"GET /system":                          {right: "see", where: "street"},
	} {
		all[op] = d
	}
	all["POST /incidents/{id}/links/revoke"] = demand{right: "dispatch", where: "incident", ok: []int{200, 204, 422}}
	all["POST /incidents/{id}/contacts"] = demand{right: "take", where: "incident"}
	all["GET /own-copy"] = demand{where: "self", ok: []int{200, 404}}
	all["GET /people/{name}/copy"] = demand{right: "manage", where: "street", ok: unknown}
	all["POST /people/{name}/erase"] = demand{right: "manage", where: "street", body: `{"x":1}`, ok: invalid}
	all["GET /wall"] = demand{right: "see", where: "any"}
	all["GET /org/drawing"] = demand{right: "see", where: "any"}
	all["PUT /org/drawing"] = demand{right: "manage", where: "street", body: "{}", ok: invalid}
	for op, d := range map[string]demand{
		"GET /sites/{site}/plan":            {right: "see", where: "site"},
		"PUT /sites/{site}/plan":            {right: "install", where: "site", body: `{"x":1}`, ok: invalid},
		"DELETE /sites/{site}/plan":         {right: "install", where: "site"},
		"GET /sites/{site}/plan/picture":    {right: "see", where: "site", ok: unknown},
		"PUT /sites/{site}/plan/picture":    {right: "install", where: "site", body: "{}", ok: invalid},
		"DELETE /sites/{site}/plan/picture": {right: "install", where: "site"},
	} {
		all[op] = d
	}
	all["POST /incidents/{id}/rate-link"] = demand{right: "work", where: "incident", ok: []int{200, 409}}
	for right, deeds := range map[string]string{
		"take":     "begin",
		"work":     "verify reject finish close dispute note",
		"dispatch": "accept dispatch check rework assign urge whistle suspend resume uphold split merge",
		"rate":     "rate",
	} {
		for deed := range strings.FieldsSeq(deeds) {
			all["POST /incidents/{id}/"+deed] = demand{right: right, where: "incident", body: `{"note":1}`, ok: invalid}
		}
	}
	return all
}

// rightsOf is what a role may do, said here once more.
func rightsOf(role string) []string {
	return map[string][]string{
		"viewer": {"see"}, "operator": {"see", "take", "work", "rate", "dispatch", "dial", "look"}, "property": {"see", "take", "work", "rate"}, "grid": {"see", "take", "work", "rate"},
		"community": {"see", "take", "work", "rate", "dispatch", "dial", "look"}, "department": {"see", "take", "work", "rate"}, "street": {"see", "take", "work", "rate", "dispatch", "dial", "mode", "command", "look"},
		"installer": {"see", "install"}, "auditor": {"see", "audit"}, "admin": {"see", "manage", "audit", "install"},
	}[role]
}

// The street of the matrix: n-st above n-above above n-own and n-sib; each but the root with a site, and one site that hangs on
// no node. A caller is called by role and node.
type matrix struct {
	t       *testing.T
	app     *app.App
	handler http.Handler
	links   map[string]string
	asked   *atomic.Int64
}

// under says whether a target lies below a node; "" is everywhere.
func under(node, target string) bool {
	switch node {
	case "":
		return true
	case "n-above":
		return target != "loose"
	}
	return node == "n-"+target
}

type who struct{ role, node string } // role none, must, nobody and link are what they say

func (w who) name() string { return w.role + w.node }

func (w who) holds(right, target string) bool {
	return slices.Contains(rightsOf(w.role), right) && under(w.node, target)
}

// want is the answer's status: 0 for one of those of who may.
func (w who) want(d demand, target string) int {
	switch {
	case d.where == "open":
		return 0
	case w.role == "nobody":
		return 401
	case d.where == "account":
		return 0
	case w.role == "link":
		if target == "own" && (d.where == "incident" && (d.right == "see" || d.right == "take") || d.where == "chart") {
			return 0
		}
		return 401
	case w.role == "rater":
		if target == "own" && d.right == "rate" {
			return 0
		}
		return 401
	case d.where == "self":
		return 0
	case w.role == "must":
		return 403
	case d.where == "unknown":
		return 404
	case d.where == "any" && slices.Contains(rightsOf(w.role), d.right), d.where == "street" && w.holds(d.right, "loose"):
		return 0
	case d.where == "any", d.where == "street":
		return 403
	case d.where == "gateway, any" && !slices.Contains(rightsOf(w.role), d.right):
		return 403
	case w.holds(d.right, target):
		return 0
	case w.holds("see", target):
		return 403
	}
	return 404
}

// foreign are words that must not be in an answer to who.
func (w who) foreign() []string {
	switch {
	case w.role == "link", w.role == "rater":
		return []string{"-sib", "s-above", "gw-above", "GJ-above", "-loose", "s-own-note"}
	case w.node == "n-own":
		return []string{"-sib", "s-above", "gw-above", "GJ-above", "owner-above", "owner-st", "-loose"}
	case w.node == "n-above":
		return []string{"-loose", "owner-st"}
	case w.node == "" && rightsOf(w.role) != nil:
		return nil
	}
	return []string{"-own", "-sib", "-above", "-loose"}
}

func callers() []who {
	out := []who{{role: "nobody"}, {role: "link"}, {role: "rater"}, {role: "none"}, {role: "must"}}
	for _, role := range auth.Roles() {
		out = append(out, who{role, ""}, who{role, "n-above"}, who{role, "n-own"})
	}
	return out
}

// targets of an operation that is about some place.
func (d demand) targets(w who) []string {
	switch d.where {
	case "site", "gateway", "gateway, any", "chart", "incident":
		if w.node == "" && rightsOf(w.role) != nil {
			return []string{"own", "loose"}
		}
		return []string{"own", "sib", "above", "loose"}
	case "node", "round", "check":
		return []string{"own", "sib", "above"}
	}
	return []string{""}
}

// Every operation for every role, in its own part of the street, beside it, above it, and outside of the organisation.
func TestRightsMatrix(t *testing.T) {
	m := newMatrix(t)
	var doc struct {
		Paths map[string]map[string]any `json:"paths"`
	}
	if _, body := m.ask(who{role: "viewer"}, "GET", "/openapi.json", ""); json.Unmarshal(body, &doc) != nil {
		t.Fatalf("no document: %s", body)
	}
	var ops []string
	for path, methods := range doc.Paths {
		for method := range methods {
			ops = append(ops, strings.ToUpper(method)+" "+strings.TrimPrefix(path, "/api/v1"))
		}
	}
	slices.SortFunc(ops, func(a, b string) int { // what ends a link or a certificate comes last
		return cmp.Or(strings.Count(a, "revoke")-strings.Count(b, "revoke"), -strings.Compare(a, b))
	})
	rows, crossings := demands(), 0
	for _, op := range ops {
		d, ok := rows[op]
		if !ok {
			t.Errorf("%s is not in the table of this test: say which right it needs, and where", op)
			continue
		}
		delete(rows, op)
		for _, w := range callers() {
			for _, target := range d.targets(w) {
				crossings += m.one(op, d, w, target)
			}
		}
	}
	for op := range rows {
		t.Errorf("%s is in the table of this test, and not in the API", op)
	}
	t.Logf("%d requests: %d operations, %d callers; %d crossings", m.asked.Load(), len(demands())-len(rows), len(callers()), crossings)
}

// one makes one request and answers how many crossings there were.
func (m *matrix) one(op string, d demand, w who, target string) int {
	method, path, _ := strings.Cut(op, " ")
	id := "GJ-" + target
	if d.where != "incident" {
		id = "1"
	}
	path = strings.NewReplacer("{site}", "s-"+target, "{gateway}", "gw-"+target, "{device}", "gas-1", "{point}", "level", "{node}", "n-"+target, "{name}", "nobody-here", "{id}", id, "{round}", number(target), "{check}", number(target)).Replace(path)
	status, body := m.ask(w, method, path, d.body)
	want := w.want(d, target)
	ok := d.ok
	if ok == nil {
		ok = []int{200, 204}
	}
	if want != 0 {
		ok = []int{want}
	}
	crossed := 0
	if !slices.Contains(ok, status) {
		crossed = 1
		m.t.Errorf("%s: %s %s answers %d, want %v: %.200s", w.name(), method, path, status, ok, body)
	}
	for _, word := range w.foreign() {
		if bytes.Contains(body, []byte(word)) {
			crossed = 1
			m.t.Errorf("%s: %s %s tells of %s: %.300s", w.name(), method, path, word, body)
		}
	}
	return crossed
}

// number is that of the round and of the duty check of a target.
func number(target string) string {
	return strconv.Itoa(1 + slices.Index([]string{"own", "sib", "above"}, target))
}

// token of a session that newMatrix has made.
func (w who) token(op string) string { return "token of " + w.name() + op }

func (m *matrix) ask(w who, method, path, body string) (int, []byte) {
	r := httptest.NewRequestWithContext(m.t.Context(), method, "/api/v1"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	op := ""
	if path == "/logout" {
		op = path // this session ends
	}
	m.sign(r, w, op)
	out := httptest.NewRecorder()
	m.handler.ServeHTTP(out, r)
	return out.Code, out.Body.Bytes()
}

// newMatrix builds the cloud, which does not run, with its street and its callers.
func newMatrix(t *testing.T) *matrix {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "cloud.yaml")
	if err := os.WriteFile(file, []byte("data: data\npublic_url: http://127.0.0.1:1\nhttp: {listen: 127.0.0.1:0}\nmqtt: {listen: 127.0.0.1:0}\nnotify: [{id: duty, kind: wecom, url: \"https://127.0.0.1:1/?key=x\"}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := app.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	asked := &atomic.Int64{}
	now := func() time.Time { return time.Now().Add(time.Duration(asked.Load()) * 5 * time.Millisecond) } // a session alone would soon have to wait, too, on a fast machine
	a, err := app.New(t.Context(), cfg, app.Options{Version: "test", Log: slog.New(slog.DiscardHandler), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	d, err := db.Open(t.Context(), filepath.Join(dir, "data", "cloud.db"), db.Cloud())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	key, err := auth.Secret(t.Context(), d, "links")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Update(t.Context(), func(tx *sql.Tx) error { return populate(t.Context(), tx) }); err != nil {
		t.Fatal(err)
	}
	links := notify.NewLinks("http://127.0.0.1:1", key, time.Now)
	return &matrix{t: t, app: a, handler: a.Handler(), asked: asked, links: map[string]string{"link": links.Key("GJ-own", "duty"), "rater": links.Key("GJ-own", notify.Resident)}}
}

// populate makes the street and, without the hundred milliseconds of each password, the sessions of its callers.
func populate(ctx context.Context, tx *sql.Tx) error {
	now := time.Now().UnixMilli()
	exec := func(query string, args ...any) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	}
	for _, n := range [][2]string{{"n-st", ""}, {"n-above", "n-st"}, {"n-own", "n-above"}, {"n-sib", "n-above"}} {
		if err := exec(`INSERT INTO nodes (id, parent, kind, name, dedicated, owner, owner_phone, deputy, deputy_phone, handover_from, handover_to)
			VALUES (?, ?, 'grid', ?, 0, ?, '13800000000', '', '', '', '')`, n[0], n[1], n[0], "owner-"+strings.TrimPrefix(n[0], "n-")); err != nil {
			return err
		}
	}
	for _, x := range []string{"own", "sib", "above", "loose"} {
		gateway, site := "gw-"+x, "s-"+x
		if err := org.Connect(ctx, tx, &wire.Hello{Gateway: gateway, Session: 1}, time.Now()); err != nil {
			return err
		}
		if err := org.Apply(ctx, tx, gateway, &wire.Inventory{Site: site, Name: "name-" + x, Timezone: "Asia/Shanghai", Devices: []*wire.Device{{Id: "gas-1", Name: "d-" + x, Kind: "gas", Model: "g", PollMs: 1000}},
			Models: []*wire.Model{{Name: "g", Points: []*wire.Point{{Name: "level", Unit: "%LEL"}}}}}); err != nil {
			return err
		}
		if err := exec(`INSERT INTO incidents (id, gateway, alert, site, device, rule, severity, title_zh, title_en, message_zh, message_en, detail, shadow, active, handling, since, opened_at, deadline, outcome, closed_at)
			VALUES (?, ?, 'a', ?, 'gas-1', 'R16', 'A', 't', 't', 'm', 'm', '{}', 0, 1, 'open', ?, ?, 0, '', 0)`, "GJ-"+x, gateway, site, now, now); err != nil {
			return err
		}
		if err := exec(`INSERT INTO incidents (id, gateway, alert, site, device, rule, severity, title_zh, title_en, message_zh, message_en, detail, shadow, active, handling, since, opened_at, deadline, outcome, closed_at)
			VALUES (?, ?, 'b', ?, 'gas-1', 'R16', 'A', 't', 't', 'm', 'm', '{}', 0, 0, 'closed', ?, ?, 0, 'real', ?)`, "GJ-closed-"+x, gateway, site, now, now, now); err != nil {
			return err
		}
		if x == "loose" {
			continue
		}
		if err := exec(`INSERT INTO node_sites (site, node) VALUES (?, ?)`, site, "n-"+x); err != nil {
			return err
		}
		if err := exec(`INSERT INTO patrol_rounds (id, node, plan, role, due_ms, until_ms, state, done_ms, points) VALUES (?, ?, ?, '', ?, ?, 'open', 0, 0)`, number(x), "n-"+x, "plan-"+x, now, now+1e9); err != nil {
			return err
		}
		if err := exec(`INSERT INTO duty_checks (id, node, role, source, centre, who, at, until_ms, state) VALUES (?, ?, '', 'hand', '', '', ?, ?, 'open')`, number(x), "n-"+x, now, now+1e9); err != nil {
			return err
		}
	}
	if err := exec(`INSERT INTO enrolment_tokens (hash, gateway, site, made_at, made_by, expires_at, ended_at, cert) VALUES ('x', 'gw-lost', '', ?, 'console', ?, 0, '')`, now, now+1e9); err != nil {
		return err
	}
	for _, w := range callers() {
		if err := exec(`INSERT INTO users (name, password, created, must_change) VALUES (?, '', ?, ?)`, "u:"+w.name(), now, w.role == "must"); err != nil {
			return err
		}
		for _, op := range []string{"", "/logout"} {
			if err := exec(`INSERT INTO sessions (id, name, created, used) VALUES (?, ?, ?, ?)`, fmt.Sprintf("%x", sha256.Sum256([]byte(fmt.Sprintf("%x", w.token(op))))), "u:"+w.name(), now, now); err != nil {
				return err
			}
		}
		role := w.role
		if role == "must" {
			role = "street"
		}
		if slices.Contains(auth.Roles(), role) {
			if err := exec(`INSERT INTO grants (name, role, node) VALUES (?, ?, ?)`, "u:"+w.name(), role, w.node); err != nil {
				return err
			}
		}
	}
	return nil
}

// sign makes a request one of a caller.
func (m *matrix) sign(r *http.Request, w who, op string) {
	n := m.asked.Add(1)
	r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:9", n>>16&255, n>>8&255, n&255) // one address alone would soon have to wait
	switch w.role {
	case "nobody":
	case "link", "rater":
		q := r.URL.Query()
		q.Set("k", m.links[w.role])
		r.URL.RawQuery = q.Encode()
	default:
		r.AddCookie(&http.Cookie{Name: "linshao_session", Value: fmt.Sprintf("%x", w.token(op))})
	}
}
