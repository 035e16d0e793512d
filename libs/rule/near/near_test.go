package near_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/rule/near"
)

func TestTheNearestIsMeant(t *testing.T) {
	f := func(word, want string, known ...string) {
		t.Helper()
		got, ok := near.Name(word, known)
		require.Equal(t, want, got)
		require.Equal(t, want != "", ok)
	}
	f("whem", "when", "where", "when", "within")
	f("wtihin", "within", "where", "when", "within")
	f("halflife", "half_life", "half_life", "where")
	f("近7天打开数", "近7天打开次数", "近7天打开次数", "近7天主动聊天", "近90天打开次数")
	f("打开次数", "近7天打开次数", "近7天打开次数", "净消费")
	f("净消废", "净消费", "净消费", "净利润")
	f("absnet", "absent", "absent", "keyword")
	f("colour", "", "zone", "tags")
	f("量", "", "数", "额")
	f("", "", "a")
}

func TestTheHintSaysItInBothLanguages(t *testing.T) {
	zh, en := near.Hint("whem", []string{"when"})
	require.Equal(t, "（是不是 when？） (did you mean when?)", zh+en)
	zh, en = near.Hint("colour", []string{"when"})
	require.Empty(t, zh+en)
}
