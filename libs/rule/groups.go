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
		c.fail(e.again("标签组", "the group %q stands"))
		return
	}
	f, err := e.value.fields(Keys("group")...)
	if c.fail(err) {
		return
	}
	g := Group{Name: e.key, CountBy: []string{}}
	if n, ok := f["count_by"]; ok {
		if g.CountBy, err = wordsOf(n, "计数的维度是", "counts go by", Dimensions()); c.fail(err) {
			return
		}
	}
	if n, ok := f["color"]; ok {
		if g.Color, err = n.text(); c.fail(err) {
			return
		}
		if !colour.MatchString(g.Color) {
			c.fail(n.errorf("颜色写 red 这样的名字，或加引号的 \"#d4380d\"，不能是 %[1]q / a color is a word such as red, or \"#d4380d\" in quotation marks, not %[1]q", g.Color))
			return
		}
	}
	if n, ok := f["order"]; ok {
		s, err := n.text()
		if c.fail(err) {
			return
		}
		if g.Order, err = strconv.Atoi(s); err != nil {
			c.fail(n.errorf("order 是整数，不能是 %[1]q / order is a whole number, not %[1]q", s))
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
func wordsOf(n yamlNode, zh, en string, allowed []string) ([]string, error) {
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
			return nil, item.errorf("%[1]s %[3]s，不能是 %[4]q / %[2]s %[3]s, not %[4]q", zh, en, strings.Join(allowed, ", "), s)
		}
		if slices.Contains(out, s) {
			return nil, item.twice(s)
		}
		out = append(out, s)
	}
	return out, nil
}
