package config

import (
	"net"
	"net/url"
	"os"
	"regexp"
)

// broker checks the address of a broker and the files that go with it.
func (l *loader) broker(at string, raw rawBroker) Cloud {
	c := Cloud{URL: raw.URL, CA: l.path(raw.CA), Cert: l.path(raw.Cert), Key: l.path(raw.Key)}
	if raw.URL == "" {
		return c
	}
	u, err := url.Parse(raw.URL)
	if err != nil || (u.Scheme != "mqtt" && u.Scheme != "mqtts") || u.Hostname() == "" {
		l.add(at+".url", l.say("MQTT 地址无效", "broker address is not usable"), "mqtts://host:8883")
		return c
	}
	if u.User != nil {
		l.add(at+".url", l.say("地址里不写用户名和密码", "no user or password in the address"), l.say("用证书登录：cert、key", "log in by certificate: cert and key"))
	}
	if u.Scheme == "mqtt" && !Loopback(u.Hostname()) {
		l.add(at+".url", l.say("mqtt:// 不加密，只能连本机", "plain mqtt would leave this machine"), "mqtts://"+net.JoinHostPort(u.Hostname(), "8883"))
		return c
	}
	if (raw.Cert == "") != (raw.Key == "") {
		l.add(at, l.say("cert 和 key 要一起给", "cert and key go together"), "")
	}
	for _, f := range [][2]string{{"ca", raw.CA}, {"cert", raw.Cert}, {"key", raw.Key}} {
		path, file := at+"."+f[0], f[1]
		switch _, err := os.Stat(l.path(file)); {
		case file == "":
		case u.Scheme == "mqtt":
			l.add(path, l.say("mqtt:// 不用证书", "mqtt:// uses no certificate"), l.say("改用 mqtts://，或删去此行", "use mqtts://, or remove the line"))
		case err != nil:
			l.warn(path, l.say("还没有文件 %s", "there is no file %s yet", file), l.say("gateway enroll 取来，或启动前放好", "gateway enroll fetches it; or put it there before the start"))
		}
	}
	return c
}

// groupID keeps to what may stand between two slashes of a Sparkplug topic.
var groupID = regexp.MustCompile(`^[^/+#\s$][^/+#\s]{0,63}$`)

func (l *loader) checkSparkplug() {
	raw := l.raw.Sparkplug
	if raw.URL == "" {
		return
	}
	s := Sparkplug{Cloud: l.broker("$.sparkplug", rawBroker{raw.URL, raw.CA, raw.Cert, raw.Key}), Group: raw.Group}
	if !groupID.MatchString(raw.Group) {
		l.add("$.sparkplug.group", l.say("组名 %q 无效", "group %q is not usable", raw.Group), l.say("1 到 64 个字，不含 / + # 和空格", "use 1 to 64 characters without / + # and spaces"))
	}
	if raw.PasswordFile != "" {
		s.User, s.Password = l.secret("$.sparkplug.password_file", raw.PasswordFile)
	}
	l.site.Sparkplug = s
}
