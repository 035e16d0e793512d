package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"
)

// ErrNoSession says that none was given, it has ended, or it was revoked.
var ErrNoSession = errors.New("no session")

// CookieName is the session's cookie.
const CookieName = "tagwire_session"

// Session is who is logged in.
type Session struct {
	Subject string    `json:"subject"` // account; RevokeAll ends all of one
	Role    string    `json:"role"`    // admin, marketing, staff, leader, bi
	Name    string    `json:"name,omitempty"`
	StaffID string    `json:"staff_id,omitempty"`
	Created time.Time `json:"created"`
}

// SessionOptions say how long sessions last; Idle and Absolute default to 12 hours and 7 days.
type SessionOptions struct {
	Redis    redis.UniversalClient
	Idle     time.Duration
	Absolute time.Duration
	Secure   bool // the page is served by https
	Now      func() time.Time
}

// Sessions keeps sessions in Redis, so that every console knows them.
type Sessions struct{ opt SessionOptions }

// NewSessions checks the options.
func NewSessions(opt SessionOptions) (*Sessions, error) {
	if opt.Redis == nil {
		return nil, errors.New("auth: SessionOptions.Redis is nil")
	}
	if opt.Idle <= 0 {
		opt.Idle = 12 * time.Hour
	}
	if opt.Absolute <= 0 {
		opt.Absolute = 7 * 24 * time.Hour
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	return &Sessions{opt: opt}, nil
}

// Create begins a session and gives the cookie that carries it. Its id is new,
// whatever cookie the request had.
func (s *Sessions) Create(ctx context.Context, session Session) (*http.Cookie, error) {
	session.Created = s.opt.Now().UTC()
	b, err := json.Marshal(session)
	if err != nil {
		return nil, fmt.Errorf("encode session: %w", err)
	}
	id := NewToken("")
	_, err = s.opt.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.Set(ctx, sessionKey(id), b, min(s.opt.Idle, s.opt.Absolute))
		p.SAdd(ctx, subjectKey(session.Subject), sessionKey(id))
		p.Expire(ctx, subjectKey(session.Subject), s.opt.Absolute)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("store session: %w", err)
	}
	return s.cookie(id, int(s.opt.Absolute.Seconds())), nil
}

// Get is the request's session; asking keeps it from idling out.
func (s *Sessions) Get(ctx context.Context, r *http.Request) (Session, error) {
	c, err := r.Cookie(CookieName)
	if err != nil || c.Value == "" {
		return Session{}, ErrNoSession
	}
	key := sessionKey(c.Value)
	b, err := s.opt.Redis.Get(ctx, key).Bytes()
	if errors.Is(err, redis.Nil) {
		return Session{}, ErrNoSession
	}
	if err != nil {
		return Session{}, fmt.Errorf("read session: %w", err)
	}
	var session Session
	if err := json.Unmarshal(b, &session); err != nil {
		return Session{}, fmt.Errorf("decode session: %w", err)
	}
	left := session.Created.Add(s.opt.Absolute).Sub(s.opt.Now())
	if left <= 0 {
		return Session{}, errors.Join(ErrNoSession, s.Revoke(ctx, r))
	}
	// Expire does not bring back a session that is being revoked just now.
	if err := s.opt.Redis.Expire(ctx, key, min(s.opt.Idle, left)).Err(); err != nil {
		return Session{}, fmt.Errorf("prolong session: %w", err)
	}
	return session, nil
}

// Revoke ends the request's session; with none it does nothing.
func (s *Sessions) Revoke(ctx context.Context, r *http.Request) error {
	c, err := r.Cookie(CookieName)
	if err != nil || c.Value == "" {
		return nil
	}
	if err := s.opt.Redis.Del(ctx, sessionKey(c.Value)).Err(); err != nil {
		return fmt.Errorf("revoke session: %w", err)
	}
	return nil
}

// RevokeAll ends every session of a subject.
func (s *Sessions) RevokeAll(ctx context.Context, subject string) error {
	keys, err := s.opt.Redis.SMembers(ctx, subjectKey(subject)).Result()
	if err != nil {
		return fmt.Errorf("list sessions: %w", err)
	}
	_, err = s.opt.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, k := range append(keys, subjectKey(subject)) {
			p.Del(ctx, k)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("revoke sessions: %w", err)
	}
	return nil
}

// Gone is the cookie that makes the browser forget its session.
func (s *Sessions) Gone() *http.Cookie { return s.cookie("", -1) }

func (s *Sessions) cookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: CookieName, Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: s.opt.Secure, SameSite: http.SameSiteLaxMode,
	}
}

// Redis holds hashes of ids, so that who reads it cannot log in with them.
func sessionKey(id string) string      { return "tw:session:" + HashToken(id) }
func subjectKey(subject string) string { return "tw:session-of:" + subject }
