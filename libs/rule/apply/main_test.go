package apply_test

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

// The properties are the proof of exactness: 500 histories each, where the command
// line does not say how many.
func TestMain(m *testing.M) {
	flag.Parse()
	checks := flag.Lookup("rapid.checks")
	if checks.Value.String() == checks.DefValue {
		if err := checks.Value.Set("500"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	os.Exit(m.Run())
}
