package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/evidence"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org"
)

// isFile says whether a path answers files, which are neither held in memory nor compressed again.
func isFile(path string) bool {
	return strings.Contains(path, "/look/") || strings.HasPrefix(path, "/api/v1/clips/") || strings.HasPrefix(path, "/api/v1/evidence/")
}

// clipTime is how long sending a clip or a bundle may take.
const clipTime = 10 * time.Minute

// seen are the operations about what cameras saw.
func (a *API) seen(h huma.API) {
	register(a, h, access{auth.See, ofIncident}, get, "/incidents/{id}/clips", "What cameras saw at the alerts of an incident, and how much of it is here", a.clips)
	register(a, h, access{auth.Look, ofClip}, get, "/clips/{clip}/video", "A clip as fragmented MP4; takes ranges", a.clipVideo)
	register(a, h, access{auth.Look, ofClip}, get, "/clips/{clip}/still", "A still: one key frame as fragmented MP4", a.clipStill)
	register(a, h, access{auth.Dispatch, ofIncident}, post, "/incidents/{id}/hold", "Hold the evidence of an incident beyond its time, as in a dispute", a.hold)
	register(a, h, access{auth.Dispatch, ofIncident}, post, "/incidents/{id}/release", "Let held evidence of an incident go when its time comes", a.release)
	register(a, h, access{auth.See, ofIncident}, get, "/incidents/{id}/cameras", "Cameras that see where an incident is, and whether the caller may open them live", a.incidentCameras)
	register(a, h, access{auth.See, ofGateway}, get, "/gateways/{gateway}/cameras", "Cameras of a gateway, and whether the caller may open them live", a.gatewayCameras)
	register(a, h, access{auth.Look, ofGateway}, post, "/gateways/{gateway}/cameras/{device}/look", "Open a camera for a minute; who looks and why is in the audit", a.look)
	register(a, h, access{auth.Look, ofGateway}, get, "/gateways/{gateway}/cameras/{device}/look/{look}", "What the camera shows now, as fragmented MP4, until the look ends; for who opened it, once", a.watchLook)
	register(a, h, access{auth.Look, ofBundle}, get, "/evidence/{bundle}", "A whole evidence bundle, as cloud evidence verify checks it", a.bundle)
}

type clipsOut struct {
	Body struct {
		Clips   []evidence.Clip    `json:"clips"`
		Missing []evidence.Missing `json:"missing" doc:"what should be there and is not, as the gateway says"`
		Hold    *evidence.Hold     `json:"hold" doc:"who keeps it beyond its time, and why; null: nobody"`
	}
}

func (a *API) clips(ctx context.Context, in *incidentIn) (*clipsOut, error) {
	clips, err := evidence.Of(ctx, a.cfg.DB.Reader(), in.ID)
	if err != nil {
		return nil, err
	}
	missing, err := a.cfg.Evidence.MissingOf(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	held, err := evidence.HoldOf(ctx, a.cfg.DB.Reader(), in.ID)
	out := &clipsOut{}
	out.Body.Clips, out.Body.Missing, out.Body.Hold = clips, missing, held
	return out, err
}

type holdIn struct {
	ID   string `path:"id" maxLength:"40"`
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"200" doc:"why it must stay: a dispute, an inquiry, an insurance"`
	}
}

func (a *API) hold(ctx context.Context, in *holdIn) (*clipsOut, error) {
	i, err := incident.Get(ctx, a.cfg.DB.Reader(), in.ID)
	if err == nil {
		err = a.cfg.Evidence.Hold(ctx, i.ID, i.Site, in.Body.Reason)
	}
	if err != nil {
		return nil, err
	}
	return a.clips(ctx, &incidentIn{in.ID})
}

func (a *API) release(ctx context.Context, in *incidentIn) (*clipsOut, error) {
	i, err := incident.Get(ctx, a.cfg.DB.Reader(), in.ID)
	if err == nil {
		err = a.cfg.Evidence.Release(ctx, i.ID, i.Site)
	}
	if err != nil {
		return nil, err
	}
	return a.clips(ctx, in)
}

type clipIn struct {
	Clip string `path:"clip" maxLength:"64"`
}

type bundleIn struct {
	Bundle string `path:"bundle" maxLength:"64"`
}

// fileOut is an answer that goes to the reader as it is read.
type fileOut struct{ Body func(huma.Context) }

func (a *API) clipVideo(ctx context.Context, in *clipIn) (*fileOut, error) {
	return a.clip(ctx, in.Clip, "clip")
}
func (a *API) clipStill(ctx context.Context, in *clipIn) (*fileOut, error) {
	return a.clip(ctx, in.Clip, "still")
}

func (a *API) clip(ctx context.Context, id, kind string) (*fileOut, error) {
	c, err := evidence.Get(ctx, a.cfg.DB.Reader(), id)
	if err == nil && c.Kind != kind {
		err = evidence.ErrUnknown
	}
	if err != nil {
		return nil, evidenceProblem(err)
	}
	file, err := a.cfg.Evidence.OpenClip(ctx, c)
	if err != nil {
		return nil, evidenceProblem(err)
	}
	return a.send(file, "clip.view", c.ID, c.Gateway, c.SHA256, map[string]string{"camera": c.Camera, "alert": c.Alert, "kind": kind}, c.Type, ""), nil
}

func (a *API) bundle(ctx context.Context, in *bundleIn) (*fileOut, error) {
	b, err := evidence.Find(ctx, a.cfg.DB.Reader(), in.Bundle)
	if err != nil {
		return nil, evidenceProblem(err)
	}
	file, err := a.cfg.Evidence.Open(b)
	if err != nil {
		return nil, evidenceProblem(err)
	}
	return a.send(file, "evidence.take", b.ID, b.Gateway, b.ID, map[string]string{"alert": b.Alert}, "application/vnd.linshao.evidence", b.Gateway+"-"+b.ID[:12]+".lse"), nil
}

// send answers a file, whole or in ranges. That somebody looks is noted whatever part he asks for, once for the many pieces of a player.
func (a *API) send(file *evidence.File, act, about, gateway, tag string, detail map[string]string, kind, name string) *fileOut {
	return &fileOut{func(hc huma.Context) {
		defer file.Close() //nolint:errcheck // it was only read
		r, w := humago.Unwrap(hc)
		site, err := org.SiteOf(r.Context(), a.cfg.DB.Reader(), gateway)
		if err == nil {
			err = a.cfg.Evidence.Viewed(r.Context(), act, about, site, detail)
		}
		if err != nil { // what is not in the audit is not shown
			a.cfg.Log.Error("view of evidence not noted", "about", about, "err", err)
			errInternal().write(w, r)
			return
		}
		http.NewResponseController(w).SetWriteDeadline(time.Now().Add(clipTime)) //nolint:errcheck // a server without deadlines has none
		head := w.Header()
		head.Set("Content-Type", kind)
		head.Set("ETag", `"`+tag+`"`)
		head.Set("Cache-Control", "private, no-store")
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Content-Security-Policy", "default-src 'none'; sandbox") // whatever a gateway has sent, it is no page of ours
		if name != "" {
			head.Set("Content-Disposition", `attachment; filename="`+name+`"`)
		}
		http.ServeContent(w, r, "", time.Time{}, file)
	}}
}

func evidenceProblem(err error) error {
	if errors.Is(err, evidence.ErrUnknown) {
		return newProblem(http.StatusNotFound, "no_evidence", "这段证据不在云端：还在上传、已过期，或没有通过校验", "this evidence is not here: it is still coming, has expired, or did not pass the check")
	}
	return err
}

// incidentOfEvidence finds where evidence is from, and its incident if there is one.
func (a *API) incidentOfEvidence(ctx context.Context, what about, param func(string) string) (gateway string, in incident.Incident, found bool, err error) {
	q := a.cfg.DB.Reader()
	alert := ""
	if what == ofClip {
		c, err := evidence.Get(ctx, q, param("clip"))
		if err != nil {
			return "", in, false, evidenceProblem(err)
		}
		gateway, alert = c.Gateway, c.Alert
	} else {
		b, err := evidence.Find(ctx, q, param("bundle"))
		if err != nil {
			return "", in, false, evidenceProblem(err)
		}
		gateway, alert = b.Gateway, b.Alert
	}
	id, err := evidence.Incident(ctx, q, gateway, alert)
	if err != nil || id == "" {
		return gateway, in, false, err
	}
	in, err = incident.Get(ctx, q, id)
	return gateway, in, err == nil, err
}
