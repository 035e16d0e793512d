// Command notifier runs the notifier role alone; package notify says what it guarantees.
package main

import (
	"os"

	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/services/notifier/notify"
)

func main() { os.Exit(parts.Main("notifier", notify.Role)) }
