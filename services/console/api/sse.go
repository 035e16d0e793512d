package api

import (
	"bytes"
	"context"
	"net/http"
	"time"
)

const (
	heartbeat    = 15 * time.Second
	writeTimeout = 10 * time.Second // a reader who does not read is cut
)

// sse writes an event stream.
type sse struct {
	w   http.ResponseWriter
	ctl *http.ResponseController
	buf bytes.Buffer
}

// openStream begins a stream.
func openStream(w http.ResponseWriter) (*sse, error) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("X-Accel-Buffering", "no") // proxies pass it on at once
	w.WriteHeader(http.StatusOK)
	s := &sse{w: w, ctl: http.NewResponseController(w)}
	return s, s.raw("retry: 1000\n\n")
}

// send writes one message; data is one line of JSON.
func (s *sse) send(id string, data []byte) error {
	s.buf.Reset()
	if id != "" {
		s.buf.WriteString("id: " + id + "\n")
	}
	s.buf.WriteString("data: ")
	s.buf.Write(data)
	s.buf.WriteString("\n\n")
	return s.raw(s.buf.String())
}

// name writes a named event without data.
func (s *sse) name(id, name string) error {
	text := "event: " + name + "\n\n"
	if id != "" {
		text = "id: " + id + "\n" + text
	}
	return s.raw(text)
}

// comment writes what readers pass over: heartbeats.
func (s *sse) comment(text string) error { return s.raw(": " + text + "\n\n") }

func (s *sse) raw(text string) error {
	_ = s.ctl.SetWriteDeadline(time.Now().Add(writeTimeout)) // not every writer has deadlines
	if _, err := s.w.Write([]byte(text)); err != nil {
		return errGone
	}
	if err := s.ctl.Flush(); err != nil {
		return errGone
	}
	return nil
}

// pump calls on for each value and sends heartbeats between, until ctx ends, the
// values end, or the reader has left, which is no error.
func pump[T any](ctx context.Context, s *sse, values <-chan T, on func(T) error) error {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case v, ok := <-values:
			if !ok {
				return nil
			}
			err = on(v)
		case <-beat.C:
			err = s.comment("heartbeat")
		}
		if err != nil {
			return nil
		}
	}
}
