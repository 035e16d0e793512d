package tagging

import (
	"testing"

	"github.com/tagwire/tagwire/libs/embedded/embeddedtest"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }
