// Command archiver runs the archiver role alone; package archive says what it guarantees.
package main

import (
	"os"

	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/services/archiver/archive"
)

func main() { os.Exit(parts.Main("archiver", archive.Role)) }
