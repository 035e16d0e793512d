package auth

import (
	"errors"
	"sync"
	"time"
)

// LimiterOptions say how fast; Rate and Burst are needed, MaxKeys defaults to 100,000.
type LimiterOptions struct {
	Rate    float64 // tokens per second
	Burst   int     // tokens that a key which was quiet may take at once
	MaxKeys int     // keys remembered; one that is forgotten has a full bucket
	Now     func() time.Time
}

// Limiter is a token bucket per key, in the memory of this process.
type Limiter struct {
	opt     LimiterOptions
	mu      sync.Mutex
	buckets map[string]*bucket
}

type bucket struct {
	tokens float64
	at     time.Time
}

// NewLimiter checks the options.
func NewLimiter(opt LimiterOptions) (*Limiter, error) {
	if opt.Rate <= 0 || opt.Burst <= 0 {
		return nil, errors.New("auth: LimiterOptions.Rate and Burst must be above 0")
	}
	if opt.MaxKeys <= 0 {
		opt.MaxKeys = 100_000
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	return &Limiter{opt: opt, buckets: map[string]*bucket{}}, nil
}

// Allow takes n tokens, or says after how long it can. More than the burst at
// once is let through when the bucket is full, and is paid for afterwards.
func (l *Limiter) Allow(key string, n int) (bool, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.opt.Now()
	b := l.buckets[key]
	if b == nil {
		l.makeRoom(now)
		b = &bucket{tokens: float64(l.opt.Burst), at: now}
		l.buckets[key] = b
	}
	b.tokens = l.filled(b, now)
	b.at = now
	need := float64(min(n, l.opt.Burst))
	if b.tokens < need {
		return false, time.Duration((need - b.tokens) / l.opt.Rate * float64(time.Second))
	}
	b.tokens -= float64(n)
	return true, 0
}

// Keys is how many keys are remembered.
func (l *Limiter) Keys() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.buckets)
}

func (l *Limiter) filled(b *bucket, now time.Time) float64 {
	return min(float64(l.opt.Burst), b.tokens+max(0, now.Sub(b.at).Seconds())*l.opt.Rate)
}

// makeRoom forgets full buckets, which say nothing, and if all are in use any
// tenth of them: memory is bounded before fairness.
func (l *Limiter) makeRoom(now time.Time) {
	if len(l.buckets) < l.opt.MaxKeys {
		return
	}
	for k, b := range l.buckets {
		if l.filled(b, now) >= float64(l.opt.Burst) {
			delete(l.buckets, k)
		}
	}
	for k := range l.buckets {
		if len(l.buckets) <= l.opt.MaxKeys*9/10 {
			return
		}
		delete(l.buckets, k)
	}
}
