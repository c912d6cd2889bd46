package cli

import (
	"github.com/urfave/cli/v2"

	"github.com/jobiqo/dump-refresh/helper/internal/ui"
)

func settingsCommand() *cli.Command {
	return command(cli.Command{
		Name:  "settings",
		Usage: "print every setting, its value and its origin",
		Action: func(c *cli.Context) error {
			s, err := open(c)
			if err != nil {
				return err
			}
			return s.settings()
		},
	})
}

func (s *session) settings() error {
	type setting struct {
		Value  string `json:"value"`
		Origin string `json:"origin"`
	}
	rows := [][]string{{"NAME", "VALUE", "FROM"}}
	byName := map[string]setting{}
	for _, value := range s.project.Values() {
		text, origin := value.Value, value.Origin
		byName[value.Name] = setting{text, origin}
		if text == "" {
			text, origin = "-", "not set"
		}
		rows = append(rows, []string{value.Name, text, origin})
	}
	database := s.project.Database.Type
	if s.project.Database.Version != "" {
		database += " " + s.project.Database.Version
	}
	s.out.Print("project %s, type %s, database %s\n\n%s", s.project.Name, orDash(s.project.Type), orDash(database), ui.Table(rows))
	return s.out.Result(map[string]any{
		"project": s.project.Name, "type": s.project.Type, "root": s.project.Root,
		"structure_only": s.project.Rules.StructureOnly, "exclude": s.project.Rules.Exclude,
		"settings": byName,
	})
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
