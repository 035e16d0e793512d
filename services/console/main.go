// Command console runs the console role alone; package api says what it guarantees.
package main

import (
	"os"

	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/services/console/api"
)

func main() { os.Exit(parts.Main("console", api.Role)) }
