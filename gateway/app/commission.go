package app

import (
	"github.com/linshao/linshao/gateway/internal/commission"
	"github.com/linshao/linshao/gateway/internal/config"
)

// commission is the gateway's own commissioning, on lines that its pollers lend.
func (a *App) commission(lang config.Language) (*commission.Service, error) {
	return commission.New(commission.Config{Site: a.cfg.Site, Lang: lang, Log: a.cfg.Log, Lend: a.lend})
}
