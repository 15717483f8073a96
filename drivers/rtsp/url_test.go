package rtsp_test

import (
	"bytes"
	"net/url"
	"strings"
	"testing"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/rtsp"
)

func TestCheckPoint(t *testing.T) {
	for _, tc := range []struct{ address, want string }{
		{"rtsp://10.0.0.8/Streaming/Channels/102", ""},
		{"rtsp://admin:p%40ss@10.0.0.8:554/cam/realmonitor?channel=1&subtype=1", ""},
		{"rtsp://[fd00::8]:8554/x", ""},
		{"rtsps://10.0.0.8/x", "rtsps"},
		{"http://10.0.0.8/x", "begins with rtsp"},
		{"10.0.0.8", "begins with rtsp"},
		{"", "begins with rtsp"},
		{"rtsp:///x", "no host"},
		{"rtsp://10.0.0.8:0/x", "port"},
		{"rtsp://10.0.0.8:99999/x", "port"},
		{"rtsp://admin:hunter2#1@10.0.0.8/x", "no URL"},
		{"rtsp://admin:hunter2%zz@10.0.0.8/x", "no URL"},
		{"rtsp://10.0.0.8/a b", "space"},
	} {
		err := rtsp.CheckPoint(device.Point{Name: rtsp.FPS, Address: tc.address})
		switch {
		case tc.want == "" && err != nil:
			t.Errorf("%s: %v", tc.address, err)
		case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("%s: got %v, want %q", tc.address, err, tc.want)
		case err != nil && strings.Contains(err.Error(), "hunter2"):
			t.Errorf("the error tells the password: %v", err)
		}
	}
	good := "rtsp://10.0.0.8/x"
	if err := rtsp.CheckPoint(device.Point{Name: "brightness", Address: good}); err == nil {
		t.Error("a point that cameras do not have")
	}
	if err := rtsp.CheckPoint(device.Point{Name: rtsp.FPS, Address: good, Writable: []float64{1}}); err == nil {
		t.Error("a writable point")
	}
}

func TestRedact(t *testing.T) {
	for raw, want := range map[string]string{
		"rtsp://10.0.0.8/Streaming/Channels/102":                 "rtsp://10.0.0.8/Streaming/Channels/102",
		"rtsp://admin:hunter2@10.0.0.8:554/x?channel=1":          "rtsp://10.0.0.8:554/x?…",
		"rtsp://10.0.0.8/user=admin&password=hunter2&channel=1":  "rtsp://10.0.0.8/…",
		"rtsp://admin:hunter2#1@10.0.0.8/x":                      "rtsp://…",
		"rtsp://10.0.0.8/h264?username=admin&password=hunter2#x": "rtsp://10.0.0.8/h264?…",
		"rtsp://10.0.0.8/a%0Ab":                                  "rtsp://10.0.0.8/a%0Ab",
		"hunter2":                                                "rtsp://…",
	} {
		if got := rtsp.Redact(raw); got != want {
			t.Errorf("%s: got %s, want %s", raw, got, want)
		}
	}
}

// FuzzRedact: whatever the password is, it is not in the log, and neither in the error for a bad address.
func FuzzRedact(f *testing.F) {
	f.Add("admin", "p@ss", "/x?a=1")
	f.Add("", ":#/?%", "")
	f.Fuzz(func(t *testing.T, user, pass, path string) {
		const mark = "SECRET0"
		for _, raw := range []string{
			"rtsp://" + url.UserPassword(user, pass+mark).String() + "@h/" + path,
			"rtsp://" + user + ":" + pass + mark + "@h/",
		} {
			// Behind a slash, and unencoded, it is a path like any other: no program could know.
			if u, err := url.Parse(raw); err == nil && (strings.Contains(u.Host+u.Path, mark) || strings.Contains(path, mark)) {
				continue
			}
			if got := rtsp.Redact(raw); strings.Contains(got, mark) || strings.ContainsAny(got, "\r\n") {
				t.Errorf("%q becomes %q", raw, got)
			}
			if err := rtsp.CheckPoint(device.Point{Name: rtsp.FPS, Address: raw}); err != nil && strings.Contains(err.Error(), mark) {
				t.Errorf("%q: %v", raw, err)
			}
		}
	})
}

func FuzzReadAnswer(f *testing.F) {
	f.Add([]byte("RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\nWWW-Authenticate: Digest realm=\"ipcam\", nonce=\"1\"\r\n\r\n"))
	f.Add([]byte("RTSP/1.0 200 OK\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 200 OK\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, challenges, err := rtsp.ReadAnswer(bytes.NewReader(b))
		if err != nil && challenges != nil {
			t.Error("challenges of a broken answer")
		}
		for _, c := range challenges {
			rtsp.Param(c, "nonce")
		}
		rtsp.ReadDescription(b)
	})
}

func TestParam(t *testing.T) {
	const challenge = `realm="IP, Camera=1", qop="auth" , nonce=abc,algorithm=MD5`
	for name, want := range map[string]string{"realm": "IP, Camera=1", "qop": "auth", "NONCE": "abc", "algorithm": "MD5", "opaque": ""} {
		if got := rtsp.Param(challenge, name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestReasonOfStatus(t *testing.T) {
	for line, want := range map[string]device.Reason{
		"Camera send statusRTSP/1.0 404 Not Found":             device.NoSuchPoint,
		"Camera send statusRTSP/1.0 403 Forbidden":             device.Refused,
		"Camera send statusRTSP/1.0 461 Unsupported Transport": device.Unsupported,
		"Camera send statusRTSP/1.0 453 Not Enough Bandwidth":  device.DeviceBusy,
		"Camera send statusRTSP/1.0 500 Internal Server Error": device.Refused,
		"Camera send statusRTSP/1.0":                           device.Corrupt,
	} {
		if got := rtsp.ReasonOfStatus(line); got != want {
			t.Errorf("%s: got %v, want %v", line, got, want)
		}
	}
}
