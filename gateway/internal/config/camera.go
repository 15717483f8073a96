package config

import (
	"net/url"
	"strconv"
	"strings"
)

// mostChannels of a recorder.
const mostChannels = 256

// cameraAddress makes the address that the driver dials: of a maker whose profile knows where the streams are, out of host,
// channel and stream; and with user and password, which are kept out of gateway.yaml, and out of messages by Check.
func (l *loader) cameraAddress(path string, raw rawDevice, made rawStream) string {
	u, err := url.Parse(raw.Address)
	if err != nil || u.Scheme != "rtsp" || u.Hostname() == "" {
		l.add(path+".address", l.say("摄像头地址无效", "camera address is not usable"), "rtsp://192.168.1.64/stream1")
		return ""
	}
	if u.User != nil {
		l.add(path+".address", l.say("地址里不写用户名和密码", "no user or password in the address"), l.say("用 password_file", "use password_file"))
		return ""
	}
	if made.Main != "" && strings.Trim(u.Path, "/") == "" && !l.madeStream(path+".address", u, made) {
		return ""
	}
	switch u.Fragment {
	case "", "transport=tcp", "transport=udp":
	default:
		l.add(path+".address", l.say("# 之后只能写 transport=tcp 或 transport=udp", "behind # only transport=tcp or transport=udp may stand"), "rtsp://192.168.1.64/stream1#transport=udp")
		return ""
	}
	if raw.PasswordFile != "" {
		u.User = url.UserPassword(l.secret(path+".password_file", raw.PasswordFile))
	}
	return u.String()
}

// madeStream puts the maker's own path in place of ?channel=2&stream=sub. Without them it is channel 1 and the main stream.
func (l *loader) madeStream(path string, u *url.URL, made rawStream) bool {
	asked := u.Query()
	channel, which := 1, asked.Get("stream")
	if text := asked.Get("channel"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > mostChannels {
			l.add(path, l.say("通道 %q 无效", "channel %q is not usable", text), "1–256")
			return false
		}
		channel = n
	}
	template := made.Main
	switch which {
	case "", "main":
	case "sub":
		template = made.Sub
	default:
		l.add(path, l.say("没有码流 %q", "there is no stream %q", which), "main, sub")
		return false
	}
	asked.Del("channel")
	asked.Del("stream")
	if len(asked) > 0 {
		l.add(path, l.say("问号之后只能写 channel 和 stream", "behind the question mark only channel and stream may stand"), "rtsp://192.168.1.64?channel=1&stream=sub")
		return false
	}
	u.Path, u.RawQuery, _ = strings.Cut(strings.ReplaceAll(template, "{channel}", strconv.Itoa(channel)), "?")
	return true
}

// checkStream refuses templates that no camera could be found by.
func (c *profileCheck) checkStream() {
	s := c.profile.Stream
	if s == (rawStream{}) {
		return
	}
	if c.profile.Protocol != protocolRTSP {
		c.add("$.stream", c.say("只有 rtsp 型号有 stream", "only a profile of rtsp has stream"), c.say("删去此行", "remove the line"))
	}
	for _, t := range []string{s.Main, s.Sub} {
		if _, err := url.Parse("rtsp://h" + t); err != nil || !strings.HasPrefix(t, "/") || !strings.Contains(t, "{channel}") {
			c.add("$.stream", c.say("码流模板 %q 无效", "stream template %q is not usable", t), "{main: /Streaming/Channels/{channel}01, sub: …}")
			return
		}
	}
}
