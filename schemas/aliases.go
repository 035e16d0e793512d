package schemas

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
)

//go:embed aliases.json
var aliasesJSON []byte

// Alias is one entry of the table of event names.
type Alias struct {
	Spec string   `json:"spec"`
	Name string   `json:"name"`
	Was  []string `json:"was,omitempty"`
	Type string   `json:"type"`
	From string   `json:"from,omitempty"`
}

// Aliases finds the canonical type of a name; the case of letters and the
// number of spaces do not matter.
type Aliases map[string]Alias

// LoadAliases reads the embedded table; a name that stands for two types is an
// error.
func LoadAliases() (Aliases, error) {
	var file struct {
		Aliases []Alias `json:"aliases"`
	}
	if err := json.Unmarshal(aliasesJSON, &file); err != nil {
		return nil, fmt.Errorf("read schemas/aliases.json: %w", err)
	}
	table := make(Aliases, 2*len(file.Aliases))
	for _, a := range file.Aliases {
		for _, name := range append([]string{a.Name}, a.Was...) {
			if other, taken := table[fold(name)]; taken {
				return nil, fmt.Errorf("schemas/aliases.json: %q stands for %s and for %s", name, other.Type, a.Type)
			}
			table[fold(name)] = a
		}
	}
	return table, nil
}

// Canonical is the type that a name means, and who acted where the name says so.
func (a Aliases) Canonical(name string) (typ, from string, ok bool) {
	found, ok := a[fold(name)]
	return found.Type, found.From, ok
}

func fold(name string) string { return strings.ToLower(strings.Join(strings.Fields(name), " ")) }
