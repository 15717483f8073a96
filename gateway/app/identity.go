package app

import (
	"fmt"
	"path/filepath"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/identity"
	"github.com/linshao/linshao/rules"
)

// identitiesFile holds the serial numbers of the devices, in the data folder.
const identitiesFile = "identities.state"

func (a *App) watchIdentities() *identity.Watch {
	return identity.New(identity.Config{File: filepath.Join(a.cfg.Site.Data, identitiesFile), Devices: a.devices,
		Read: a.read, Swapped: a.swapped, Now: a.cfg.Now, Log: a.cfg.Log})
}

// swapped tells people that another device hangs where one was known.
func (a *App) swapped(d device.Device, old, now string) {
	text := rules.Text{ZH: fmt.Sprintf("%s：序列号 %s → %s，设备已更换", d.Name, old, now), EN: fmt.Sprintf("%s: serial number %s → %s, the device was exchanged", d.Name, old, now)}
	if d.Kind == "meter" || d.Kind == "socket" {
		text = rules.Text{ZH: fmt.Sprintf("%s：表号 %s → %s，电量计数重新开始", d.Name, old, now), EN: fmt.Sprintf("%s: meter %s → %s, its energy counter begins anew", d.Name, old, now)}
	}
	a.notice(wire.NoticeDeviceSwapped, d.ID, d.Channel, text)
}
