package fleet

import (
	"context"
	"time"
)

// Pause means that a fleet leaves a project alone until a moment. It is in the project's history: so every shard, every machine and
// `fleet status` know of it, and no file has to be changed and rolled out.
type Pause struct {
	Until time.Time `json:"until"`
	// By is who said so, as in ada@laptop, Reason why, in his words.
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// paused returns the pause that is in force; nil if there is none.
func (h *History) paused(now time.Time) *Pause {
	if h.Pause == nil || !now.Before(h.Pause.Until) {
		return nil
	}
	return h.Pause
}

// SetPause pauses a project, or with nil ends its pause. It returns the pause that was in force before.
func SetPause(ctx context.Context, project Project, pause *Pause) (before *Pause, err error) {
	if project.Problem != nil {
		return nil, project.Problem
	}
	store, err := project.Open(ctx)
	if err != nil {
		return nil, err
	}
	other := false
	err = updateHistory(ctx, store, func(history *History) bool {
		before, other = history.paused(store.Now()), history.Source.Differs(project.Source)
		if other || pause == nil && history.Pause == nil {
			return false
		}
		history.Project, history.Pause = project.Name, pause
		return true
	})
	if other {
		return nil, ErrOtherSource
	}
	return before, err
}

// String says it as a clause without its subject.
func (p *Pause) String() string {
	text := "is paused until " + p.Until.UTC().Format("2006-01-02 15:04 UTC")
	if p.By != "" {
		text += " by " + p.By
	}
	if p.Reason != "" {
		text += ": " + p.Reason
	}
	return text
}
