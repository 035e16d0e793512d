package rule

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tagwire/tagwire/libs/profile"
)

// Group is what the block `groups` says of a tag group.
type Group struct {
	Name    string   `json:"group"`
	CountBy []string `json:"dimensions"`      // channel, store, staff, city
	Color   string   `json:"color,omitempty"` // for pages
	Order   int      `json:"order,omitempty"` // among groups on pages
}

// colour is a name of CSS, or hexadecimal.
var colour = regexp.MustCompile(`^([A-Za-z]+|#[0-9A-Fa-f]{3,8})$`)

// Dimensions are those by which tags may be counted.
func Dimensions() []string {
	return []string{profile.DimChannel, profile.DimStore, profile.DimStaff, profile.DimCity}
}

func (c *compilation) group(e entry) {
	if slices.ContainsFunc(c.set.Groups, func(g Group) bool { return g.Name == e.key }) {
		c.fail(e.at.errorf("the group %q stands in two files", e.key))
		return
	}
	f, err := e.value.fields(Keys("group")...)
	if c.fail(err) {
		return
	}
	g := Group{Name: e.key, CountBy: []string{}}
	if n, ok := f["count_by"]; ok {
		if g.CountBy, err = wordsOf(n, "counts go by", Dimensions()); c.fail(err) {
			return
		}
	}
	if n, ok := f["color"]; ok {
		if g.Color, err = n.text(); c.fail(err) {
			return
		}
		if !colour.MatchString(g.Color) {
			c.fail(n.errorf("a color is a word such as red, or \"#d4380d\" in quotation marks, not %q", g.Color))
			return
		}
	}
	if n, ok := f["order"]; ok {
		s, err := n.text()
		if c.fail(err) {
			return
		}
		if g.Order, err = strconv.Atoi(s); err != nil {
			c.fail(n.errorf("order is a whole number, not %q", s))
			return
		}
	}
	c.set.Groups = append(c.set.Groups, g)
	if len(g.CountBy) > 0 {
		if c.set.Dimensions == nil {
			c.set.Dimensions = profile.Dimensions{}
		}
		c.set.Dimensions[g.Name] = g.CountBy
	}
}

// wordsOf reads a word or a list of words of a closed set, each once.
func wordsOf(n yamlNode, what string, allowed []string) ([]string, error) {
	items := []yamlNode{n}
	if list, err := n.items(); err == nil {
		items = list
	}
	var out []string
	for _, item := range items {
		s, err := item.text()
		if err != nil {
			return nil, err
		}
		if !slices.Contains(allowed, s) {
			return nil, item.errorf("%s %s, not %q", what, strings.Join(allowed, ", "), s)
		}
		if slices.Contains(out, s) {
			return nil, item.errorf("%q stands here twice", s)
		}
		out = append(out, s)
	}
	return out, nil
}
