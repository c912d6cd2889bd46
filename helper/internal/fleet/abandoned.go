package fleet

import (
	"context"
	"slices"
	"strings"
	"time"
)

// Abandoned are dumps beside those of the fleet's projects, of a project that the fleet does not have.
type Abandoned struct {
	Project string    `json:"project"` // as the keys say
	Store   string    `json:"store"`   // the folder, as s3://bucket/prefix
	Dumps   int       `json:"dumps"`
	Bytes   int64     `json:"bytes"`
	Newest  time.Time `json:"newest,omitzero"`
}

// FindAbandoned lists the folders in which the fleet's projects have their dumps, each once, for dumps of others. What cannot be listed
// becomes a note.
func FindAbandoned(ctx context.Context, projects []Project, note func(string)) (all []Abandoned, err error) {
	own, asked := map[string]bool{}, map[string]bool{}
	for _, project := range projects {
		own[project.Place] = true
	}
	for _, project := range projects {
		if project.Problem != nil || project.Around == "" {
			continue
		}
		root, _, _ := strings.Cut(strings.TrimPrefix(project.Around, "s3://"), "/")
		endpoint, _, _ := strings.Cut(project.Place, " ")
		if asked[endpoint+project.Around] {
			continue
		}
		asked[endpoint+project.Around] = true
		store, err := project.Open(ctx)
		if err == nil {
			folder := strings.TrimPrefix(strings.TrimPrefix(project.Around, "s3://"+root), "/")
			found, listErr := store.Below(ctx, folder)
			for _, holding := range found {
				place := strings.TrimSuffix("s3://"+root+"/"+holding.Folder, "/")
				if !own[endpoint+" "+place+"/"+holding.Project] {
					all = append(all, Abandoned{holding.Project, place, holding.Dumps, holding.Bytes, holding.Newest})
				}
			}
			err = listErr
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			note("dumps of other projects beside those of " + project.Name + " are not known: " + err.Error())
		}
	}
	slices.SortFunc(all, func(x, y Abandoned) int { return strings.Compare(x.Store+"/"+x.Project, y.Store+"/"+y.Project) })
	return slices.CompactFunc(all, func(x, y Abandoned) bool { return x.Store == y.Store && x.Project == y.Project }), nil
}
