package fleet

// Verdict is what a project's dumps are found to be.
type Verdict string

const (
	// VerdictBroken means that settings are missing or wrong, so that nothing is known of the project's dumps.
	VerdictBroken Verdict = "broken settings"
	// VerdictUnreachable means that the bucket could not be read.
	VerdictUnreachable Verdict = "unreachable"
	// VerdictNever means that there is no dump.
	VerdictNever Verdict = "never"
	// VerdictFailing means that the last refresh failed, and nobody has published a dump since. The newest one
	// may still be young enough.
	VerdictFailing Verdict = "failing"
	// VerdictStale means that the newest dump is older than it may be.
	VerdictStale Verdict = "stale"
	// VerdictFresh means that all is well.
	VerdictFresh Verdict = "fresh"
)

// Verdicts are all there are, the worst first.
var Verdicts = []Verdict{VerdictBroken, VerdictUnreachable, VerdictNever, VerdictFailing, VerdictStale, VerdictFresh}
