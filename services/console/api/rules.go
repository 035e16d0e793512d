package api

import (
	"encoding/json"
	"errors"
	"maps"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/services/console/activation"
	"github.com/tagwire/tagwire/services/console/ruleset"
)

// rulesFile is the name of a rule set that is one file.
const rulesFile = "rules.yaml"

const fileMark = "--- # file: "

// marks finds the lines that part the files of a set in one text.
var marks = regexp.MustCompile(`(?m)^--- # file: (.+?)[ \t\r]*\n`)

// join makes one text of a set's files. A set that is rules.yaml alone is that
// text; several are parted by marks that split knows.
func join(files map[string]string) string {
	if text, ok := files[rulesFile]; ok && len(files) == 1 {
		return text
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		b.WriteString(fileMark + name + "\n" + files[name])
		if !strings.HasSuffix(files[name], "\n") {
			b.WriteString("\n")
		}
	}
	return b.String()
}

// split is the inverse of join. What stands in front of the first mark is
// rules.yaml.
func split(text string) map[string]string {
	found := marks.FindAllStringSubmatchIndex(text, -1)
	if len(found) == 0 {
		return map[string]string{rulesFile: text}
	}
	files := map[string]string{}
	if head := text[:found[0][0]]; strings.TrimSpace(head) != "" {
		files[rulesFile] = head
	}
	for i, m := range found {
		end := len(text)
		if i+1 < len(found) {
			end = found[i+1][0]
		}
		files[text[m[2]:m[3]]] = text[m[1]:end]
	}
	return files
}

// rulesView is a rule set for programs.
type rulesView struct {
	Version int64             `json:"version"`
	Files   map[string]string `json:"files"`
	Warming []ruleset.Warm    `json:"warming"`
	Author  string            `json:"author"`
	Time    event.Time        `json:"time"`
	Active  bool              `json:"active"` // in every shard
}

func (a *API) rules(w http.ResponseWriter, r *http.Request) error {
	version, err := number(r, "version")
	if err != nil {
		return err
	}
	var d defs.Def
	var ok bool
	if version > 0 {
		d, ok = a.opt.Defs.At(defs.KindRules, defs.RulesID, int64(version))
		ok = ok && !d.Deleted
	} else {
		d, ok = a.opt.Defs.Get(defs.KindRules, defs.RulesID)
	}
	if !ok {
		return notFound("还没有保存过规则，或没有这个版本", "no rules have been saved yet, or there is no such version")
	}
	body, err := defs.Body[defs.Rules](d)
	if err != nil {
		return err
	}
	w.Header().Set("ETag", etag(d.Version))
	if !strings.Contains(r.Header.Get("Accept"), "application/json") {
		w.Header().Set("Content-Type", "application/yaml; charset=utf-8")
		_, _ = w.Write([]byte(join(body.Files))) // the client may be gone
		return nil
	}
	board, err := a.board.Now(r.Context())
	if err != nil {
		return err
	}
	view := rulesView{Version: d.Version, Files: body.Files, Author: d.Author, Time: d.Time, Active: board.RulesVersion == d.Version, Warming: []ruleset.Warm{}}
	if v, err := a.sets.At(d.Version); err == nil {
		view.Warming = filled(v.WarmingAt(board.AsOf))
	}
	return answer(w, http.StatusOK, view)
}

// rulesSaved is the answer to a rule set that was saved.
type rulesSaved struct {
	Version    int64        `json:"version"`
	Unchanged  bool         `json:"unchanged,omitempty"`
	Activating bool         `json:"activating,omitempty"` // it becomes active by itself
	Waiting    string       `json:"waiting,omitempty"`    // for what
	Warming    []string     `json:"warming,omitempty"`
	Notes      []rule.Error `json:"notes,omitempty"` // what depends on the order of arrival
}

func (a *API) putRules(w http.ResponseWriter, r *http.Request) error {
	req := activation.Request{Author: who(r).by(), Expect: defs.ExpectAny}
	switch h := r.URL.Query().Get("history"); h {
	case "":
	case "none":
		req.NoHistory = true
	default:
		return badRequest("history 只能是 none", "history can only be none")
	}
	version, _, given, err := expected(r)
	if err != nil {
		return err
	}
	if given && version > 0 {
		req.Expect = version
	}
	if req.Files, err = readRules(w, r); err != nil {
		return err
	}
	return a.saveRules(w, r, req)
}

// saveRules activates a rule set and answers what came of it.
func (a *API) saveRules(w http.ResponseWriter, r *http.Request, req activation.Request) error {
	out, err := a.activator.Put(r.Context(), req)
	var errs rule.Errors
	var needs *activation.HistoryError
	switch {
	case errors.As(err, &errs):
		return mistaken(errs)
	case errors.As(err, &needs):
		p := asProblem(err)
		p.Errors = placesOf(needs.Needs, req.Files)
		return p
	case err != nil && out.Version == 0:
		return err
	case err != nil:
		a.opt.Log.Warn("rules are saved and not active yet", zap.Int64("version", out.Version), zap.Error(err))
	}
	w.Header().Set("ETag", etag(out.Version))
	saved := rulesSaved{Version: out.Version, Unchanged: out.Unchanged, Waiting: out.Waiting, Warming: out.Warming, Notes: out.Notes}
	if out.Active {
		return answer(w, http.StatusOK, saved)
	}
	saved.Activating = true
	return answer(w, http.StatusAccepted, saved)
}

// mistaken answers a rule set that does not compile.
func mistaken(errs rule.Errors) *problem {
	p := refuse(http.StatusUnprocessableEntity, "rules_invalid", "规则有 "+strconv.Itoa(len(errs))+" 处错误，未保存", strconv.Itoa(len(errs))+" mistakes in the rules; nothing was saved")
	p.Errors = errs
	return p
}

// placesOf says where in the files the measures stand that lack history.
func placesOf(needs []string, files map[string]string) []rule.Error {
	var out []rule.Error
	for _, name := range needs {
		e := rule.Error{File: slices.Min(slices.Collect(maps.Keys(files))), Line: 1, Column: 1}
		key := regexp.MustCompile(`^\s*["']?` + regexp.QuoteMeta(name) + `["']?\s*:`)
		if typ, ok := strings.CutPrefix(name, "absent "); ok {
			key = regexp.MustCompile(`absent\(\s*["']` + regexp.QuoteMeta(typ) + `["']`)
		}
	search:
		for _, file := range slices.Sorted(maps.Keys(files)) {
			for n, line := range strings.Split(files[file], "\n") {
				if at := key.FindStringIndex(line); at != nil {
					start := at[0] + len(line[at[0]:]) - len(strings.TrimLeft(line[at[0]:], " \t"))
					e.File, e.Line, e.Column = file, n+1, 1+utf8.RuneCountInString(line[:start])
					break search
				}
			}
		}
		e.Message = "“" + name + "”需要历史数据，尚不能重建 / needs facts that were not kept so far"
		out = append(out, e)
	}
	return out
}

// readRules takes YAML, or JSON with files.
func readRules(w http.ResponseWriter, r *http.Request) (map[string]string, error) {
	body, err := readBody(w, r, maxRules)
	if err != nil {
		return nil, err
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err == nil && kind == "application/json":
		var in struct {
			Files map[string]string `json:"files"`
		}
		if err := json.Unmarshal(body, &in); err != nil {
			return nil, badRequest("请求内容不是 {\"files\": {…}}", `the body is not {"files": {…}}`)
		}
		return in.Files, nil
	case err == nil && slices.Contains([]string{"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml", "text/plain"}, kind):
		return split(string(body)), nil
	}
	return nil, refuse(http.StatusUnsupportedMediaType, "media_type", "Content-Type 应为 application/yaml 或 application/json", "Content-Type is application/yaml or application/json")
}
