package cli

import (
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
)

// In the container of the dump service, a file or a program of this machine may be out of reach: there, another way helps.
func TestHintsAboutCredentialsInTheService(t *testing.T) {
	const helper = ", or run dump-helper on this machine: export DUMP_HELPER=/path/to/dump-helper"
	for _, test := range []struct {
		kind               bucket.Kind
		leftOut            string
		outside, inService string
	}{
		{bucket.ErrNoCredentials, "", "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"},
		{bucket.ErrNoCredentials, "AWS_CONFIG_FILE ", "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
			"the file that AWS_CONFIG_FILE names is outside of ~/.aws, where the dump service sees nothing: move it there" + helper},
		{bucket.ErrNoProfile, "AWS_CONFIG_FILE ", "check AWS_PROFILE, and source_profile in ~/.aws/config; `aws configure list-profiles` shows the profiles",
			"the file that AWS_CONFIG_FILE names is outside of ~/.aws, where the dump service sees nothing: move it there" + helper},
		{bucket.ErrAWSFile, "", "correct the path or the file, or make it readable", "the dump service sees no files but those in ~/.aws: put it there" + helper},
		{bucket.ErrCredentialProcess, "", "run the credential_process of profile shop in ~/.aws/config by hand",
			"the dump service has no programs of this machine: use another profile" + helper},
	} {
		err := &bucket.Error{Op: "get AWS credentials", Kind: test.kind, Profile: "shop"}
		if code, hint := classify(t.Context(), err); code != exitAccess || hint != test.outside {
			t.Errorf("%s: got %d and %s, want %s", test.kind, code, hint, test.outside)
		}
		t.Run(string(test.kind), func(t *testing.T) {
			t.Setenv("DUMP_REFRESH_FORWARDED", "")
			t.Setenv("DUMP_REFRESH_LEFT_OUT", test.leftOut)
			if _, hint := classify(t.Context(), err); hint != test.inService {
				t.Errorf("in the service: got %s, want %s", hint, test.inService)
			}
		})
	}
}
