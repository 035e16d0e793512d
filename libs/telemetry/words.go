package telemetry

// Words tell people something in both languages: what is so, what it means and
// what to do.
type Words struct{ Zh, En string }

func (w Words) String() string { return w.Zh + " / " + w.En }
