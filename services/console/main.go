// Command console runs the console role alone; see package api.
package main

import (
	"os"

	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/services/console/api"
)

func main() { os.Exit(parts.Main("console", api.Role)) }
