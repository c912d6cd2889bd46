package fleet

import "errors"

// ErrOtherSource means that the history in a project's place is about dumps of another database.
var ErrOtherSource = errors.New("the dumps in this project's place come from another database")

// A TwinError means that two projects would take each other's dumps for their own.
type TwinError struct {
	Place string
	// Other is the slot of the other project, Differ what the two do not have in common.
	Other, Differ string
}

func (e *TwinError) Error() string {
	return "its dumps would be in the same place as those of " + e.Other + ", which has another " + e.Differ + ": " + e.Place
}

// RefuseTwins gives projects a Problem whose dumps would be in the same place, although they are not the same: with another source, from
// another server or another repository. It is a problem of both. But if the operator has named one of them, and the other one calls itself
// the same, it is a problem of the other one alone.
func RefuseTwins(projects []Project) {
	places := map[string][]int{}
	for i, p := range projects {
		if p.Place != "" && p.Problem == nil {
			places[p.Place] = append(places[p.Place], i)
		}
	}
	problems := map[int]error{}
	for place, twins := range places {
		for _, i := range twins {
			for _, j := range twins {
				one, other := &projects[i], &projects[j]
				if differ := one.differs(other); problems[i] == nil && differ != "" && !(one.Pinned && !other.Pinned) {
					problems[i] = &TwinError{place, other.Slot, differ}
				}
			}
		}
	}
	for i, problem := range problems {
		projects[i].Problem = problem
	}
}

// differs says what two projects in one place do not have in common; "" if they may be two copies of one project.
func (p *Project) differs(other *Project) string {
	switch {
	case p.Source != other.Source || p.Command != other.Command:
		return "source"
	case p.Repository != other.Repository && p.Repository != "" && other.Repository != "":
		return "repository"
	}
	return ""
}
