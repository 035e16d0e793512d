// Command collector runs the collector role alone; package ingest says what it guarantees.
package main

import (
	"os"

	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/services/collector/ingest"
)

func main() { os.Exit(parts.Main("collector", ingest.Role)) }
