package project

import (
	"maps"
	"slices"
	"strings"
)

// identity are the variables that together identify a user to AWS. They are taken from one place or not at all: a key from one
// place with the session token from another would be nobody's.
var identity = []string{
	"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	"AWS_PROFILE", "AWS_DEFAULT_PROFILE",
	"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME",
}

// awsVariables returns the AWS_* variables of the env files, in which a later file overrides an earlier one, without those that the
// environment sets. An empty value takes back an earlier one.
func awsVariables(dotenv []assigned, env map[string]string) map[string]string {
	var places []map[string]string // of each file
	rank := -1
	for _, a := range dotenv {
		if !strings.HasPrefix(a.name, "AWS_") {
			continue
		}
		if a.from.rank != rank {
			places, rank = append(places, map[string]string{}), a.from.rank
		}
		places[len(places)-1][a.name] = a.text
	}
	ofEnvironment := map[string]string{}
	for name, text := range env {
		if strings.HasPrefix(name, "AWS_") && text != "" {
			ofEnvironment[name] = text
		}
	}
	result := map[string]string{}
	for _, place := range append(places, ofEnvironment) {
		if slices.ContainsFunc(identity, func(name string) bool { return place[name] != "" }) {
			forget(result, identity...)
		}
		for name, text := range place {
			result[name] = text
			if text == "" {
				delete(result, name)
			}
		}
	}
	// The SDK finds by itself what the environment holds.
	forget(result, slices.Collect(maps.Keys(ofEnvironment))...)
	return result
}

func forget(variables map[string]string, names ...string) {
	for _, name := range names {
		delete(variables, name)
	}
}
