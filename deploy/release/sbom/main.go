// Command sbom writes the software bill of materials of a Go binary, in CycloneDX's format: the modules that were compiled into it, as the
// binary itself says. The same binary has the same one.
package main

import (
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
)

type bom struct {
	Format       string      `json:"bomFormat"`
	SpecVersion  string      `json:"specVersion"`
	Version      int         `json:"version"`
	Metadata     metadata    `json:"metadata"`
	Components   []component `json:"components"`
	Dependencies []depends   `json:"dependencies"`
}

type metadata struct {
	Component component `json:"component"`
}

type component struct {
	Type    string `json:"type"`
	Ref     string `json:"bom-ref"`
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	PURL    string `json:"purl"`
}

type depends struct {
	Ref string   `json:"ref"`
	On  []string `json:"dependsOn,omitempty"`
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: sbom BINARY VERSION")
		os.Exit(2)
	}
	if err := write(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func write(binary, version string) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(describe(info, version))
}

// describe lists the modules; those that a replace directive names in place of the original.
func describe(info *debug.BuildInfo, version string) bom {
	program := module(info.Main.Path, version)
	program.Type = "application"
	result := bom{Format: "CycloneDX", SpecVersion: "1.5", Version: 1, Metadata: metadata{program}}
	direct := depends{Ref: program.Ref}
	add := func(c component) {
		result.Components = append(result.Components, c)
		result.Dependencies = append(result.Dependencies, depends{Ref: c.Ref})
		direct.On = append(direct.On, c.Ref)
	}
	add(module("std", strings.TrimPrefix(info.GoVersion, "go")))
	for _, dependency := range info.Deps {
		if dependency.Replace != nil {
			dependency = dependency.Replace
		}
		add(module(dependency.Path, dependency.Version))
	}
	result.Dependencies = append([]depends{direct}, result.Dependencies...)
	return result
}

func module(path, version string) component {
	url := "pkg:golang/" + path + "@" + version
	return component{Type: "library", Ref: url, Name: path, Version: version, PURL: url}
}
