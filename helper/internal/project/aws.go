package project

import "strings"

// identity holds the variables that together say who one is to AWS. They count as a whole: a key of one
// place with the session token of another, or a profile beside the keys of a file, would be
// somebody else.
var identity = []string{
	"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	"AWS_PROFILE", "AWS_DEFAULT_PROFILE",
	"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME",
}

// awsVariables gives the AWS_* variables of the .env files, a later file winning over an earlier one, less
// those that the environment sets. An empty value takes an earlier one back.
func awsVariables(dotenv []assigned, env map[string]string) map[string]string {
	byLayer := map[layer]map[string]string{dotenvFile: {}, dotenvDumpFile: {}, environment: {}}
	for _, a := range dotenv {
		if strings.HasPrefix(a.name, "AWS_") {
			byLayer[a.from.layer][a.name] = a.text
		}
	}
	for name, text := range env {
		if strings.HasPrefix(name, "AWS_") && text != "" {
			byLayer[environment][name] = text
		}
	}
	result := map[string]string{}
	for _, from := range []layer{dotenvFile, dotenvDumpFile, environment} {
		for _, name := range identity {
			if byLayer[from][name] != "" {
				forget(result, identity...)
				break
			}
		}
		for name, text := range byLayer[from] {
			result[name] = text
			// The SDK finds by itself what the environment holds.
			if text == "" || from == environment {
				delete(result, name)
			}
		}
	}
	return result
}

func forget(variables map[string]string, names ...string) {
	for _, name := range names {
		delete(variables, name)
	}
}
