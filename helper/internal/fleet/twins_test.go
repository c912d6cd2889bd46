package fleet

import (
	"errors"
	"testing"
)

func TestRefuseTwins(t *testing.T) {
	base := Project{Name: "shop", Slot: "/a", Place: "AWS s3://dumps/shop/shop", Source: "staging:3306/shop"}
	with := func(change func(*Project)) Project {
		p := base
		p.Slot = "/b"
		change(&p)
		return p
	}
	broken := errors.New("broken")
	for name, test := range map[string]struct {
		one, other         Project
		oneBad, otherBad   string
		pinOne, pinnedBoth bool
	}{
		"another source":         {base, with(func(p *Project) { p.Source = "staging:3306/blog" }), "source", "source", false, false},
		"another server":         {base, with(func(p *Project) { p.Source = "other:3306/shop" }), "source", "source", false, false},
		"a command":              {base, with(func(p *Project) { p.Source, p.Command = "", "cat x" }), "source", "source", false, false},
		"another repository":     {with(func(p *Project) { p.Repository = "https://x/a.git" }), with(func(p *Project) { p.Slot, p.Repository = "/c", "https://x/b.git" }), "repository", "repository", false, false},
		"two checkouts":          {base, with(func(*Project) {}), "", "", false, false},
		"another place":          {base, with(func(p *Project) { p.Place, p.Source = "AWS s3://other/shop/shop", "x" }), "", "", false, false},
		"one is pinned":          {base, with(func(p *Project) { p.Source = "x" }), "", "source", true, false},
		"both are pinned":        {base, with(func(p *Project) { p.Source = "x" }), "source", "source", true, true},
		"one is broken anyway":   {base, with(func(p *Project) { p.Source, p.Problem = "x", broken }), "", "broken", false, false},
		"nothing is known of it": {base, with(func(p *Project) { p.Source, p.Place = "x", "" }), "", "", false, false},
	} {
		projects := []Project{test.one, test.other}
		projects[0].Pinned, projects[1].Pinned = test.pinOne, test.pinnedBoth
		RefuseTwins(projects)
		for i, want := range []string{test.oneBad, test.otherBad} {
			var twin *TwinError
			switch got := projects[i].Problem; {
			case want == "" && got != nil, want == "broken" && got != broken:
				t.Errorf("%s: %d: %v", name, i, got)
			case want != "" && want != "broken" && (!errors.As(got, &twin) || twin.Differ != want || twin.Other != projects[1-i].Slot):
				t.Errorf("%s: %d: %v", name, i, got)
			}
		}
	}
}
