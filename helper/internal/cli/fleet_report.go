package cli

import (
	"bytes"
	"fmt"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/jobiqo/dump-refresh/helper/internal/fleet"
	"github.com/jobiqo/dump-refresh/helper/internal/fleet/report"
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
			found := looked.found
			if err := writePage(path, found); err != nil {
				return err
			}
			out.Print("%s: %d of %d projects fresh\n", path, countFresh(found), len(found))
			return out.Result(map[string]any{"page": path, "projects": len(found), "fresh": countFresh(found)})
		},
	})
}

// writePage writes the page. Readers never see an incomplete file.
func writePage(path string, found []fleet.ProjectStatus) error {
	var page bytes.Buffer
	if err := report.Write(&page, found, time.Now()); err != nil {
		return err
	}
	temporary := path + ".tmp"
	err := os.WriteFile(temporary, page.Bytes(), 0o644)
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		_ = os.Remove(temporary)
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
