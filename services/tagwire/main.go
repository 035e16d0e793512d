// Command tagwire runs everything in one process (`tagwire up`), one role
// (`tagwire run ROLE`), and the commands around them; see package cli.
package main

import (
	"os"

	"github.com/tagwire/tagwire/libs/embedded"
	"github.com/tagwire/tagwire/services/tagwire/cli"
)

func main() {
	embedded.MaybeChild() // never returns when this process is a part of another one
	os.Exit(cli.Main(os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}
