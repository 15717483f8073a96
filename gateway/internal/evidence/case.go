package evidence

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	format "github.com/linshao/linshao/cloud/wire/evidence"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/state"
	"github.com/linshao/linshao/rules"
)

const (
	caseFile    = "case.json"
	endedFile   = "ended"          // there when the alert is over
	holesMost   = 16               // of a clip that are named; the manifest is bounded
	syncBytes   = 256 << 10        // of a clip between two fsyncs
	clipMost    = 56 << 20         // bytes of one clip: four of them and the rest fit a bundle
	csvMost     = 4 << 20          // bytes of the readings
	clipWait    = 30 * time.Second // beyond the end of a clip: a camera may stand still
	interrupted = "the gateway ended while the clip was written"
	diskFull    = "the gateway's disk is full"
	spareRoom   = 32 << 20 // bytes that are looked for among what the cloud has, when the disk is full
)

// A taking is an alert of which evidence is being collected: what stands in its folder's case.json.
type taking struct {
	Alert   rules.AlertEvent `json:"alert"`
	Cameras []Camera         `json:"cameras"`
	Rules   string           `json:"rules"`
	Config  string           `json:"config"`

	mu      sync.Mutex
	videos  map[string]*format.Video // file → what it shows
	missing []string
}

func (k *taking) add(file string, v *format.Video) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.videos[file] = v
}

func (k *taking) miss(what string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.missing = append(k.missing, what)
}

// collect works on one alert: it takes 60 s.
func (c *Collector) collect(ctx context.Context, e rules.AlertEvent) error {
	dir, eyes := c.dir(e.Alert), c.eyes(e)
	if exists(dir) || c.store.has(e.Alert) {
		return nil // it is told again
	}
	k := &taking{Alert: e, Cameras: eyes[:min(len(eyes), eyesMost)], Rules: c.cfg.RulesHash(), Config: c.cfg.ConfigHash, videos: map[string]*format.Video{}}
	for _, cam := range eyes[len(k.Cameras):] {
		k.miss(fmt.Sprintf("%s: the cameras of an alert are %d at most", cam.ID, eyesMost))
	}
	text, err := json.Marshal(k)
	if err != nil {
		return fmt.Errorf("begin evidence: %w", err)
	}
	if err = c.begin(dir, text); full(err) && c.store.spare(spareRoom) > 0 {
		err = c.begin(dir, text)
	}
	if err != nil {
		return err
	}
	var looks sync.WaitGroup
	for _, cam := range k.Cameras {
		for _, take := range []func(context.Context, string, *taking, Camera){c.clip, c.stills} {
			looks.Go(func() {
				if err := c.survive(func() error { take(ctx, dir, k, cam); return nil }); err != nil {
					k.miss(cam.ID + ": " + err.Error())
				}
			})
		}
	}
	looks.Wait()
	if !c.until(ctx, c.cfg.Wall(e.At).Add(stillLast)) {
		return nil // at the next start
	}
	return c.finish(dir, k)
}

// begin writes down what is to be taken.
func (c *Collector) begin(dir string, text []byte) error {
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		err = errors.Join(state.Save(filepath.Join(dir, caseFile), text), syncDir(c.work()))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("begin evidence: %w", err), os.RemoveAll(dir)) // nothing is half there
	}
	return nil
}

// clip writes one camera's clip as it comes. What is on disk is playable at every moment, up to the last fsync.
func (c *Collector) clip(ctx context.Context, dir string, k *taking, cam Camera) {
	name, films := "clip-"+cam.ID+".mp4", c.rooms[k.Alert.Severity].films
	select {
	case films <- struct{}{}:
		defer func() { <-films }()
	case <-ctx.Done():
		return
	}
	eye, ok := c.cfg.Find(cam.ID)
	if !ok {
		k.miss(name + ": the camera has no connection")
		return
	}
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		k.miss(name + ": " + err.Error())
		return
	}
	limited, cancel := context.WithCancel(ctx)
	defer cancel()
	moment := c.cfg.Wall(k.Alert.At)
	go func() { // by the clock that may be set, which a context's deadline does not know
		if c.until(limited, moment.Add(clipAfter+clipWait)) {
			cancel()
		}
	}()
	unsynced, size, most := 0, 0, int(min(clipMost, c.cfg.Quota/eyesMost))
	clip, err := eye.Clip(limited, cam.ID, moment.Add(-clipBefore), moment.Add(clipAfter), func(b []byte) error {
		if size += len(b); size > most {
			return fmt.Errorf("larger than %d bytes", most)
		}
		if _, err := f.Write(b); err != nil {
			return err
		}
		if unsynced += len(b); unsynced < syncBytes {
			return nil
		}
		unsynced = 0
		return f.Sync()
	})
	err = errors.Join(err, f.Sync(), f.Close())
	switch {
	case ctx.Err() != nil: // at the next start
	case err == nil:
		k.add(name, c.video(k, cam, clip))
	case errors.Is(err, device.ErrNoPicture):
		k.miss(name + ": " + err.Error())
	case full(err):
		k.add(name, &format.Video{Camera: cam.ID, Name: cam.Name, From: k.Alert.At.Add(-clipBefore), To: k.Alert.At.Add(clipAfter), Interrupted: diskFull})
	default:
		k.add(name, &format.Video{Camera: cam.ID, Name: cam.Name, From: k.Alert.At.Add(-clipBefore), To: k.Alert.At.Add(clipAfter), Interrupted: err.Error()})
	}
}

// video says what a clip is, in the time of the alert: a second of film is a second also where the clock that stamps runs faster.
func (c *Collector) video(k *taking, cam Camera, clip device.Clip) *format.Video {
	moment := c.cfg.Wall(k.Alert.At)
	stamp := func(at time.Time) time.Time { return k.Alert.At.Add(at.Sub(moment)) }
	v := &format.Video{Camera: cam.ID, Name: cam.Name, Codec: clip.Codec, Width: clip.Width, Height: clip.Height, Frames: clip.Frames, From: stamp(clip.From), To: stamp(clip.To)}
	if !clip.CameraFrom.IsZero() {
		v.CameraFrom = stamp(clip.CameraFrom)
	}
	for i, h := range clip.Holes {
		if i < holesMost {
			v.Holes = append(v.Holes, format.Hole{From: stamp(h.From), To: stamp(h.To), Reason: h.Reason})
			continue
		}
		v.Holes[holesMost-1].To, v.Holes[holesMost-1].Reason = stamp(h.To), "many" // one for all that follow
	}
	return v
}

// stills takes the three of one camera.
func (c *Collector) stills(ctx context.Context, dir string, k *taking, cam Camera) {
	for _, after := range []time.Duration{0, 10 * time.Second, stillLast} {
		name := fmt.Sprintf("still-%s-%ds.mp4", cam.ID, int(after.Seconds()))
		at := c.cfg.Wall(k.Alert.At).Add(after)
		if !c.until(ctx, at) {
			return
		}
		eye, ok := c.cfg.Find(cam.ID)
		if !ok {
			k.miss(name + ": the camera has no connection")
			continue
		}
		b, clip, err := eye.Still(ctx, cam.ID, at)
		if err == nil {
			err = state.Save(filepath.Join(dir, name), b)
		}
		if err != nil {
			k.miss(name + ": " + err.Error())
			continue
		}
		k.add(name, c.video(k, cam, clip))
	}
}

// finish seals what the folder of a case has. Where it cannot be sealed, as on a full disk, the alert, the readings and the word that
// there is no picture, and why, are worth more than a clip that does not fit.
func (c *Collector) finish(dir string, k *taking) error {
	err := c.put(dir, k)
	if full(err) && c.store.spare(spareRoom) > 0 {
		err = c.put(dir, k)
	}
	if err == nil {
		return nil
	}
	why := err.Error()
	if full(err) {
		why = diskFull
	}
	k.strip(dir, why)
	return c.put(dir, k)
}

// full says whether an error is that of a disk that has no room.
func full(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// strip leaves out what takes the room, and says why.
func (k *taking) strip(dir, why string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for file := range k.videos {
		os.Remove(filepath.Join(dir, file)) //nolint:errcheck // what stays is found out by what follows
		k.missing = append(k.missing, file+": "+why)
	}
	slices.Sort(k.missing)
	clear(k.videos)
}

// put makes the bundle.
func (c *Collector) put(dir string, k *taking) error {
	alert, err := json.MarshalIndent(k.Alert, "", "  ")
	if err == nil {
		err = state.Save(filepath.Join(dir, "alert.json"), append(alert, '\n'))
	}
	if err != nil {
		return fmt.Errorf("finish evidence: %w", err)
	}
	parts := []part{{format.Part{Name: "alert.json", Kind: format.KindAlert, Type: "application/json"}, filepath.Join(dir, "alert.json")}}
	if err := state.Save(filepath.Join(dir, "readings.csv"), c.readings(k)); err != nil {
		return fmt.Errorf("finish evidence: %w", err)
	}
	parts = append(parts, part{format.Part{Name: "readings.csv", Kind: format.KindReadings, Type: "text/csv; charset=utf-8"}, filepath.Join(dir, "readings.csv")})
	files := make([]string, 0, len(k.videos))
	for file := range k.videos {
		files = append(files, file)
	}
	slices.Sort(files)
	for _, file := range files {
		p, err := c.shown(dir, file, k)
		if err != nil {
			k.miss(file + ": " + err.Error())
			continue
		}
		parts = append(parts, p)
	}
	e := k.Alert
	b, head, err := c.store.seal(format.Manifest{Gateway: c.cfg.Gateway, Site: c.cfg.Site, Made: c.cfg.Now(), Clock: c.cfg.Clock(), ConfigHash: k.Config, RulesHash: k.Rules, Missing: k.missing,
		Alert: format.Alert{ID: e.Alert, Rule: e.Rule, Version: e.Version, Subject: e.Subject, Zone: e.Zone, Severity: string(e.Severity), At: e.At, TitleZH: e.Title.ZH, TitleEN: e.Title.EN}}, parts, true)
	if err != nil {
		return err
	}
	if exists(filepath.Join(dir, endedFile)) { // it ended meanwhile; one that ends from here on finds the bundle
		c.ended(e.Alert)
	}
	c.cfg.Log.Info("evidence is kept", "alert", e.Alert, "number", b.Number, "bundle", b.ID, "bytes", b.Size, "parts", len(parts), "missing", len(k.missing))
	c.cfg.Announce(head)
	c.nudge()
	if err := os.RemoveAll(dir); err != nil { // the next start does it
		c.cfg.Log.Warn("remove what evidence was made of", "folder", dir, "error", err)
	}
	return nil
}

// shown makes a part of a clip or still; one that was cut off is cut back to where a player can follow.
func (c *Collector) shown(dir, file string, k *taking) (part, error) {
	path, v := filepath.Join(dir, file), k.videos[file]
	p := part{format.Part{Name: file, Kind: format.KindClip, Type: "video/mp4", Video: v}, path}
	if v.Interrupted != "" {
		b, err := os.ReadFile(path)
		if err != nil {
			return p, err
		}
		n := playable(b)
		if n == 0 {
			return p, errors.New(v.Interrupted)
		}
		if err := os.Truncate(path, int64(n)); err != nil {
			return p, err
		}
	}
	if v.Codec != "" {
		p.Type += `; codecs="` + v.Codec + `"`
	}
	if len(file) > 5 && file[:5] == "still" {
		p.Kind = format.KindStill
	}
	return p, nil
}

// readings are those of the alert's device and zone, as CSV.
func (c *Collector) readings(k *taking) []byte {
	e := k.Alert
	from, to := e.At.Add(-readBefore), e.At.Add(stillLast)
	var all []device.Reading
	seen := map[string]bool{}
	for r, err := range c.cfg.Readings(from, to) {
		if err != nil {
			k.miss("readings.csv: " + err.Error())
			break
		}
		id := r.Device + "\x00" + r.Point + "\x00" + strconv.FormatInt(r.Time.UnixMilli(), 36)
		if r.Time.Before(from) || r.Time.After(to) || seen[id] || r.Device != e.Subject && (e.Zone == "" || c.cfg.Zone(r.Device) != e.Zone) {
			continue
		}
		seen[id] = true
		all = append(all, r)
	}
	slices.SortStableFunc(all, func(a, b device.Reading) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Device, b.Device), cmp.Compare(a.Point, b.Point))
	})
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	_ = w.Write([]string{"time", "device", "point", "value", "quality", "reason"}) // a buffer takes everything
	for _, r := range all {
		if w.Flush(); out.Len() > csvMost {
			k.miss(fmt.Sprintf("readings.csv: those after %s, it would be larger than %d bytes", r.Time.Format(time.RFC3339), csvMost))
			break
		}
		_ = w.Write([]string{r.Time.UTC().Format("2006-01-02T15:04:05.000Z"), r.Device, r.Point, strconv.FormatFloat(r.Value, 'g', -1, 64), fmt.Sprint(r.Quality), fmt.Sprint(r.Reason)})
	}
	w.Flush()
	return out.Bytes()
}

// recover finishes what an earlier run had begun, as far as it came, and says so in the bundle.
func (c *Collector) recover() {
	dirs, _ := os.ReadDir(c.work())
	for _, d := range dirs {
		dir := filepath.Join(c.work(), d.Name())
		if err := c.survive(func() error { return c.recoverOne(dir) }); err != nil {
			c.cfg.Log.Error("evidence of an earlier run cannot be finished", "folder", dir, "error", err)
		}
	}
}

func (c *Collector) recoverOne(dir string) error {
	k := &taking{videos: map[string]*format.Video{}}
	text, err := os.ReadFile(filepath.Join(dir, caseFile))
	if err != nil || json.Unmarshal(text, k) != nil {
		return os.RemoveAll(dir) // it had not begun
	}
	if c.store.has(k.Alert.Alert) { // sealed, and the folder not removed yet
		return os.RemoveAll(dir)
	}
	at := k.Alert.At
	for _, cam := range k.Cameras {
		k.videos["clip-"+cam.ID+".mp4"] = &format.Video{Camera: cam.ID, Name: cam.Name, From: at.Add(-clipBefore), To: at.Add(clipAfter), Interrupted: interrupted}
		for _, after := range []time.Duration{0, 10 * time.Second, stillLast} {
			name := fmt.Sprintf("still-%s-%ds.mp4", cam.ID, int(after.Seconds()))
			if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
				k.missing = append(k.missing, name+": the gateway ended before")
				continue
			}
			k.videos[name] = &format.Video{Camera: cam.ID, Name: cam.Name, From: at.Add(after), To: at.Add(after), Interrupted: "the gateway ended before it was described"}
		}
	}
	return c.finish(dir, k)
}
