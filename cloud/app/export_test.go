package app

import (
	"net/http"

	"github.com/linshao/linshao/cloud/internal/api"
	"github.com/linshao/linshao/cloud/internal/live"
)

// Handler is what answers requests, for tests that need no connection.
func (a *App) Handler() http.Handler { return a.server.Handler }

// Feed is what tells open pages.
func (a *App) Feed() *api.Feed { return a.feed }

// Hub is where open pages listen.
func (a *App) Hub() *live.Hub { return a.hub }
