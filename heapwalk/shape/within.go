package shape

// TimerWithin is the type of the object that holds a value of type id at an offset
// and that nothing else may point to: the runtime's list of timers points at the
// part of a runtime.timeTimer (time/sleep.go, newTimer), which is all that is left
// of time.AfterFunc when its caller drops the timer. Unknown for any other.
func (t *Table) TimerWithin(id ID, off uint64) ID {
	if id == t.timer && id != Unknown && off == t.timerAt {
		return t.timeTimer
	}
	return Unknown
}

// findTimer looks the two types up, when the table is made.
func (t *Table) findTimer() {
	inner, err := t.types.ByName("runtime.timer")
	if err != nil || inner == nil {
		return
	}
	outer, err := t.types.ByName("runtime.timeTimer")
	if err != nil || outer == nil {
		return
	}
	if f, ok := outer.Field("timer"); ok && f.Type == inner && f.Offset > 0 {
		t.timer, t.timeTimer, t.timerAt = t.Of(inner), t.Of(outer), uint64(f.Offset)
	}
}
