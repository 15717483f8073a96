package config_test

import (
	"strings"
	"testing"

	"github.com/linshao/linshao/gateway/internal/config"
)

// TestCameraTemplates: of the makers whose streams are known a site names host, channel and stream.
func TestCameraTemplates(t *testing.T) {
	const site = `site: {id: jinxiu, name: 锦绣花园, timezone: Asia/Shanghai}
gateway: gw-0142
cloud:
  url: mqtt://127.0.0.1:1883
channels:
  - id: cams
    driver: rtsp
    devices:
      - {id: cam-1, profile: MODEL, address: "ADDRESS"}
`
	for _, tc := range []struct{ model, address, want, wrong string }{
		{"hikvision-rtsp", "rtsp://10.0.0.1", "rtsp://10.0.0.1/Streaming/Channels/101", ""},
		{"hikvision-rtsp", "rtsp://10.0.0.1:8554?channel=12&stream=sub", "rtsp://10.0.0.1:8554/Streaming/Channels/1202", ""},
		{"hikvision-rtsp", "rtsp://10.0.0.1/own/path", "rtsp://10.0.0.1/own/path", ""},
		{"dahua-rtsp", "rtsp://10.0.0.1?channel=3&stream=sub#transport=udp", "rtsp://10.0.0.1/cam/realmonitor?channel=3&subtype=1#transport=udp", ""},
		{"generic-rtsp", "rtsp://10.0.0.1/x?channel=3", "rtsp://10.0.0.1/x?channel=3", ""},
		{"dahua-rtsp", "rtsp://10.0.0.1?channel=0", "", "not usable"},
		{"dahua-rtsp", "rtsp://10.0.0.1?stream=third", "", "there is no stream"},
		{"dahua-rtsp", "rtsp://10.0.0.1?channels=2", "", "only channel and stream"},
		{"generic-rtsp", "rtsp://10.0.0.1/x#transport=http", "", "transport=tcp"},
	} {
		text := strings.NewReplacer("MODEL", tc.model, "ADDRESS", tc.address).Replace(site)
		loaded, problems := config.Load(write(t, text), config.English)
		if tc.wrong != "" {
			if err := problems.Fatal(); err == nil || !strings.Contains(problems.Error(), tc.wrong) {
				t.Errorf("%s: %v", tc.address, problems)
			}
			continue
		}
		if err := problems.Fatal(); err != nil {
			t.Errorf("%s: %v", tc.address, problems)
			continue
		}
		if got := loaded.Channels[0].Devices[0].Points[0].Address; got != tc.want {
			t.Errorf("%s becomes %s, want %s", tc.address, got, tc.want)
		}
	}
}
