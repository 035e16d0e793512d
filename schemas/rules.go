package schemas

import _ "embed"

//go:embed rules.schema.json
var rulesSchema []byte

// RulesSchema is the JSON Schema (draft 2020-12) of a rule file, with the
// meaning of every key in Chinese and English, for editors.
func RulesSchema() []byte { return append([]byte(nil), rulesSchema...) }
