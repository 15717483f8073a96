package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linshao/linshao/cloud/internal/enroll"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org"
)

// Problem is the body of every answer that is not what was asked for.
type Problem struct {
	Code    string   `json:"code" doc:"a word for programs"`
	Message string   `json:"message" doc:"a sentence for people, in the language of the request"`
	Details []string `json:"details,omitempty" doc:"what exactly was wrong with the request"`
}

// problem travels as an error until its language is known.
type problem struct {
	status  int
	code    string
	text    incident.Text
	details []string
	texts   []incident.Text // details in the language of the request
}

func (p *problem) Error() string  { return p.text.EN }
func (p *problem) GetStatus() int { return p.status }

func (p *problem) body(acceptLanguage string) Problem {
	details := slices.Clone(p.details)
	for _, t := range p.texts {
		details = append(details, pick(t, acceptLanguage))
	}
	return Problem{p.code, pick(p.text, acceptLanguage), details}
}

// pick chooses the first language of the two that the browser names; Chinese when it names neither.
func pick(t incident.Text, acceptLanguage string) string {
	for tag := range strings.SplitSeq(acceptLanguage, ",") {
		switch tag = strings.ToLower(strings.TrimSpace(tag)); {
		case strings.HasPrefix(tag, "zh"):
			return t.ZH
		case strings.HasPrefix(tag, "en"):
			return t.EN
		}
	}
	return t.ZH
}

func newProblem(status int, code, zh, en string) *problem {
	return &problem{status: status, code: code, text: incident.Text{ZH: zh, EN: en}}
}

func errLogin() *problem {
	return newProblem(http.StatusUnauthorized, "login_required", "请先登录", "please sign in")
}

func errForbidden() *problem {
	return newProblem(http.StatusForbidden, "forbidden", "您的账号没有此项权限，请联系管理员", "your account may not do this; ask your administrator")
}

func errPassword() *problem {
	return newProblem(http.StatusForbidden, "password_change", "请先修改密码", "change your password first")
}

func errNotFound() *problem {
	return newProblem(http.StatusNotFound, "not_found", "没有找到，可能已被移除", "not found; it may have been removed")
}

func errInternal() *problem {
	return newProblem(http.StatusInternalServerError, "internal", "服务器出错，请稍后再试；如反复出现请联系管理员", "the server failed; try again, and tell your administrator if it stays")
}

func errBusy() *problem {
	return newProblem(http.StatusTooManyRequests, "too_many_requests", "请求过于频繁，请稍后再试", "too many requests; try again in a moment")
}

func errStore() *problem {
	return newProblem(http.StatusServiceUnavailable, "store_unavailable", "历史数据库暂时无法访问，新数据已保存，稍后补上", "the store of readings cannot be reached now; new readings are kept and will follow")
}

// write answers with a problem outside of huma.
func (p *problem) write(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.status)
	_ = json.NewEncoder(w).Encode(p.body(r.Header.Get("Accept-Language"))) // a reader that left does not need it
}

// transform gives every error of huma's own, such as a wrong parameter, our body and the reader's language.
func transform(ctx huma.Context, _ string, v any) (any, error) {
	lang := ctx.Header("Accept-Language")
	switch e := v.(type) {
	case *problem:
		return e.body(lang), nil
	case *huma.ErrorModel:
		return fromHuma(e).body(lang), nil
	}
	return v, nil
}

func fromHuma(e *huma.ErrorModel) *problem {
	p := newProblem(e.Status, "bad_request", "请求内容有误", "the request is not valid")
	switch {
	case e.Status == http.StatusRequestEntityTooLarge:
		p = newProblem(e.Status, "too_large", "提交的内容过大", "the request is too large")
	case e.Status >= 500:
		p = errInternal()
		p.status = e.Status
		return p
	case e.Status == http.StatusNotAcceptable || e.Status == http.StatusUnsupportedMediaType:
		p = newProblem(e.Status, "media_type", "只支持 JSON", "only JSON is spoken here")
	}
	for _, d := range e.Errors {
		p.details = append(p.details, strings.TrimSpace(d.Location+": "+d.Message))
	}
	if len(e.Errors) == 0 && e.Detail != "" {
		p.details = []string{e.Detail}
	}
	return p
}

// known turns the errors of the cloud's parts into problems; anything else is logged and told as ours.
func (a *API) known(err error) error {
	var p *problem
	var refusal *incident.Refusal
	var nonsense *org.Refusal
	var denied *enroll.Refusal
	switch {
	case err == nil:
		return nil
	case errors.As(err, &p):
		return p
	case errors.As(err, &denied):
		return &problem{status: denied.Status, code: denied.Code, text: incident.Text(denied.Text)}
	case errors.As(err, &refusal):
		return &problem{status: http.StatusConflict, code: "wrong_state", text: refusal.Text}
	case errors.As(err, &nonsense):
		return &problem{status: http.StatusConflict, code: "wrong_state", text: incident.Text(nonsense.Text)}
	case isUnknown(err):
		return errNotFound()
	}
	a.cfg.Log.Error("request failed", "err", err)
	return errInternal()
}
