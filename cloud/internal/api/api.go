// Package api is the cloud's JSON API under /api/v1 with its OpenAPI document, the live stream, and the guards in front
// of them: login, roles, signed links, cross-origin protection, limits. It promises that every refusal has a code and a
// sentence for people, and that details of failures go to the log alone.
package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/dock"
	"github.com/linshao/linshao/cloud/internal/enroll"
	"github.com/linshao/linshao/cloud/internal/evidence"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/ledger"
	"github.com/linshao/linshao/cloud/internal/live"
	"github.com/linshao/linshao/cloud/internal/notify"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/duty"
	"github.com/linshao/linshao/cloud/internal/org/dutycheck"
	"github.com/linshao/linshao/cloud/internal/org/meter"
	"github.com/linshao/linshao/cloud/internal/org/mode"
	"github.com/linshao/linshao/cloud/internal/org/order"
	"github.com/linshao/linshao/cloud/internal/org/patrol"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/cloud/internal/org/window"
	"github.com/linshao/linshao/cloud/internal/rulebook"
	"github.com/linshao/linshao/cloud/internal/series"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
)

// Readings answers questions about readings.
type Readings interface {
	Range(ctx context.Context, q series.Query) (series.Result, error)
	Latest(ctx context.Context, gateway, device string) ([]device.Reading, error)
}

// Ingest is what takes records from gateways.
type Ingest interface {
	// Watch notes that somebody looks at a gateway, so that its readings come as they are. It never blocks.
	Watch(gateway string)
	// Reapply tries a parked record again.
	Reapply(ctx context.Context, id int64) error
}

// Config is what the API needs.
type Config struct {
	DB        *db.DB
	Incidents *incident.Service
	Readings  Readings
	Ledger    *ledger.Ledger
	Ingest    Ingest // may be nil: nobody is told who looks
	Commands  Commands
	Looks     Looks
	Pushes    Pushes
	Updates   Updates
	Auth      *auth.Service
	OIDC      *auth.OIDC // nil: by password alone
	OIDCName  string     // what people call the identity provider
	Enroll    *enroll.Service
	Evidence  *evidence.Service
	Links     *notify.Links
	Notifier  Notifier
	Modes     *mode.Service
	Windows   *window.Service
	Meters    *meter.Service
	Rules     *rulebook.Replayer
	Dock      *dock.Service
	Memos     Memos
	Patrols   *patrol.Service
	Checks    *dutycheck.Service
	Hub       *live.Hub
	Feed      *Feed
	Changed   func() // called after a person changed an incident
	Web       http.Handler
	Artifacts http.Handler // hands update files out to gateways, which show a token; nil: there are none
	Gatherer  prometheus.Gatherer
	Now       func() time.Time
	Log       *slog.Logger
	Version   string
	Zone      *time.Location
	Demo      bool            // no login: only when every listener is on loopback
	Local     string          // id=address of the demo's gateway's own page; may be empty
	Secure    bool            // browsers reach us by TLS: cookies are marked Secure
	Proxy     bool            // the sender's address is in X-Forwarded-For
	Quit      <-chan struct{} // closed when live streams must end
}

// An API answers requests.
type API struct {
	cfg     Config
	limits  *limits
	usuals  usuals
	playing chan struct{} // has room for the one replay of rules that may be under way
}

// New makes the handler of everything the cloud serves.
func New(cfg Config) http.Handler {
	a := &API{cfg: cfg, limits: newLimits(cfg.Now), playing: make(chan struct{}, 1)}
	mux := http.NewServeMux()
	hc := huma.DefaultConfig("Linshao", cfg.Version)
	hc.OpenAPIPath, hc.DocsPath, hc.SchemasPath = "/api/v1/openapi", "", ""
	hc.CreateHooks = nil
	hc.Transformers = []huma.Transformer{transform}
	hc.Formats = map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat}
	hc.NoFormatFallback = false
	h := humago.New(mux, hc)
	a.operations(h)
	mux.Handle("GET "+streamPath, http.HandlerFunc(a.stream))
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) { errNotFound().write(w, r) })
	mux.HandleFunc("GET /healthz", a.health)
	mux.Handle("GET /metrics", a.metricsGuard(promhttp.HandlerFor(cfg.Gatherer, promhttp.HandlerOpts{})))
	if cfg.Artifacts != nil {
		mux.Handle(wire.ArtifactsPath, cfg.Artifacts)
	}
	mux.Handle("/", cfg.Web)
	small := gzipped(mux)
	return a.guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/") && r.URL.Path != streamPath && !isFile(r.URL.Path) {
			small.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	}))
}

// operations is the table of what the API can do, and of who may.
func (a *API) operations(h huma.API) {
	a.people(h)
	a.persons(h)
	register(a, h, access{auth.See, anything}, get, "/incidents", "List incidents, newest first", a.incidents)
	register(a, h, access{auth.See, anything}, get, "/incidents/tally", "How many incidents a list holds, and which filter hides how many when it is empty", a.tally)
	register(a, h, access{auth.See, anything}, get, "/incidents/outcomes.csv", "What people found about closed incidents, as CSV", a.outcomes)
	register(a, h, access{auth.See, ofIncident}, get, "/incidents/{id}", "One incident with its timeline", a.incident)
	register(a, h, access{auth.See, ofIncident}, get, "/incidents/{id}/usual", "How far the point of an incident's limit went on the 30 days before", a.usual)
	register(a, h, access{auth.See, ofIncident}, get, "/incidents/{id}/flow", "Who commands, who goes, who handles it, and how long each step may take (流程图)", a.flow)
	register(a, h, access{auth.Dispatch, ofIncident}, get, "/incidents/{id}/assignees", "To whom an incident can be dispatched", a.assignees)
	register(a, h, access{auth.Take, ofIncident}, post, "/incidents/{id}/take", "Take an incident (接警)", a.take)
	register(a, h, access{auth.Take, ofIncident}, post, "/incidents/{id}/contacts", "Whole phone numbers of who is on duty for an open incident and of the street's desk; it is logged", a.contacts)
	register(a, h, access{auth.Dispatch, ofIncident}, post, "/incidents/{id}/split", "Take alerts out of an incident into a new one (拆分)", a.split)
	register(a, h, access{auth.Dispatch, ofIncident}, post, "/incidents/{id}/merge", "Put an incident's alerts into another one (合并)", a.merge)
	register(a, h, access{auth.Work, ofIncident}, post, "/incidents/{id}/close", "Close an incident (办结)", a.close)
	a.deeds(h)
	register(a, h, access{auth.Rate, ofIncident}, post, "/incidents/{id}/rate", "Rate a closed incident (满意度), as who reported it or by a link", a.rate)
	register(a, h, access{auth.Rate, ofIncident}, get, "/incidents/{id}/rate", "What a resident with a link rates", a.toRate)
	register(a, h, access{auth.Work, ofIncident}, post, "/incidents/{id}/rate-link", "Make the link with which a resident rates a closed incident", a.rateLink)
	register(a, h, access{auth.Dispatch, ofIncident}, post, "/incidents/{id}/links/revoke", "Make the links useless that messages of an incident carried until now", a.revokeLinks)
	register(a, h, access{auth.See, anything}, get, "/cards", "Instruction cards of rules and kinds, by place", a.cards)
	register(a, h, access{auth.Manage, street}, post, "/cards", "Keep instruction cards; one without lines is taken away", a.setCards)
	register(a, h, access{auth.Work, anything}, post, "/reports", "Report what somebody saw or a resident told (一键上报)", a.reportSeen)
	register(a, h, access{auth.Work, anything}, post, "/photos", "Upload a photo for a report or a deed that follows within a day", a.draftPhoto)
	register(a, h, access{auth.Work, ofIncident}, post, "/incidents/{id}/photos", "Upload a photo of an incident: its bytes, or a form with one file", a.addPhoto)
	register(a, h, access{auth.See, ofIncident}, get, "/incidents/{id}/photos/{photo}", "A photo of an incident", a.photo)
	a.seen(h)
	a.asked(h)
	register(a, h, access{auth.See, anything}, get, "/sites", "List sites", a.sites)
	register(a, h, access{auth.See, ofSite}, get, "/sites/{site}", "One site with its devices", a.site)
	register(a, h, access{auth.See, ofSite}, get, "/sites/{site}/ledger", "How much there is of each device of a site", a.siteLedger)
	register(a, h, access{auth.See, ofSite}, get, "/sites/{site}/org", "The nodes above a site, from the root, and who is responsible", a.siteOrg)
	a.figures(h)
	a.windows(h)
	a.meters(h)
	register(a, h, access{auth.See, ofGateway}, get, "/devices/{gateway}/{device}", "One device with its newest values", a.device)
	register(a, h, access{auth.See, ofChart}, get, "/series/{gateway}/{device}/{point}", "Readings of one point over time", a.series)
	register(a, h, access{auth.See, ofGateway}, get, "/ledger/{gateway}/{device}", "What there is of a device over time, and why not the rest", a.ledger)
	a.moves(h)
	a.organisation(h)
	a.rounding(h)
	a.enrolments(h)
	a.rulebook(h)
	a.configurations(h)
	a.machines(h)
	register(a, h, access{auth.See, street}, get, "/journal", "What the operator should know about gateways, newest first", a.journal)
	register(a, h, access{auth.See, street}, get, "/parked", "Records and readings that could not be taken", a.parked)
	register(a, h, access{auth.See, street}, get, "/dock", "Other platforms, and how things stand with them", a.docks)
	register(a, h, access{auth.Work, street}, post, "/dock/{target}/answer", "Tell a monitoring centre that somebody is on duty (查岗)", a.answerCheck)
	register(a, h, access{}, post, "/dock/{target}/callback", "Another platform moves an incident; signed", a.callback)
	register(a, h, access{auth.Dispatch, street}, post, "/parked/{id}/reapply", "Try a parked record again", a.reapply)
	register(a, h, access{auth.See, anything}, get, "/ladders", "Who is told of an incident of each class, rung by rung", a.ladders)
	register(a, h, access{auth.Manage, street}, get, "/receivers", "Who is told of incidents, and what they said last", a.receivers)
	register(a, h, access{auth.Manage, street}, post, "/receivers/{id}/test", "Send a test message, and show what the receiver says", a.testReceiver)
}

// organisation is the part of the table that is about who answers for what, orders and modes.
func (a *API) organisation(h huma.API) {
	register(a, h, access{auth.See, anything}, get, "/org", "The organisation: nodes, owners, deputies, who is responsible today", a.org)
	register(a, h, access{auth.See, anything}, get, "/org/resources", "What there is to help with in a part of the street, and its devices by kind", a.resources)
	register(a, h, access{auth.Manage, street}, post, "/org/import", "Bring a CSV or YAML file into the tree of the organisation, or only tell what it would change", a.importOrg)
	register(a, h, access{auth.See, anything}, get, "/org/drawing", "Outlines of nodes and positions of sites, for maps", a.drawing)
	register(a, h, access{auth.Manage, street}, put, "/org/drawing", "Bring outlines and positions as GeoJSON", a.setDrawing)
	register(a, h, access{auth.See, ofSite}, get, "/sites/{site}/plan", "How a site lies (平面图): what somebody has drawn, and the nodes of the site", a.sitePlan)
	register(a, h, access{auth.Install, ofSite}, put, "/sites/{site}/plan", "Keep the plan of a site, as drawn from a revision", a.setSitePlan)
	register(a, h, access{auth.Install, ofSite}, del, "/sites/{site}/plan", "Take the plan of a site away, with its picture: it is laid out by itself again", a.removeSitePlan)
	register(a, h, access{auth.See, ofSite}, get, "/sites/{site}/plan/picture", "The picture behind the plan of a site", a.planPicture)
	register(a, h, access{auth.Install, ofSite}, put, "/sites/{site}/plan/picture", "Put a picture behind the plan of a site: the bytes of a JPEG or PNG", a.setPlanPicture)
	register(a, h, access{auth.Install, ofSite}, del, "/sites/{site}/plan/picture", "Take the picture behind the plan of a site away", a.removePlanPicture)
	register(a, h, access{auth.Manage, street}, get, "/org/export", "The tree of the organisation as a file that can be imported again", a.exportOrg)
	register(a, h, access{auth.See, ofNode}, get, "/org/{node}/duty", "Who is on duty at a node, its roster and its hand-overs", a.duty)
	register(a, h, access{auth.Work, ofNode}, post, "/org/{node}/handovers", "Hand over a shift, or swap two (交接班)", a.handOver)
	register(a, h, access{auth.Manage, ofNode}, put, "/org/{node}/roster", "Write the whole roster of a node", a.setRoster)
	register(a, h, access{auth.Dispatch, ofNode}, post, "/org/{node}/orders", "Give an order to everybody below a node (一键下达)", a.giveOrder)
	register(a, h, access{auth.See, ofNode}, get, "/org/{node}/orders/{order}", "Who below a node has read and done an order, part by part", a.orderBelow)
	register(a, h, access{auth.See, anything}, get, "/orders", "Orders that reach the caller's part of the street", a.orders)
	register(a, h, access{auth.See, anything}, get, "/orders/{order}", "One order with what it asks of the caller", a.order)
	register(a, h, access{auth.Work, anything}, post, "/orders/{order}/receipt", "Say that an order was read or done", a.signOrder)
	register(a, h, access{auth.See, anything}, get, "/modes", "The emergencies under way that concern the caller's part of the street", a.modes)
	register(a, h, access{auth.See, ofNode}, get, "/org/{node}/mode", "The mode of a node (平/急), and how it has changed", a.mode)
	register(a, h, access{auth.Mode, ofNode}, post, "/org/{node}/mode", "Switch a node, with all below it, between ordinary and emergency", a.switchMode)
}

// moves is the part of the table that is about moving outputs from afar.
func (a *API) moves(h huma.API) {
	register(a, h, access{auth.Command, ofGateway}, post, "/gateways/{gateway}/commands", "Move an output from afar; away from safe it waits for a second person", a.makeCommand)
	register(a, h, access{auth.Command, ofGateway}, get, "/devices/{gateway}/{device}/choices", "What can be moved of a device from afar, and what a second person must approve", a.choices)
	register(a, h, access{auth.See, ofGateway}, get, "/gateways/{gateway}/desired", "The mode that a gateway is to be in, what it has applied, and why not", a.desired)
	register(a, h, access{auth.See, anything}, get, "/commands", "List commands, newest first", a.commands)
	register(a, h, access{auth.See, ofCommand}, get, "/commands/{command}", "How far a command has come, step by step", a.command)
	register(a, h, access{auth.Command, ofCommand}, post, "/commands/{command}/approve", "Approve another person's command away from safe", a.approveCommand)
	register(a, h, access{auth.Command, ofCommand}, post, "/commands/{command}/withdraw", "Take back a command that waits for approval", a.withdrawCommand)
}

// figures is the part of the table that is about how far sensors can be trusted and how incidents are dealt with.
func (a *API) figures(h huma.API) {
	register(a, h, access{auth.See, anything}, get, "/wall", "The wall: state of every site, numbers, queue and the last 24 h, all of one moment", a.wall)
	register(a, h, access{auth.See, anything}, get, "/health", "How well a part of the street can be seen now: devices by state, silent gateways, uncovered zones", a.summary)
	register(a, h, access{auth.See, anything}, get, "/health/worst", "The devices that need somebody most, or those of one state", a.worst)
	register(a, h, access{auth.See, anything}, get, "/health/online", "For how much of some days devices could be seen", a.online)
	register(a, h, access{auth.See, anything}, get, "/report", "How incidents were dealt with in a period, beside the period before", a.report)
	register(a, h, access{auth.See, anything}, get, "/report.csv", "The report as CSV", a.reportCSV)
	register(a, h, access{auth.See, anything}, get, "/report.html", "The report as a page to print", a.reportPage)
	register(a, h, access{auth.See, ofSite}, get, "/sites/{site}/health", "How far each device of a site can be trusted, and why not further", a.siteHealth)
	register(a, h, access{auth.Install, anything}, post, "/calibrations", "Note when devices were calibrated, and are due again", a.calibrate)
}

// Memos bring messages to people, and stop reminding those who did what was asked.
type Memos interface {
	order.Teller
	duty.Teller
}

// rounding is the part of the table that is about patrols (巡查) and duty checks (查岗).
func (a *API) rounding(h huma.API) {
	register(a, h, access{auth.See, anything}, get, "/patrol/plans", "Plans of rounds: points, hours, who walks them (巡查)", a.patrolPlans)
	register(a, h, access{auth.See, anything}, get, "/patrol/rounds", "Rounds of a day, newest first", a.rounds)
	register(a, h, access{auth.See, ofRound}, get, "/patrol/rounds/{round}", "One round with its points", a.round)
	register(a, h, access{auth.Work, ofRound}, post, "/patrol/rounds/{round}/points/{point}", "Check in at a point of a round, with what was found", a.checkIn)
	register(a, h, access{auth.See, ofRound}, get, "/patrol/rounds/{round}/photos/{photo}", "A photo of a point of a round", a.roundPhoto)
	register(a, h, access{auth.Dispatch, ofNode}, post, "/org/{node}/duty-checks", "Ask now whether who is on duty is there (查岗)", a.askDuty)
	register(a, h, access{auth.Dispatch, ofNode}, put, "/org/{node}/duty-plan", "Ask at random moments of a window", a.planDuty)
	register(a, h, access{auth.Dispatch, anything}, get, "/duty-plans", "In which windows duty checks come at random moments", a.dutyPlans)
	register(a, h, access{auth.See, anything}, get, "/duty-checks", "Duty checks and their answers, newest first", a.dutyChecks)
	register(a, h, access{auth.See, ofCheck}, get, "/duty-checks/{check}", "One duty check and its answers", a.dutyCheck)
	register(a, h, access{auth.Work, ofCheck}, post, "/duty-checks/{check}/answer", "Answer a duty check: I am there; by a signed link too", a.answerDuty)
}

// people are the operations about who may do what, and who did.
func (a *API) people(h huma.API) {
	register(a, h, access{}, get, "/session", "Who is logged in", a.session)
	register(a, h, access{}, get, "/login", "How one can log in", a.ways)
	register(a, h, access{}, post, "/login", "Log in", a.login)
	register(a, h, access{}, get, "/oidc/login", "Go to the identity provider", a.oidcLogin)
	register(a, h, access{}, get, "/oidc/callback", "Come back from the identity provider", a.oidcBack)
	register(a, h, access{}, post, "/logout", "Log out", a.logout)
	register(a, h, access{auth.See, self}, post, "/password", "Change one's own password", a.password)
	register(a, h, access{auth.See, self}, get, "/sessions", "Where one is logged in", a.sessions)
	register(a, h, access{auth.See, self}, del, "/sessions/{id}", "End one of one's own sessions", a.endSession)
	register(a, h, access{auth.Manage, anything}, get, "/users", "Who has an account, and what each may do where", a.users)
	register(a, h, access{auth.Manage, anything}, post, "/users", "Make an account", a.createUser)
	register(a, h, access{auth.Manage, anything}, patch, "/users/{name}", "Change grants, password or sessions of an account", a.changeUser)
	register(a, h, access{auth.Manage, anything}, del, "/users/{name}", "Remove an account", a.removeUser)
	register(a, h, access{auth.Audit, anything}, get, "/audit", "What people did, newest first", a.audit)
	register(a, h, access{auth.Audit, street}, get, "/audit/verify", "Whether the log of what people did is as it was written", a.verifyAudit)
}

// streamPath is that of the live stream.
const streamPath = "/api/v1/stream"

// maxBody bounds every request's body, in bytes.
const maxBody = 64 << 10

func isUnknown(err error) bool {
	return errors.Is(err, incident.ErrUnknown) || errors.Is(err, org.ErrUnknown)
}

// health says that the database answers.
func (a *API) health(w http.ResponseWriter, r *http.Request) {
	if _, err := incident.Count(r.Context(), a.cfg.DB.Reader(), tree.Scope{}); err != nil {
		a.cfg.Log.Error("not healthy", "err", err)
		errInternal().write(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Write([]byte("ok\n")) //nolint:errcheck // a reader that left does not need it
}
