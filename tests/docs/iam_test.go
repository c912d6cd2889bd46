package docs_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// document is an IAM policy.
type document struct {
	Version   string
	Statement []statement
}

type statement struct {
	Effect           string
	Action, Resource words
	Condition        any `json:",omitempty"`
}

// words is a string or a list of strings.
type words []string

func (w *words) UnmarshalJSON(text []byte) error {
	*w = words{""}
	if json.Unmarshal(text, &(*w)[0]) == nil {
		return nil
	}
	return json.Unmarshal(text, (*[]string)(w))
}

// readPolicy reads a policy of deploy/iam for the project shop.
func readPolicy(t *testing.T, name string) document {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../deploy/iam", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	filled := strings.NewReplacer("BUCKET", bucket, "PREFIX", "shop", "PROJECT", "shop").Replace(string(text))
	var policy document
	if err := json.Unmarshal([]byte(filled), &policy); err != nil {
		t.Fatalf("%s.json: %v", name, err)
	}
	return policy
}

// actions returns all actions that a policy allows.
func (d document) actions() []string {
	var all []string
	for _, s := range d.Statement {
		all = append(all, s.Action...)
	}
	return all
}

// without returns the policy without some actions.
func (d document) without(actions ...string) document {
	left := document{Version: d.Version}
	for _, s := range d.Statement {
		s.Action = slices.DeleteFunc(slices.Clone(s.Action), func(a string) bool { return slices.Contains(actions, a) })
		if len(s.Action) > 0 {
			left.Statement = append(left.Statement, s)
		}
	}
	return left
}

// judge is an S3 server that enforces policies.
type judge struct {
	name  string
	store *testserver.S3
	// as returns credentials that are limited by a policy.
	as func(t *testing.T, policy document) testserver.Credentials
	// unknown lists the actions that the server rejects in policies, because it lacks the feature.
	unknown []string
}

// judges starts MinIO and versitygw, each with a versioned bucket.
func judges(t *testing.T) []judge {
	t.Helper()
	minio, err := testserver.MinIO(t.TempDir(), testserver.KMS())
	bucketOn(t, minio, err)
	versity, err := testserver.VersityGW(t.TempDir())
	bucketOn(t, versity, err)
	for _, store := range []*testserver.S3{minio, versity} {
		if err := store.EnableVersions(bucket); err != nil {
			t.Fatal(err)
		}
	}
	unknown := []string{"s3:GetBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock"}
	return []judge{
		{"minio", minio, func(t *testing.T, policy document) testserver.Credentials {
			credentials, err := minio.Restricted(text(t, policy.without(unknown...)))
			if err != nil {
				t.Fatal(err)
			}
			return credentials
		}, unknown},
		{"versitygw", versity, func(t *testing.T, policy document) testserver.Credentials {
			credentials, err := versity.Guest(bucket, text(t, policy))
			if err != nil {
				t.Fatal(err)
			}
			return credentials
		}, nil},
	}
}

func text(t *testing.T, policy document) string {
	t.Helper()
	text, err := json.Marshal(policy)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// shop is a small staging database.
func shop(t *testing.T) *testserver.MySQL {
	t.Helper()
	server := mariadb(t)
	if err := server.Exec("CREATE DATABASE shop", "CREATE TABLE shop.node (nid int PRIMARY KEY)", "INSERT INTO shop.node VALUES (1), (2)"); err != nil {
		t.Fatal(err)
	}
	return server
}

// newest returns the key of the project's newest dump.
func (s *site) newestKey(t *testing.T) string {
	t.Helper()
	output, _ := s.run(t, s.s3.Owner(), "list", "--json")
	var listed struct{ Dumps []struct{ Key string } }
	if err := json.Unmarshal([]byte(output), &listed); err != nil || len(listed.Dumps) == 0 {
		t.Fatalf("%v: %s", err, output)
	}
	return listed.Dumps[0].Key
}

// complaints matches notes about missing permissions.
var complaints = []string{"denied", "not allowed", "is kept", "no tags", "nothing to compare with"}

// TestPolicies uses each policy of deploy/iam for its purpose, with MinIO and versitygw as judges.
func TestPolicies(t *testing.T) {
	if testing.Short() {
		t.Skip("servers are not started by short tests")
	}
	server, judges := shop(t), judges(t)
	t.Run("Least", func(t *testing.T) { policiesHoldNothingThatIsNotNeeded(t, server, judges) })
	for _, judge := range judges {
		t.Run("Fleet/"+judge.name, func(t *testing.T) { fleetPolicyIsEnough(t, server, judge) })
		t.Run("Bounds/"+judge.name, func(t *testing.T) { policiesAllowNoMore(t, judge) })
	}
}

// policiesHoldNothingThatIsNotNeeded removes each action in turn: then something must fail, or a note must say what was left out.
func policiesHoldNothingThatIsNotNeeded(t *testing.T, server *testserver.MySQL, judges []judge) {
	type role struct {
		policy string
		// prepare creates something to do, as the owner.
		prepare func(*testing.T, *site)
		verbs   func(newest string) [][]string
	}
	roles := []role{
		{"publisher", leaveUpload, func(newest string) [][]string { return [][]string{{"refresh", "--force"}, {"verify", newest}} }},
		{"developer", func(*testing.T, *site) {}, func(newest string) [][]string {
			return [][]string{{"list"}, {"inspect"}, {"verify", newest}, {"pull", "--yes", "--key", newest}}
		}},
		{"retention", func(t *testing.T, s *site) { s.ok(t, s.s3.Owner(), "refresh", "--force") },
			func(string) [][]string { return [][]string{{"prune", "--set", "DUMP_KEEP=1"}} }},
		{"bucket-administrator", removeBucket, func(string) [][]string { return [][]string{{"bucket", "setup", "--yes", "--create"}} }},
	}
	// needed has, for each policy, the actions that a server has enforced.
	needed := map[string]map[string]bool{}
	for _, judge := range judges {
		s := newSite(t, judge.store, "DUMP_SOURCE="+server.URL("shop"), "DUMP_TARGET="+server.URL("db"))
		for range 2 {
			s.ok(t, judge.store.Owner(), "refresh", "--force")
		}
		newest := s.newestKey(t)
		for _, role := range roles {
			if judge.name == "versitygw" && role.policy == "bucket-administrator" {
				continue // a bucket's policy cannot allow the creation of that bucket
			}
			try := func(policy document) string {
				role.prepare(t, s)
				credentials := judge.as(t, policy)
				for _, words := range role.verbs(newest) {
					output, code := s.run(t, credentials, words...)
					switch {
					case code != 0 && code != 4:
						t.Fatalf("%s on %s: dump-helper %q: exit code %d\n%s", role.policy, judge.name, words, code, output)
					case code == 4 || slices.ContainsFunc(complaints, func(c string) bool { return strings.Contains(output, c) }):
						return output
					}
				}
				if left, err := judge.store.Uploads(bucket); err != nil || len(left) > 0 {
					return fmt.Sprintf("unfinished uploads are left: %q, %v", left, err)
				}
				return ""
			}
			policy := readPolicy(t, role.policy)
			if output := try(policy); output != "" {
				t.Errorf("%s.json is not enough on %s:\n%s", role.policy, judge.name, output)
			}
			if needed[role.policy] == nil {
				needed[role.policy] = map[string]bool{}
			}
			for _, action := range policy.actions() {
				if slices.Contains(judge.unknown, action) || needed[role.policy][action] {
					continue
				}
				needed[role.policy][action] = try(policy.without(action)) != ""
			}
		}
	}
	// No server here enforces these.
	unseen := map[string]string{
		"s3:ListMultipartUploadParts":   "to be sure that a server that was still at work has not brought an aborted upload back",
		"s3:GetBucketPolicyStatus":      "to say that a bucket that is not blocked yet is public",
		"s3:GetBucketPublicAccessBlock": "neither server has that",
		"s3:PutBucketPublicAccessBlock": "neither server has that",
	}
	for policy, actions := range needed {
		for action, needed := range actions {
			if _, unseen := unseen[action]; unseen == needed {
				t.Errorf("%s.json: is %s needed? %v", policy, action, needed)
			}
		}
	}
}

// fleetPolicyIsEnough refreshes a fleet of one project, which also writes histories and reports.
func fleetPolicyIsEnough(t *testing.T, server *testserver.MySQL, judge judge) {
	s := newSite(t, judge.store, "DUMP_SOURCE="+server.URL("shop"))
	credentials := judge.as(t, readPolicy(t, "fleet"))
	for _, words := range [][]string{
		{"fleet", "refresh", "--root", ".", "--only", "shop", "--force"}, {"fleet", "refresh", "--root", "."}, {"fleet", "status", "--root", "."},
		{"fleet", "refresh", "--root", ".", "--only", "shop", "--force", "--shard", "1/2"}, // takes a slot of the staging server
	} {
		output, code := s.run(t, credentials, words...)
		if code != 0 || slices.ContainsFunc(complaints, func(c string) bool { return strings.Contains(output, c) }) {
			t.Errorf("dump-helper %q: exit code %d\n%s", words, code, output)
		}
	}
	names, err := judge.store.Keys(bucket)
	if err != nil {
		t.Fatal(err)
	}
	// Who only watches needs no right to write.
	reader := judge.as(t, readPolicy(t, "fleet-reader"))
	page := filepath.Join(t.TempDir(), "fleet.html")
	for _, words := range [][]string{{"fleet", "status", "--root", "."}, {"fleet", "report", "--root", ".", "--html", page}} {
		output, code := s.run(t, reader, words...)
		if code != 0 || slices.ContainsFunc(complaints, func(c string) bool { return strings.Contains(output, c) }) {
			t.Errorf("dump-helper %q: exit code %d\n%s", words, code, output)
		}
	}
	for _, part := range []string{"shop/.dump-refresh/shop.history.json", ".dump-refresh/fleet/", ".dump-refresh/fleet/hosts/"} {
		if !slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, part) }) {
			t.Errorf("no %s among %q", part, names)
		}
	}
}

// policiesAllowNoMore sends requests that each policy must allow, and requests that it must refuse.
func policiesAllowNoMore(t *testing.T, judge judge) {
	const (
		dump      = "shop/shop-20200101T000000Z-abcdef.sql.zst"
		lease     = "shop/.dump-refresh/shop.lease.json"
		foreign   = "shop/nightly.sql.gz"
		sibling   = "shop/shop-de-20200101T000000Z-abcdef.sql.zst" // of a project shop-de in the same folder
		elsewhere = "bakery/bakery-20200101T000000Z-abcdef.sql.zst"
		report    = "reports/salaries.csv"
	)
	ctx, owner := t.Context(), judge.store.Client()
	keys := []string{dump, lease, foreign, sibling, elsewhere, report}
	requests := map[string]func(*s3.Client, string) error{
		"get": func(c *s3.Client, key string) error {
			_, err := c.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: &key})
			return err
		},
		"put": func(c *s3.Client, key string) error {
			_, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(bucket), Key: &key, Body: strings.NewReader("x")})
			return err
		},
		"delete": func(c *s3.Client, key string) error {
			_, err := c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: &key})
			return err
		},
		"list": func(c *s3.Client, key string) error {
			folder := key[:strings.LastIndex(key, "/")+1]
			_, err := c.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String(bucket), Prefix: &folder})
			return err
		},
	}
	_, _ = owner.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(bucket)})
	for name, allowed := range map[string]map[string][]string{
		"publisher":            {"get": {dump, lease}, "put": {dump, lease}, "list": {dump, lease, foreign, sibling}},
		"fleet":                {"get": {dump, lease, sibling, elsewhere}, "put": {dump, lease, sibling, elsewhere}, "list": keys},
		"fleet-reader":         {"get": {dump, lease, sibling, elsewhere}, "list": keys},
		"developer":            {"get": {dump, lease, foreign, sibling}, "list": {dump, lease, foreign, sibling}},
		"retention":            {"delete": {dump}, "list": {dump, lease, foreign, sibling}},
		"bucket-administrator": {},
	} {
		policy := readPolicy(t, name)
		if judge.name == "versitygw" {
			policy = policy.without("s3:CreateBucket") // a bucket's own policy cannot have it
		}
		client := judge.store.ClientAs(judge.as(t, policy))
		for request, try := range requests {
			for _, key := range keys {
				if err := requests["put"](owner, key); err != nil {
					t.Fatal(err)
				}
				if err, want := try(client, key), slices.Contains(allowed[request], key); (err == nil) != want {
					t.Errorf("%s.json: may %s %s: %v, %v", name, request, key, err == nil, err)
				}
			}
		}
	}
	var fleet, publisher = readPolicy(t, "fleet").actions(), readPolicy(t, "publisher").actions()
	slices.Sort(fleet)
	slices.Sort(publisher)
	if diff := cmp.Diff(publisher, fleet); diff != "" {
		t.Errorf("actions of the publisher (-) and of the fleet (+):\n%s", diff)
	}
}

// leaveUpload leaves an unfinished upload, as a killed refresh does.
func leaveUpload(t *testing.T, s *site) {
	t.Helper()
	if left, err := s.s3.Uploads(bucket); err != nil || len(left) > 0 {
		return
	}
	_, err := s.s3.Client().CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{
		Bucket: aws.String(bucket), Key: aws.String("shop/shop-20200101T000000Z-abcdef.sql.zst"),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// removeBucket removes the bucket with everything in it.
func removeBucket(t *testing.T, s *site) {
	t.Helper()
	client := s.s3.Client()
	listed, err := client.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: aws.String(bucket)})
	if err != nil {
		return // it does not exist
	}
	var all []types.ObjectIdentifier
	for _, v := range listed.Versions {
		all = append(all, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
	}
	for _, m := range listed.DeleteMarkers {
		all = append(all, types.ObjectIdentifier{Key: m.Key, VersionId: m.VersionId})
	}
	if len(all) > 0 {
		if _, err := client.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: aws.String(bucket), Delete: &types.Delete{Objects: all}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: aws.String(bucket)}); err != nil {
		t.Fatal(err)
	}
}
