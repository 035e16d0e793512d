package rule

import "github.com/tagwire/tagwire/libs/rule/cond"

// Trees of conditions are made when somebody asks for them, from the text that
// has compiled, so that compiling a set stays cheap.

// Tree is the tag's own condition taken apart; nil for a tag without `when`.
func (s *Set) Tree(t *Tag) (*cond.Tree, error) {
	return s.tree(t.WhenText, t.Events != nil)
}

// ChoiceTree is the condition of a choice taken apart.
func (s *Set) ChoiceTree(c Choice) (*cond.Tree, error) { return s.tree(c.WhenText, false) }

// StageTree is the condition of a stage taken apart; nil for one without `when`.
func (s *Set) StageTree(st Stage) (*cond.Tree, error) { return s.tree(st.WhenText, false) }

// tree resolves names as they were when the set was compiled. All folds that
// the condition reads are there by now, and nothing is written.
func (s *Set) tree(text string, withEvent bool) (*cond.Tree, error) {
	if text == "" {
		return nil, nil
	}
	return cond.CompileTree(text, scope{c: &compilation{set: s, reading: true}, uses: &Uses{}, event: withEvent, profile: true})
}
