package cli

import (
	"fmt"

	"github.com/tagwire/tagwire/schemas"
)

// rulesSchema prints the JSON Schema of rule files, for editors.
func rulesSchema(s Streams, args []string) error {
	fs := flags("rules schema", s)
	words, err := parse(fs, args)
	if err != nil {
		return err
	}
	if len(words) > 0 {
		return usage("rules schema > rules.schema.json")
	}
	if _, err := s.Out.Write(schemas.RulesSchema()); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
