package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/firmware-sim/demo"
)

// lookThrough opens the shed's camera for some seconds as the street's desk does: what comes is video that a player takes, the
// gateway's own page says who looks, the audit has it, and nobody looks twice at once.
func lookThrough(t *testing.T, d *demo.Demo) {
	ask := func() (status int, id string) {
		response, err := http.Post(d.URL+"/api/v1/gateways/gw-0142/cameras/cam-1/look", "application/json", strings.NewReader(`{"reason":"看有没有烟"}`))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		var l struct{ ID string }
		if err := json.NewDecoder(response.Body).Decode(&l); err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, l.ID
	}
	status, id := ask()
	if status != http.StatusOK {
		t.Fatal(status)
	}
	if status, _ := ask(); status != http.StatusConflict {
		t.Errorf("a second one at the same time is answered %d", status)
	}
	video := watch(t, d, id, 6*time.Second)
	probe(t, video, 0, 20, 120)
	t.Logf("%d bytes in 6 s", len(video))
	var audit struct {
		Entries []struct {
			Act    string
			Detail map[string]string
		}
	}
	if err := get(d.URL+"/api/v1/audit?limit=20", &audit); err != nil || !strings.Contains(fmt.Sprint(audit), id) {
		t.Errorf("the audit has %+v, %v", audit, err)
	}
}

// watch reads what a look shows for a while; whole fragments of it.
func watch(t *testing.T, d *demo.Demo, id string, during time.Duration) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), during)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.URL+"/api/v1/gateways/gw-0142/cameras/cam-1/look/"+id, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatal(response.Status)
	}
	page, err := http.Get(d.Status)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(page.Body)
	page.Body.Close()
	if err != nil || !bytes.Contains(text, []byte("看有没有烟")) {
		t.Errorf("the gateway's page does not say that somebody looks: %v", err)
	}
	video, _ := io.ReadAll(response.Body) // until the time is over
	return wholeBoxes(video)
}

// wholeBoxes cuts an MP4 back to its last whole box.
func wholeBoxes(b []byte) []byte {
	at := 0
	for len(b)-at >= 8 {
		n := int(b[at])<<24 | int(b[at+1])<<16 | int(b[at+2])<<8 | int(b[at+3])
		if n < 8 || n > len(b)-at {
			break
		}
		at += n
	}
	return b[:at]
}
