package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"

	"github.com/jobiqo/dump-refresh/helper/internal/fleet"
	"github.com/jobiqo/dump-refresh/helper/internal/fleet/report"
	"github.com/jobiqo/dump-refresh/helper/internal/refresh"
)

func fleetReportCommand(version string) *cli.Command {
	return complete(cli.Command{
		Name:  "report",
		Usage: "write what `fleet status` shows as an HTML page",
		Flags: append(fleetFlags(), &cli.StringFlag{Name: "html", Usage: "write the page to `FILE`"}),
		Action: func(c *cli.Context) error {
			path := c.String("html")
			if path == "" {
				return &usage{"no file for the page given: use --html FILE"}
			}
			out := fleetOutput(c)
			looked, err := lookAtFleet(c, out, version)
			if err != nil {
				return err
			}
			page := report.Page{Projects: looked.found, Price: looked.config.StoragePrice, Made: time.Now()}
			describeNewest(c.Context, looked.projects, page.Projects)
			if page.Abandoned, err = fleet.FindAbandoned(c.Context, looked.projects, out.Note); err != nil {
				return err
			}
			if err := writePage(path, page); err != nil {
				return err
			}
			found := page.Projects
			out.Print("%s: %d of %d projects fresh\n", path, countFresh(found), len(found))
			return out.Result(map[string]any{
				"version": jsonVersion, "page": path, "projects": len(found), "fresh": countFresh(found), "abandoned": page.Abandoned,
			})
		},
	})
}

// describeNewest adds who made each newest dump, and of which server. What the bucket does not say is left out.
func describeNewest(ctx context.Context, projects []fleet.Project, found []fleet.ProjectStatus) {
	bySlot := map[string]*fleet.Project{}
	for i := range projects {
		bySlot[projects[i].Slot] = &projects[i]
	}
	var requests errgroup.Group
	requests.SetLimit(listRequests)
	for i := range found {
		status, project := &found[i], bySlot[found[i].Slot]
		if status.Key == "" || project.Problem != nil {
			continue
		}
		requests.Go(func() error {
			describeOne(ctx, project, status)
			return nil
		})
	}
	_ = requests.Wait()
}

func describeOne(ctx context.Context, project *fleet.Project, status *fleet.ProjectStatus) {
	store, err := project.Open(ctx)
	if err != nil {
		return
	}
	object, err := store.Head(ctx, status.Key)
	if err != nil {
		return
	}
	status.Publisher = object.Metadata[refresh.MetaPublisher]
	release, _, _ := strings.Cut(object.Metadata[refresh.MetaEngineVersion], "-")
	status.Server = strings.TrimSpace(object.Metadata[refresh.MetaEngine] + " " + release)
}

// writePage writes the page. Readers never see an incomplete file.
func writePage(path string, page report.Page) error {
	var text bytes.Buffer
	if err := page.Write(&text); err != nil {
		return err
	}
	temporary := path + ".tmp"
	err := os.WriteFile(temporary, text.Bytes(), 0o644)
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		_ = os.Remove(temporary)
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
