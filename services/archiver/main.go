// Command archiver runs the archiver role alone; see package archive.
package main

import (
	"os"

	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/services/archiver/archive"
)

func main() { os.Exit(parts.Main("archiver", archive.Role)) }
