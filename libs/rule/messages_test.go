package rule_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	sentence = regexp.MustCompile(`[a-z]{2,} .*[a-z]{2,}`)
	inZhEn   = regexp.MustCompile(`\p{Han}.* / .*[a-z]{2}`)
)

// A message that no test provokes is in both languages too: all that are written in the
// source are looked at.
func TestEveryMessageInTheSourceIsInBothLanguages(t *testing.T) {
	internal := []string{"load zone: %w"} // of the machine, not of the rules
	seen := 0
	require.NoError(t, filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			says, ok := message(call)
			if !ok || !sentence.MatchString(says) || slices.Contains(internal, says) {
				return true
			}
			seen++
			require.Regexp(t, inZhEn, says, "%s", files.Position(n.Pos()))
			return true
		})
		return nil
	}))
	require.Greater(t, seen, 100)
}

// message is the text that a call makes an error of.
func message(call *ast.CallExpr) (string, bool) {
	name := ""
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		name = f.Sel.Name
	case *ast.Ident:
		name = f.Name
	}
	if !slices.Contains([]string{"errorf", "Errorf", "New", "at"}, name) {
		return "", false
	}
	for _, arg := range call.Args {
		if text, ok := arg.(*ast.BasicLit); ok && text.Kind == token.STRING {
			says, err := strconv.Unquote(text.Value)
			return says, err == nil
		}
	}
	return "", false
}
