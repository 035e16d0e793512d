// Command resolver runs the resolver role alone; see package resolve.
package main

import (
	"os"

	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/services/resolver/resolve"
)

func main() { os.Exit(parts.Main("resolver", resolve.Role)) }
