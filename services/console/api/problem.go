package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/store/inbox"
	"github.com/tagwire/tagwire/libs/warehouse"
	"github.com/tagwire/tagwire/services/console/activation"
	"github.com/tagwire/tagwire/services/console/shards"
)

// problem is an error as the API answers it (RFC 9457). It says what happened
// and what to do, in Chinese and in English.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail,omitempty"`
	Errors any    `json:"errors,omitempty"`
	Needs  any    `json:"needs,omitempty"`
	Now    any    `json:"current,omitempty"` // what stands instead of what was expected
	after  int    // seconds for Retry-After
	cause  error  // for the log
}

func (p *problem) Error() string { return p.Code + ": " + p.Detail }

func (p *problem) Unwrap() error { return p.cause }

// refuse makes a problem.
func refuse(status int, code, zh, en string) *problem {
	return &problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: zh + " / " + en}
}

func badRequest(zh, en string) *problem {
	return refuse(http.StatusBadRequest, "bad_request", zh, en)
}

func notFound(zh, en string) *problem {
	return refuse(http.StatusNotFound, "not_found", zh, en)
}

func away(cause error) *problem {
	p := refuse(http.StatusServiceUnavailable, "unavailable", "后台部件暂时无法访问，请稍后重试", "a part behind the console does not answer; please try again in a moment")
	p.after, p.cause = 2, cause
	return p
}

// asProblem says what an error means to the one who asked.
func asProblem(err error) *problem {
	var p *problem
	var conflict *defs.ConflictError
	var invalid *defs.InvalidError
	var history *activation.HistoryError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &conflict):
		p = refuse(http.StatusConflict, "conflict", "内容已被他人修改，请刷新后再保存", conflict.Error())
		p.Now = map[string]int64{"version": conflict.Current.Version}
		return p
	case errors.As(err, &invalid):
		p = refuse(http.StatusUnprocessableEntity, "invalid", "内容不符合要求", invalid.Error())
		p.Errors = invalid.Problems
		return p
	case errors.As(err, &history):
		p = refuse(http.StatusUnprocessableEntity, "needs_history",
			"这些指标需要历史数据，而之前没有保留相应的事实；当前版本还不能从历史重建。若接受从现在开始累计，请加 ?history=none 保存",
			fmt.Sprintf("%s; building them from history is not served yet. Save with ?history=none to let them begin empty", history.Error()))
		p.Needs = history.Needs
		return p
	case errors.Is(err, activation.ErrBusy):
		return refuse(http.StatusConflict, "activating", "另一个版本的规则正在生效，请稍后再保存", "another version of the rules is being activated; please save again in a moment")
	case errors.Is(err, shards.ErrUnknown):
		return notFound("没有这个客户", "there is no such customer")
	case errors.Is(err, inbox.ErrUnknown):
		return notFound("没有这条提醒", "there is no such alert")
	case errors.Is(err, defs.ErrNotFound):
		return notFound("没有这个定义", "there is no such definition")
	case errors.Is(err, inbox.ErrID), errors.Is(err, warehouse.ErrCursor):
		return badRequest("cursor 无效，请从第一页重新开始", "the cursor is not valid; begin again with the first page")
	}
	return away(err)
}

// fail answers an error. What is ours to fix goes to the log.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // nobody is left to tell
	}
	p := asProblem(err)
	if p.Status >= http.StatusInternalServerError {
		a.opt.Log.Warn("request not answered", zap.String("method", r.Method), zap.String("route", r.Pattern), zap.Error(err))
	}
	p.write(w)
}

func (p *problem) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/problem+json")
	if p.after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(p.after))
	}
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client may be gone
}

// answer writes JSON.
func answer(w http.ResponseWriter, status int, body any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // conditions are full of < and >, and no page reads this as HTML
	if err := enc.Encode(body); err != nil {
		return fmt.Errorf("encode an answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the client may be gone
	return nil
}

var errNoWarehouse = errors.New("no warehouse is configured")
