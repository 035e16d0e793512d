// Command tagger runs the tagger role alone; package tagging says what it guarantees.
package main

import (
	"os"

	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/services/tagger/tagging"
)

func main() { os.Exit(parts.Main("tagger", tagging.Role)) }
