package profile

import "github.com/tagwire/tagwire/libs/event"

// LevelUnknown is the level of a measure that has not been judged yet.
const LevelUnknown = -2

// Level says where the value of a measure stood among the numbers that rules compare
// it with when they judged it last, and when time alone brings it past one.
type Level struct {
	At    int
	Due   event.Time // 0: never
	Exact bool       // … it is Due; else it is not earlier, or Due is not Sought
	Known bool       // Due has been looked for since the facts changed
	Open  bool       // Due has passed without being judged
}

// levels only save judging and searching for what would come out as it is already.
// They are not stored: after a restart nothing is known, and that gives the same.
type levels struct {
	of     any // the rule set
	at     []Level
	clock  event.Time // of the profile, when Due was looked for last
	expiry event.Time // of the tag that expires next; 0: none
	tags   bool       // expiry is known
}

// Levels are those of a rule set, n of them.
func (p *Profile) Levels(of any, n int) []Level {
	if p.levels.of != of || len(p.levels.at) != n {
		p.levels = levels{of: of, at: make([]Level, n), clock: p.Clock}
		for i := range p.levels.at {
			p.levels.at[i].At = LevelUnknown
		}
	}
	if p.Clock < p.levels.clock {
		for i := range p.levels.at {
			p.levels.at[i].Known = false
		}
	}
	p.levels.clock = p.Clock
	return p.levels.at
}

// ForgetLevels is for when tags have changed otherwise than by the rules' judging.
func (p *Profile) ForgetLevels() { p.levels = levels{} }

// NextExpiry is when the next tag expires, 0 when none does.
func (p *Profile) NextExpiry() event.Time {
	if l := &p.levels; !l.tags {
		l.tags, l.expiry = true, 0
		for _, t := range p.Tags {
			if t.Expires != 0 && (l.expiry == 0 || t.Expires < l.expiry) {
				l.expiry = t.Expires
			}
		}
	}
	return p.levels.expiry
}

// TagsChanged is for when a tag has come, gone or been renewed.
func (p *Profile) TagsChanged() { p.levels.tags = false }
