package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
)

// Limits of request bodies.
const (
	maxBody  = 64 << 10
	maxRules = 1 << 20 // also of definitions: what a record in the log takes
)

// readBody reads at most limit bytes.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, refuse(http.StatusRequestEntityTooLarge, "too_large", "内容太大，最多 "+strconv.FormatInt(limit>>10, 10)+" KB",
			"the body is too large; at most "+strconv.FormatInt(limit>>10, 10)+" KB are taken")
	}
	if err != nil {
		return nil, badRequest("请求没有完整到达", "the request did not arrive whole")
	}
	return b, nil
}

// readJSON decodes an object. An empty body leaves into as it is.
func readJSON(w http.ResponseWriter, r *http.Request, into any) error {
	b, err := readBody(w, r, maxBody)
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(b)) == 0 {
		return nil
	}
	if err := json.Unmarshal(b, into); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return badRequest("字段 "+wrong.Field+" 的类型不对", "the field "+wrong.Field+" has another type than expected")
		}
		return badRequest("请求内容不是 JSON 对象", "the body is not a JSON object")
	}
	return nil
}

// number reads a whole number of the query; 0 when it is missing.
func number(r *http.Request, name string) (int, error) {
	s := r.URL.Query().Get(name)
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0, badRequest("参数 "+name+" 应为非负整数", "the parameter "+name+" is a whole number that is not below 0")
	}
	return n, nil
}
