package notify

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/store/inbox"
)

// An alert that nobody has taken up goes out once more, to the leader as well; one
// that somebody has stays with him.
func TestAnAlertThatNobodyTakesUpIsEscalated(t *testing.T) {
	w := newWorld(t)
	w.robotOnly()
	w.defs.put(t, defs.KindStaff, "zhang", defs.Staff{Name: "张经理", WeComUserID: "ZhangJL", Leader: "boss"})
	w.defs.put(t, defs.KindStaff, "boss", defs.Staff{Name: "王总", WeComUserID: "WangZ"})
	clock := &manual{at: time.Now()}
	w.now = clock.now
	w.serve(w.notifier())
	a1, a2 := w.alert("a1"), w.alert("a2")
	a1.EscalateAt, a1.EscalateTo = a1.RaisedAt.Add(15*time.Minute), "leader"
	a2.EscalateAt, a2.EscalateTo = a1.EscalateAt, "leader"
	w.raise(0, a1, a2, action("a2", inbox.VerbClaim, "c1"))
	w.eventually("both are out, one is taken up", func() bool {
		a := w.get("a2")
		return w.allSent("a1", 1) && w.allSent("a2", 1) && a != nil && a.State == inbox.Claimed
	})
	clock.add(15 * time.Minute)
	w.eventually("the other is escalated", func() bool { return w.get("a1").EscalatedAt != 0 && len(w.robot.all()) == 3 })
	require.Equal(t, a1.EscalateAt, w.get("a1").EscalatedAt)
	last := w.robot.all()[2].body
	require.Contains(t, last, "已升级")
	require.Contains(t, last, "WangZ", "the leader is told")
	require.Equal(t, 2, strings.Count(w.robot.all()[0].body+w.robot.all()[1].body, "ZhangJL"))
	require.Zero(t, w.get("a2").EscalatedAt)
}
