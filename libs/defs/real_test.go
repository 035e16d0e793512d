//go:build real

package defs_test

import (
	"testing"

	"github.com/tagwire/tagwire/libs/defs/defstest"
	"github.com/tagwire/tagwire/libs/parts/partstest"
)

func TestContractOnApacheKafka(t *testing.T) {
	defstest.Contract(t, partstest.StartKafka(t, partstest.KafkaOptions{}).Stream())
}
