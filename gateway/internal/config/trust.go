package config

import (
	"os"

	"github.com/linshao/linshao/cloud/wire"
)

// checkTrust reads the key by which the cloud signs what it tells this gateway to do. Without one nothing is done from afar.
func (l *loader) checkTrust() {
	const path = "$.trust.command_key"
	name := l.raw.Trust.CommandKey
	if name == "" {
		return
	}
	text, err := os.ReadFile(l.path(name))
	if err != nil {
		l.warn(path, l.say("读不到 %s：%v", "%s cannot be read: %v", name, unwrapPath(err)), l.say("没有它，网关不接受远程命令", "without it the gateway takes nothing from afar"))
		return
	}
	if l.site.CommandKey, err = wire.DecodeKey(text); err != nil {
		l.add(path, l.say("%s 不是 Ed25519 公钥：%v", "%s is no public key of Ed25519: %v", name, err), l.say("在云端运行 cloud command-key 得到", "`cloud command-key` prints it"))
	}
}
