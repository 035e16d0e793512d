package inbox_test

import (
	"testing"

	"github.com/tagwire/tagwire/libs/embedded/embeddedtest"
	"github.com/tagwire/tagwire/libs/store/storetest"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

func TestContract(t *testing.T) { storetest.EachEngine(t, storetest.Inbox) }
