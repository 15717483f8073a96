package config

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/ascii"
	"github.com/linshao/linshao/drivers/serial/osdp"
)

// cardKeyBytes is the length of the key that turns card numbers into numbers that say nothing.
const cardKeyBytes = 32

// siteCardKey reads the site's key of cards: the same in all gateways of a site, and never changed, or a card is another one.
func (l *loader) siteCardKey(name string) []byte {
	if name == "" {
		return nil
	}
	text, ok := l.secretText("$.site.card_key_file", name)
	if !ok {
		return nil
	}
	key, err := hex.DecodeString(text)
	if err != nil || len(key) != cardKeyBytes {
		l.add("$.site.card_key_file", l.say("%s 里要有 %d 位十六进制数字", "%s must hold %d hexadecimal digits", name, 2*cardKeyBytes), "openssl rand -hex 32")
		return nil
	}
	return key
}

// mostPoll is the longest interval in which a device may be read.
func mostPoll(protocol string) time.Duration {
	if protocol == protocolASCII {
		return ascii.MaxPoll // the line holds no more of what it says
	}
	if protocol == protocolOSDP {
		return osdp.MaxPoll // after 8 s without a panel the device gives it up
	}
	return 24 * time.Hour
}

// osdpAddress adds a device's own key and the site's key of cards. Without its own key the device is spoken to in the clear.
func (l *loader) osdpAddress(path string, raw rawDevice) string {
	n, err := strconv.ParseUint(raw.Address, 10, 8)
	if err != nil || n > osdp.LastNumber {
		l.add(path+".address", l.say("OSDP 地址 %q 无效", "OSDP address %q is not usable", raw.Address), "0–126")
		return ""
	}
	a := osdp.Address{Number: byte(n), Install: raw.InstallMode, CardKey: l.cardKey}
	if raw.InstallMode {
		l.warn(path+".install_mode", l.say("安装模式：接受人人皆知的默认密钥", "install mode: the key that everybody knows is accepted"), l.say("装好后删去此行", "remove the line when the device has its own"))
	}
	if raw.PasswordFile == "" {
		if !raw.InstallMode {
			l.warn(path, l.say("设备 %s 没有密钥，线上明文通信", "device %s has no key and is spoken to in the clear", raw.ID), l.say("加 password_file", "add password_file"))
		}
		return a.Text()
	}
	text, ok := l.secretText(path+".password_file", raw.PasswordFile)
	if !ok {
		return a.Text()
	}
	key, err := osdp.ParseKey(text)
	switch {
	case err != nil:
		l.add(path+".password_file", l.say("%s 里要有 32 位十六进制数字", "%s must hold 32 hexadecimal digits", raw.PasswordFile), "openssl rand -hex 16")
	case key.IsDefault() && !raw.InstallMode:
		l.add(path+".password_file", l.say("%s 里是人人皆知的默认密钥", "%s holds the key that everybody knows", raw.PasswordFile), "openssl rand -hex 16")
	}
	a.Key = &key
	return a.Text()
}

// checkCards warns of cards that nobody will see.
func (l *loader) checkCards(path string, points []device.Point) {
	card := slices.ContainsFunc(points, func(p device.Point) bool { return p.Register.Space == osdp.SpaceCard })
	if card && l.cardKey == nil && l.raw.Site.CardKey == "" {
		l.warn(path+".profile", l.say("小区没有 card_key_file，读不到卡", "the site has no card_key_file: cards are not told"), l.say("写在 site 里", "add it to site"))
	}
}

// checkOneKey refuses two views of one OSDP device that know different keys: they would take the line from each other.
func (l *loader) checkOneKey(path string, old, new occupant) {
	if new.profile.Protocol == protocolOSDP && old.address != new.address {
		l.add(path+".password_file", l.say("%s 与 %s 是同一设备，密钥要一样", "%s and %s are one device and need the same key", old.id, new.id), "")
	}
}

// osdp reads a place in an OSDP device.
func (c *profileCheck) osdp(path string, raw rawPoint, r *device.Register) {
	var err error
	if r.Space, r.Addr, err = osdp.ParsePlace(raw.At); err != nil {
		c.add(path+".at", c.say("at %q 无效", "at %q is not usable", raw.At), c.say(`如 tamper、"input 0"、"card 0"`, `such as tamper, "input 0" or "card 0"`))
		return
	}
	pt := device.Point{Name: raw.Name, Register: *r, Offset: raw.Offset, Writable: raw.Write}
	if raw.Scale != nil {
		pt.Scale = *raw.Scale
	}
	if err := osdp.CheckPoint(pt); err != nil {
		c.add(path+".type", c.say("不可用：%v", "not usable: %v", err), strings.Join(osdp.Types(r.Space), " | "))
	}
}
