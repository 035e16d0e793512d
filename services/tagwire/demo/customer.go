package demo

import (
	"fmt"
	"math/rand/v2"

	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/event"
)

// customer is one simulated person. Number 0 is the shop's own test number,
// which stands on the list of internal identities.
type customer struct {
	N                    int
	Name, Phone, City    string
	Gender, Level        string
	Staff, Store         string
	Channel              string
	Temper               int
	Added                event.Time // zero: not yet, the live shop adds it
	Sport                string
	ExternalID, UserID   string
	AnonymousID, GroupID string
}

func externalID(n int) string { return fmt.Sprintf("wmDEMO%026d", n) }

func (c *customer) identity() string { return "wecom." + corp + ":" + c.ExternalID }

// world is what does not change: people, places and things.
type world struct {
	seed      uint64
	began     event.Time // where the past ends and the live shop begins
	past      int        // days
	customers []*customer
	tempers   []temper
	products  []product
	links     []string
	linkOf    map[string]defs.Link
	forms     []string
	formOf    map[string]defs.Form
	says      []string
	replies   []string
}

// generator is a source of chance for one purpose: the same for the same seed.
func (w *world) generator(purpose, n uint64) *rand.Rand {
	return rand.New(rand.NewPCG(w.seed^purpose<<48, n)) //nolint:gosec // a simulation has to be repeatable
}

// Purposes of generators.
const (
	forPeople uint64 = iota + 1
	forPast
	forLive
)

// newcomers is the share of customers whom only the live shop adds.
const newcomers = 10 // one in

func newWorld(p *pack, start started) (*world, error) {
	w := &world{
		seed: start.Seed, began: start.Began, past: start.PastDays, tempers: tempers(), products: products(),
		links: p.ids(defs.KindLink), forms: p.ids(defs.KindForm), linkOf: map[string]defs.Link{}, formOf: map[string]defs.Form{},
		says: customerLines(), replies: staffLines(),
	}
	for _, id := range w.links {
		l, err := bodyOf[defs.Link](p, defs.KindLink, id)
		if err != nil {
			return nil, err
		}
		w.linkOf[id] = l
	}
	for _, id := range w.forms {
		f, err := bodyOf[defs.Form](p, defs.KindForm, id)
		if err != nil {
			return nil, err
		}
		w.formOf[id] = f
	}
	stores := map[string]defs.Shop{}
	for _, id := range p.ids(defs.KindStore) {
		s, err := bodyOf[defs.Shop](p, defs.KindStore, id)
		if err != nil {
			return nil, err
		}
		stores[id] = s
	}
	staff := map[string][]string{}
	for _, id := range p.ids(defs.KindStaff) {
		s, err := bodyOf[defs.Staff](p, defs.KindStaff, id)
		if err != nil {
			return nil, err
		}
		staff[s.StoreID] = append(staff[s.StoreID], id)
	}
	channels, err := channelsOf(p)
	if err != nil {
		return nil, err
	}
	for n := range start.Customers {
		w.customers = append(w.customers, w.person(n, p.ids(defs.KindStore), stores, staff, channels))
	}
	return w, nil
}

// channelsOf are the channels that have no store, and by store those that do.
func channelsOf(p *pack) (map[string][]string, error) {
	out := map[string][]string{}
	for _, id := range p.ids(defs.KindChannel) {
		c, err := bodyOf[defs.Channel](p, defs.KindChannel, id)
		if err != nil {
			return nil, err
		}
		out[c.StoreID] = append(out[c.StoreID], id)
	}
	return out, nil
}

func (w *world) person(n int, ids []string, stores map[string]defs.Shop, staff, channels map[string][]string) *customer {
	r := w.generator(forPeople, uint64(n))
	store := pick(r, ids)
	sports := []string{"跑步", "登山", "瑜伽", "骑行", "露营"}
	c := &customer{
		N: n, Name: pick(r, surnames()) + pick(r, givenNames()), Phone: fmt.Sprintf("139%08d", 10_000_000+n),
		City: stores[store].City, Gender: pick(r, []string{"男", "女"}), Level: pick(r, []string{"A", "B", "B", "C", "C", "C"}),
		Staff: pick(r, staff[store]), Store: store, Channel: pick(r, channels[""]), Sport: pick(r, sports),
		ExternalID: externalID(n), UserID: fmt.Sprintf("u%06d", n), AnonymousID: fmt.Sprintf("demo-browser-%06d", n), GroupID: "wrDEMO" + store,
	}
	if r.Float64() < 0.45 {
		c.Channel = pick(r, channels[store])
	}
	x := r.Float64()
	for i, t := range w.tempers {
		if x -= t.share; x < 0 || i == len(w.tempers)-1 {
			c.Temper = i
			break
		}
	}
	span := int64(w.past) * dayMS
	if n%newcomers != newcomers-1 {
		c.Added = w.began - event.Time(r.Int64N(span)) - 3_600_000
	}
	return c
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

const dayMS = 24 * 3_600_000
