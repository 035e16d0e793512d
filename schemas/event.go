package schemas

import (
	"embed"
	"io/fs"
)

//go:embed event.schema.json
var eventSchema []byte

//go:embed examples/event
var examples embed.FS

// EventSchema is the JSON Schema of an event on the wire.
func EventSchema() []byte { return append([]byte(nil), eventSchema...) }

// EventExamples are files in the folders valid and invalid.
func EventExamples() (fs.FS, error) { return fs.Sub(examples, "examples/event") }
