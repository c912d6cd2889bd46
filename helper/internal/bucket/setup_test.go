package bucket

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
)

var usualShape = Shape{AbortDays: 2, VersionDays: 30}

// setUp brings a bucket into shape and gives the state of each setting.
func setUp(t *testing.T, b *Bucket, shape Shape) map[string]State {
	t.Helper()
	setup, err := b.PlanSetup(t.Context(), shape)
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]State{}
	if err := setup.Apply(t.Context(), func(i Item) { states[i.Name] = i.State }); err != nil {
		t.Fatal(err)
	}
	return states
}

func wantStates(t *testing.T, got, want map[string]State) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
}

// settingsOfAWS stands in for AWS, which no server here is in all of this: what is put is kept and handed out again.
type settingsOfAWS struct {
	mu     sync.Mutex
	kept   map[string]string // by the name of the setting
	header map[string]string // of the lifecycle's transition default
	writes int
}

func (s *settingsOfAWS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	const smallest = "X-Amz-Transition-Default-Minimum-Object-Size"
	absent := map[string]string{
		"publicAccessBlock": "NoSuchPublicAccessBlockConfiguration", "encryption": "ServerSideEncryptionConfigurationNotFoundError",
		"lifecycle": "NoSuchLifecycleConfiguration", "policy": "NoSuchBucketPolicy", "policyStatus": "NoSuchBucketPolicy",
	}
	for name := range r.URL.Query() {
		switch text, there := s.kept[name]; {
		case r.Method == http.MethodPut:
			body, _ := io.ReadAll(r.Body)
			s.kept[name] = string(body)
			s.writes++
			if name == "lifecycle" {
				s.header[smallest] = r.Header.Get(smallest)
			}
		case there:
			if name == "lifecycle" {
				w.Header().Set(smallest, s.header[smallest])
			}
			_, _ = io.WriteString(w, text)
		case absent[name] != "":
			answerError(w, http.StatusNotFound, absent[name], "")
		case name == "versioning":
			_, _ = io.WriteString(w, "<VersioningConfiguration/>")
		}
		if name != "x-id" {
			return
		}
	}
}

func TestSetupOfAWS(t *testing.T) {
	fake := &settingsOfAWS{
		kept: map[string]string{
			"lifecycle": `<LifecycleConfiguration>
<Rule><ID>glacier</ID><Status>Enabled</Status><Filter><And><Prefix>archive/</Prefix><ObjectSizeGreaterThan>500</ObjectSizeGreaterThan></And></Filter><Transition><Days>9</Days><StorageClass>GLACIER</StorageClass></Transition></Rule>
<Rule><ID>some</ID><Status>Enabled</Status><Filter><Prefix></Prefix></Filter><NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays><NewerNoncurrentVersions>3</NewerNoncurrentVersions></NoncurrentVersionExpiration></Rule>
<Rule><ID>dump-refresh-old-versions-p</ID><Status>Disabled</Status><Filter><Prefix>p/</Prefix></Filter><NoncurrentVersionExpiration><NoncurrentDays>9</NoncurrentDays></NoncurrentVersionExpiration></Rule>
</LifecycleConfiguration>`,
			"publicAccessBlock": `<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls></PublicAccessBlockConfiguration>`,
			"policyStatus":      `<PolicyStatus><IsPublic>true</IsPublic></PolicyStatus>`,
			"encryption": `<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault>
<BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes></Rule></ServerSideEncryptionConfiguration>`,
		},
		header: map[string]string{"X-Amz-Transition-Default-Minimum-Object-Size": "varies_by_storage_class"},
	}
	b := answers(t, fake.ServeHTTP)
	b.sse, b.kmsKeyID = types.ServerSideEncryptionAwsKms, "1234abcd"

	setup, err := b.PlanSetup(t.Context(), usualShape)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Item{
		{"public access", WouldSet, "is blocked, now anybody may read the bucket"},
		{"encryption", WouldSet, "is aws:kms with the key 1234abcd, now SSE-S3 (AES256)"},
		{"unfinished uploads", WouldSet, "are removed after 2 days below s3://b/p/ (rule dump-refresh-unfinished-uploads-p)"},
		{"old versions", WouldSet, "are removed after 30 days below s3://b/p/ (rule dump-refresh-old-versions-p)"},
		{"versioning", WouldSet, "is enabled"},
		{"TLS", LeftAlone, "no bucket policy refuses requests without TLS: docs/bucket.md has one"},
	}, setup.Items); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	if fake.writes != 0 {
		t.Fatalf("a plan has written %d times", fake.writes)
	}
	want := map[string]State{"public access": WasSet, "encryption": WasSet, "unfinished uploads": WasSet, "old versions": WasSet, "versioning": WasSet, "TLS": LeftAlone}
	wantStates(t, setUp(t, b, usualShape), want)

	life, err := b.lifecycle(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	days := map[string]int32{}
	for _, rule := range life.rules {
		switch {
		case rule.AbortIncompleteMultipartUpload != nil:
			days[*rule.ID] = *rule.AbortIncompleteMultipartUpload.DaysAfterInitiation
		case rule.NoncurrentVersionExpiration != nil:
			days[*rule.ID] = *rule.NoncurrentVersionExpiration.NoncurrentDays
		default:
			days[*rule.ID] = *rule.Transitions[0].Days
		}
	}
	if diff := cmp.Diff(map[string]int32{"glacier": 9, "some": 1, "dump-refresh-old-versions-p": 30, "dump-refresh-unfinished-uploads-p": 2}, days); diff != "" {
		t.Errorf("rules and their days (-want +got):\n%s", diff)
	}
	if f := life.rules[0].Filter; f.And == nil || *f.And.Prefix != "archive/" || *f.And.ObjectSizeGreaterThan != 500 {
		t.Errorf("the filter of another's rule is %+v", f)
	}
	if life.smallest != types.TransitionDefaultMinimumObjectSizeVariesByStorageClass {
		t.Errorf("the transition default is %q", life.smallest)
	}
	if got := strings.Count(fake.kept["publicAccessBlock"], ">true<"); got != 4 {
		t.Errorf("%d of 4 ways to public access are blocked: %s", got, fake.kept["publicAccessBlock"])
	}
	if !strings.Contains(fake.kept["encryption"], "SSE-C") || !strings.Contains(fake.kept["encryption"], "<BucketKeyEnabled>true<") {
		t.Errorf("encryption is %s", fake.kept["encryption"])
	}

	// A second run finds everything as it should be, and writes nothing.
	writes := fake.writes
	for name := range want {
		want[name] = IsSo
	}
	fake.kept["policy"] = `{"Statement":{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}}`
	wantStates(t, setUp(t, b, usualShape), want)
	if fake.writes != writes {
		t.Errorf("a second run has written %d times", fake.writes-writes)
	}
}

func TestSetup(t *testing.T) {
	want := map[string]map[string]State{
		"minio": {"public access": Unsupported, "encryption": WasSet, "unfinished uploads": Unsupported, "old versions": WasSet, "versioning": WasSet, "TLS": LeftAlone},
		"versitygw": {"public access": Unsupported, "encryption": Unsupported, "unfinished uploads": Unsupported, "old versions": Unsupported, "versioning": LeftAlone,
			"TLS": LeftAlone},
	}
	for name := range servers {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t, name)
			wantStates(t, setUp(t, e.open(t), usualShape), want[name])
			for setting, state := range want[name] {
				if state == WasSet {
					want[name][setting] = IsSo
				}
			}
			wantStates(t, setUp(t, e.open(t), usualShape), want[name])
		})
	}
}

// Rules of others stay, and one that does the job is enough.
func TestSetupKeepsRulesOfOthers(t *testing.T) {
	e := newEnv(t, "minio")
	_, err := e.Client().PutBucketLifecycleConfiguration(t.Context(), &s3.PutBucketLifecycleConfigurationInput{
		Bucket: &e.bucket,
		LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{{
			ID: aws.String("logs"), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("logs/")},
			Expiration: &types.LifecycleExpiration{Days: aws.Int32(5)},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	setUp(t, e.open(t), usualShape)
	life, err := e.open(t).lifecycle(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(life.rules) != 2 || *life.rules[0].ID != "logs" || *life.rules[0].Expiration.Days != 5 {
		t.Fatalf("rules are %+v", life.rules)
	}

	// A project below the folder of that rule finds its days, though it would have chosen others.
	c := e.config()
	c.Prefix = "dumps/shop/deeper"
	setup, err := open(t, c).PlanSetup(t.Context(), Shape{AbortDays: 2, VersionDays: 90})
	if err != nil {
		t.Fatal(err)
	}
	if got := setup.Items[3]; got.State != IsSo || got.Text != "are removed after 30 days below s3://"+e.bucket+"/dumps/shop/deeper/ (rule dump-refresh-old-versions-dumps/shop)" {
		t.Errorf("old versions: %+v", got)
	}
}

func TestSetupWithoutPermission(t *testing.T) {
	e := newEnv(t, "minio")
	_, err := e.as(t, allow("s3:GetBucketVersioning")).PlanSetup(t.Context(), usualShape)
	wantError(t, err, ErrAccessDenied, "look at encryption of s3://"+e.bucket+"/: access denied, s3:GetEncryptionConfiguration is missing: Access Denied")

	setup, err := e.as(t, allow("s3:Get*")).PlanSetup(t.Context(), usualShape)
	if err != nil {
		t.Fatal(err)
	}
	var done []string
	err = setup.Apply(t.Context(), func(i Item) { done = append(done, i.Name) })
	wantError(t, err, ErrAccessDenied, "set encryption of s3://"+e.bucket+"/: access denied, s3:PutEncryptionConfiguration is missing: Access Denied")
	if len(done) != 1 {
		t.Errorf("done is %q", done)
	}
}

func TestSetupOfNoBucket(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		c := e.config()
		c.Bucket = e.bucket + "-new"
		b := open(t, c)
		if _, err := b.PlanSetup(t.Context(), usualShape); !errors.Is(err, ErrNoSuchBucket) {
			t.Errorf("without a bucket: %v", err)
		}
		shape := usualShape
		shape.Create = true
		if got := setUp(t, b, shape); got["bucket"] != WasSet {
			t.Errorf("states are %v", got)
		}
		if _, err := b.PlanSetup(t.Context(), usualShape); err != nil {
			t.Error(err)
		}
	})
}

// A bucket is made where the settings say.
func TestSetupChoosesTheRegion(t *testing.T) {
	for region, want := range map[string]string{"us-east-1": "", "eu-central-1": "eu-central-1"} {
		var sent struct{ LocationConstraint string }
		made := false
		b := answers(t, func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == http.MethodPut && len(r.URL.Query()) == 0:
				body, _ := io.ReadAll(r.Body)
				_ = xml.Unmarshal(body, &sent)
				made = true
			case !made:
				answerError(w, http.StatusNotFound, "NoSuchBucket", "")
			default:
				answerError(w, http.StatusNotImplemented, "NotImplemented", "")
			}
		})
		c := Config{Bucket: "b", Prefix: "p", Project: "shop", Endpoint: *b.client.Options().BaseEndpoint, Environment: keys("id", "key", ""), Region: region}
		setUp(t, open(t, c), Shape{Create: true, AbortDays: 1, VersionDays: 1})
		if !made || sent.LocationConstraint != want {
			t.Errorf("in %s: made %v with location %q", region, made, sent.LocationConstraint)
		}
	}
}

func TestEncryptsAs(t *testing.T) {
	kms := func(key string) types.ServerSideEncryptionByDefault {
		return types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAwsKms, KMSMasterKeyID: optional(key)}
	}
	s3 := types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAes256}
	twice := types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAwsKmsDsse, KMSMasterKeyID: aws.String("a")}
	for _, c := range []struct {
		now, want types.ServerSideEncryptionByDefault
		so        bool
	}{
		{s3, s3, true},
		{kms("a"), s3, true},
		{s3, kms(""), false},
		{kms("a"), kms(""), true},
		{kms("a"), kms("a"), true},
		{twice, kms("a"), true},
		{twice, kms("b"), false},
		{kms("a"), twice, false},
		{kms(""), kms("a"), false},
		{kms("arn:aws:kms:r:1:key/a"), kms("a"), true},
		{kms("a"), kms("arn:aws:kms:r:1:key/a"), true},
		{kms("arn:aws:kms:r:1:alias/a"), kms("alias/a"), true},
		{kms("arn:aws:kms:r:1:key/ba"), kms("a"), false},
	} {
		if got := encryptsAs(c.now, c.want); got != c.so {
			t.Errorf("%s instead of %s: %v", describeEncryption(c.now), describeEncryption(c.want), got)
		}
	}
}

func TestDeniesPlainHTTP(t *testing.T) {
	const deny = `{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}`
	for policy, want := range map[string]bool{
		`{"Statement":[` + deny + `]}`: true,
		`{"Statement":` + deny + `}`:   true,
		`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject"},` + deny + `]}`:       true,
		`{"Statement":[` + strings.Replace(deny, `"*"`, `{"AWS":"*"}`, 1) + `]}`:                        true,
		`{"Statement":[` + strings.Replace(deny, `"false"`, `["false"]`, 1) + `]}`:                      true,
		`{"Statement":[` + strings.Replace(deny, `"false"`, `"true"`, 1) + `]}`:                         false,
		`{"Statement":[` + strings.Replace(deny, "Deny", "Allow", 1) + `]}`:                             false,
		`{"Statement":[` + strings.Replace(deny, "s3:*", "s3:PutObject", 1) + `]}`:                      false,
		`{"Statement":[` + strings.Replace(deny, `"*"`, `{"AWS":"arn:aws:iam::1:user/x"}`, 1) + `]}`:    false,
		`{"Statement":[` + strings.Replace(deny, `"Bool"`, `"StringEquals":{"a":"b"},"Bool"`, 1) + `]}`: false,
		`{}`: false,
		`no`: false,
	} {
		if got := deniesPlainHTTP(policy); got != want {
			t.Errorf("%s: %v", policy, got)
		}
	}
}
