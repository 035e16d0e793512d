package checks_test

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type dashboard struct {
	UID    string  `json:"uid"`
	Title  string  `json:"title"`
	Panels []panel `json:"panels"`
}

type panel struct {
	ID         int    `json:"id"`
	Type       string `json:"type"`
	Title      string `json:"title"`
	Datasource struct {
		UID string `json:"uid"`
	} `json:"datasource"`
	GridPos struct{ X, Y, W, H int } `json:"gridPos"`
	Targets []struct {
		RefID  string `json:"refId"`
		Expr   string `json:"expr"`
		Legend string `json:"legendFormat"`
	} `json:"targets"`
}

func dashboards(t *testing.T) map[string]dashboard {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "deploy/grafana/dashboards/*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	out := map[string]dashboard{}
	for _, f := range files {
		var d dashboard
		require.NoError(t, json.Unmarshal(read(t, strings.TrimPrefix(f, root)), &d), f)
		out[filepath.Base(f)] = d
	}
	return out
}

func TestDashboardsAskOnlyForWhatExists(t *testing.T) {
	all := known(t)
	for file, d := range dashboards(t) {
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				fits(t, file+": "+p.Title, q.Expr, all)
			}
		}
	}
}

// Two panels never lie on each other, ids are unique, and each panel asks the
// data source that is provisioned.
func TestDashboardsAreWhole(t *testing.T) {
	source := string(read(t, "deploy/grafana/provisioning/datasources/prometheus.yml"))
	all := dashboards(t)
	require.Contains(t, all, "overview.json")
	require.Contains(t, all, "alerts.json")
	uids := map[string]bool{}
	for file, d := range all {
		assert.False(t, uids[d.UID], "%s: uid %s", file, d.UID)
		uids[d.UID] = true
		ids, cells := map[int]bool{}, map[[2]int]string{}
		for _, p := range d.Panels {
			at := file + ": " + p.Title
			assert.False(t, ids[p.ID], "%s: id %d", at, p.ID)
			ids[p.ID] = true
			assert.LessOrEqual(t, p.GridPos.X+p.GridPos.W, 24, at)
			for x := range p.GridPos.W {
				for y := range p.GridPos.H {
					cell := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
					require.Empty(t, cells[cell], "%s lies on another panel", at)
					cells[cell] = p.Title
				}
			}
			if p.Type == "row" {
				continue
			}
			assert.NotEmpty(t, p.Targets, at)
			assert.Contains(t, source, "uid: "+p.Datasource.UID, at)
		}
	}
}

// A legend names labels that its expression keeps.
func TestLegendsNameLabelsThatAreThere(t *testing.T) {
	label := regexp.MustCompile(`\{\{(\w+)\}\}`)
	for file, d := range dashboards(t) {
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				for _, m := range label.FindAllStringSubmatch(q.Legend, -1) {
					kept := regexp.MustCompile(`by \([^)]*\b` + m[1] + `\b[^)]*\)`)
					plain := !strings.Contains(q.Expr, " by (") && !strings.HasPrefix(q.Expr, "sum(")
					assert.True(t, plain || kept.MatchString(q.Expr), "%s: %s: %s", file, p.Title, q.Legend)
				}
			}
		}
	}
}
