package warehouse_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/warehouse/warehousetest"
)

// What docs/bi.md says of the views is what the views say of themselves.
func TestTheGuideNamesEveryViewAndColumn(t *testing.T) {
	text, err := os.ReadFile("../../docs/bi.md")
	require.NoError(t, err)
	doc := string(text)
	w := warehousetest.Start(t)
	section := map[string]string{}
	for _, part := range strings.Split(doc, "\n### ")[1:] {
		name, body, _ := strings.Cut(part, "\n")
		section[name] = body
	}
	views := warehousetest.Views(t, w)
	require.Len(t, section, len(views))
	bi := w.BIDatabase()
	for _, line := range warehousetest.Table(t, w, "SELECT table, name, type, comment FROM system.columns WHERE database = '"+bi+"' ORDER BY table, position") {
		f := strings.SplitN(line, "|", 4)
		zh, en, _ := strings.Cut(f[3], " / ")
		require.Contains(t, section[f[0]], fmt.Sprintf("| `%s` | %s | %s | %s |", f[1], f[2], zh, en), "%s.%s", f[0], f[1])
	}
	for _, line := range warehousetest.Table(t, w, "SELECT name, zh, en, replaceOne(formula, ' / ', ' | '), view FROM "+bi+".metrics") {
		f := strings.SplitN(line, "|", 6)
		require.Contains(t, doc, fmt.Sprintf("| `%s` | %s | %s | %s |%s| `%s` |", f[0], f[1], f[2], strings.TrimSpace(f[3]), strings.TrimRight(f[4], " ")+" ", f[5]))
	}
}
