package rule

import (
	"strings"

	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/schemas"
)

// Policies are the ways in which a trait may merge.
func Policies() []string {
	return []string{
		string(profile.MergeNewest), string(profile.MergeOldest), string(profile.MergeRank), string(profile.MergeMax), string(profile.MergeUnion),
	}
}

func (c *compilation) trait(e entry) {
	if _, ok := c.set.Traits[e.key]; ok {
		c.fail(e.again("属性", "the trait %q stands"))
		return
	}
	f, err := e.value.fields(Keys("trait")...)
	if c.fail(err) {
		return
	}
	n, ok := f["merge"]
	if !ok {
		c.fail(e.at.errorf("属性 %[1]q 缺少 `merge`：可以写 %[2]s / the trait %[1]q needs `merge`: %[2]s", e.key, strings.Join(Policies(), ", ")))
		return
	}
	words, err := wordsOf(n, "merge 只能是", "merge is one of", Policies())
	if c.fail(err) {
		return
	}
	if len(words) != 1 {
		c.fail(n.errorf("一个属性只能有一种合并方式 / a trait merges in one way"))
		return
	}
	r := profile.TraitRule{Merge: profile.Policy(words[0])}
	sources, listed := f["sources"]
	switch ranked := r.Merge == profile.MergeRank; {
	case ranked && !listed:
		c.fail(n.errorf("`rank` 要写 `sources`：最可信的来源排在最前 / `rank` needs `sources`, the best first"))
		return
	case !ranked && listed:
		c.fail(sources.errorf("`sources` 只和 `merge: rank` 一起用 / `sources` stands with `merge: rank` only"))
		return
	case ranked:
		if r.Sources, err = sources.texts(); c.fail(err) {
			return
		}
	}
	byValue := r.Merge == profile.MergeMax || r.Merge == profile.MergeUnion || r.Merge == profile.MergeRank
	if byValue && schemas.PersonalTrait(e.key) {
		c.fail(n.errorf("属性 %[1]q 是个人信息，存的是密文，不能排序、比较或并成集合：请用 newest 或 oldest / the trait %[1]q is personal and kept sealed, so its values cannot be ranked, compared or united: use newest or oldest", e.key))
		return
	}
	if c.set.Traits == nil {
		c.set.Traits = profile.TraitRules{}
	}
	c.set.Traits[e.key] = r
}
