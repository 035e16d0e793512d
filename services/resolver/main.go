// Command resolver runs the resolver role alone; package resolve says what it guarantees.
package main

import (
	"os"

	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/services/resolver/resolve"
)

func main() { os.Exit(parts.Main("resolver", resolve.Role)) }
