package status

import (
	"fmt"
	"html/template"
	"math"
	"net/http"
	"strings"

	"github.com/linshao/linshao/gateway/internal/login"
)

// cookie holds a session that the claim code has opened.
const cookie = "linshao_session"

// loginWords are the texts of the log-in in one language.
type loginWords struct{ Title, Code, Where, Enter, Wrong, Wait string }

func loginWordsOf(lang string) loginWords {
	if lang == "zh" {
		return loginWords{Title: "登录", Code: "认领码", Where: "认领码贴在机箱上；或在网关上运行 gateway code", Enter: "进入",
			Wrong: "认领码不对", Wait: "认领码不对，次数太多：请等 %d 秒再试"}
	}
	return loginWords{Title: "Log in", Code: "Claim code", Where: "The claim code is on the box; or run gateway code on the gateway", Enter: "Enter",
		Wrong: "That is not the claim code", Wait: "Too many wrong codes: wait %d s"}
}

type loginView struct {
	T          words
	W          loginWords
	C          Config
	To, Notice string
}

func (p *Page) askCode(w http.ResponseWriter, r *http.Request) { p.drawLogin(w, r, http.StatusOK, "") }

func (p *Page) drawLogin(w http.ResponseWriter, r *http.Request, code int, notice string) {
	t := wordsOf(r.Header.Get("Accept-Language"))
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	v := loginView{T: t, W: loginWordsOf(t.Lang), C: p.cfg, To: ownPath(r.FormValue("to")), Notice: notice}
	if err := template.Must(template.ParseFS(files, "login.html")).Execute(w, v); err != nil {
		p.cfg.Log.Debug("draw log-in", "error", err)
	}
}

// enter takes a claim code.
func (p *Page) enter(w http.ResponseWriter, r *http.Request) {
	said := loginWordsOf(wordsOf(r.Header.Get("Accept-Language")).Lang)
	session, wait, ok := p.cfg.Door.Try(r.PostFormValue("code"))
	switch {
	case wait > 0:
		seconds := int(math.Ceil(wait.Seconds()))
		w.Header().Set("Retry-After", fmt.Sprint(seconds))
		p.cfg.Log.Debug("wrong claim codes", "from", r.RemoteAddr, "wait", wait) // no more: a guesser must not fill the log
		p.drawLogin(w, r, http.StatusTooManyRequests, fmt.Sprintf(said.Wait, seconds))
		return
	case !ok:
		p.drawLogin(w, r, http.StatusForbidden, said.Wrong)
		return
	}
	// Not Secure: a box in a cellar has no certificate that a phone would believe.
	http.SetCookie(w, &http.Cookie{Name: cookie, Value: session, Path: "/", MaxAge: int(login.Lasts.Seconds()), HttpOnly: true, SameSite: http.SameSiteStrictMode})
	http.Redirect(w, r, ownPath(r.PostFormValue("to")), http.StatusSeeOther)
}

func (p *Page) leave(w http.ResponseWriter, r *http.Request) {
	if c, err := r.Cookie(cookie); err == nil {
		p.cfg.Door.Leave(c.Value)
	}
	http.SetCookie(w, &http.Cookie{Name: cookie, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

// ownPath is a path of these pages, whatever a link said.
func ownPath(to string) string {
	if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n") {
		return "/"
	}
	return to
}
