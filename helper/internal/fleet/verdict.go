package fleet

// Verdict sums up the state of a project's dumps.
type Verdict string

const (
	// VerdictBroken means that settings are missing or wrong, so nothing is known about the project's dumps.
	VerdictBroken Verdict = "broken settings"
	// VerdictUnreachable means that the bucket could not be read.
	VerdictUnreachable Verdict = "unreachable"
	// VerdictNever means that there is no dump.
	VerdictNever Verdict = "never"
	// VerdictFailing means that the last refresh failed, and nobody has published a dump since. The newest one
	// may still be young enough.
	VerdictFailing Verdict = "failing"
	// VerdictStale means that the newest dump is too old.
	VerdictStale Verdict = "stale"
	// VerdictPaused means that the fleet was told to leave the project alone for a while, whatever its dumps are like.
	VerdictPaused Verdict = "paused"
	// VerdictFresh means that all is well.
	VerdictFresh Verdict = "fresh"
)

// Verdicts are all of them, the worst first.
var Verdicts = []Verdict{VerdictBroken, VerdictUnreachable, VerdictNever, VerdictFailing, VerdictStale, VerdictPaused, VerdictFresh}

// Well reports whether nobody has to do anything.
func (v Verdict) Well() bool { return v == VerdictFresh || v == VerdictPaused }
