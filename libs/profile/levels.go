package profile

import "github.com/tagwire/tagwire/libs/event"

// LevelUnknown is the level of a measure that has not been judged yet.
const LevelUnknown = -2

// Level says where the value of a measure stood among the numbers that rules compare
// it with when they judged it last, and when time alone brings it past one.
type Level struct {
	Due   event.Time // 0: never
	At    int32
	Exact bool // … it is Due; else it is not earlier
	Known bool // Due has been looked for since the facts changed
	Open  bool // Due has passed without being judged
}

// levels only save judging and searching for what would come out as it is already.
// They are not stored: after a restart nothing is known, and that gives the same. The
// levels themselves lie with the folds, those that bear the profile's mark.
type levels struct {
	of     any // the rule set
	mark   *levelMark
	clock  event.Time // of the profile, when Due was looked for last
	expiry event.Time // of the tag that expires next; 0: none
	tags   bool       // expiry is known
}

// levelMark is told apart by its address.
type levelMark struct{ _ byte }

// foldLevels are those of the measures that read a fold.
type foldLevels struct {
	mark *levelMark
	at   []Level
}

// Levels are those of the n measures of a rule set that read a fold of the profile.
func (p *Profile) Levels(of any, f *Fold, n int) []Level {
	if p.levels.of != of || p.levels.mark == nil {
		p.levels = levels{of: of, mark: &levelMark{}, clock: p.Clock}
	}
	if f.levels.mark != p.levels.mark || len(f.levels.at) != n {
		f.levels = foldLevels{p.levels.mark, make([]Level, n)}
		for i := range f.levels.at {
			f.levels.at[i].At = LevelUnknown
		}
	}
	return f.levels.at
}

// LevelsUpTo keeps what is known for when the profile's clock has moved on; of one
// that has been set back it forgets it.
func (p *Profile) LevelsUpTo() {
	if p.Clock < p.levels.clock {
		p.ForgetLevels()
	}
	p.levels.clock = p.Clock
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
