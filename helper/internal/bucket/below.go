package bucket

import (
	"context"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Holding is what a project has in a folder of the bucket, by the names of the objects.
type Holding struct {
	// Folder is that of the objects, Project the name that their keys begin with.
	Folder, Project string
	Dumps           int
	Bytes           int64 // of the dumps and of what was baked from them
	Newest          time.Time
}

// Below lists the dumps of all projects in a folder and the folders in it, in the order of folders and names. Dumps by other tools, whose
// names do not tell the project, are left out.
func (b *Bucket) Below(ctx context.Context, folder string) ([]Holding, error) {
	if folder = strings.Trim(folder, "/"); folder != "" {
		folder += "/"
	}
	found := map[[2]string]*Holding{}
	for object, err := range b.objects(ctx, folder, "") {
		if err != nil {
			return nil, err
		}
		key := aws.ToString(object.Key)
		name, series := readBaked(base(key))
		match := anyProject.FindStringSubmatch(name)
		if match == nil {
			continue
		}
		at := [2]string{strings.TrimPrefix(path.Dir("/"+key), "/"), match[1]}
		if found[at] == nil {
			found[at] = &Holding{Folder: at[0], Project: at[1]}
		}
		holding := found[at]
		holding.Bytes += aws.ToInt64(object.Size)
		if series != "" {
			continue
		}
		holding.Dumps++
		if taken, err := time.Parse(keyTime, match[2]); err == nil && taken.After(holding.Newest) {
			holding.Newest = taken
		}
	}
	all := make([]Holding, 0, len(found))
	for _, holding := range found {
		all = append(all, *holding)
	}
	slices.SortFunc(all, func(x, y Holding) int {
		return strings.Compare(x.Folder+"/"+x.Project, y.Folder+"/"+y.Project)
	})
	return all, nil
}
